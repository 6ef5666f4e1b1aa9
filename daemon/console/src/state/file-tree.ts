/** Paths as folders. A folder that holds nothing but one folder is drawn with it in one line. */

export interface Folder {
  name: string;
  path: string;
  folders: Folder[];
  files: { name: string; path: string }[];
}

export function folderOf(paths: string[]): Folder {
  const root: Folder = { name: "", path: "", folders: [], files: [] };
  for (const path of [...paths].sort()) {
    const parts = path.split("/");
    const name = parts.pop() ?? path;
    let at = root;
    for (const part of parts) {
      let next = at.folders.find((folder) => folder.name === part);
      if (!next) {
        next = { name: part, path: at.path ? `${at.path}/${part}` : part, folders: [], files: [] };
        at.folders.push(next);
      }
      at = next;
    }
    at.files.push({ name, path });
  }
  return { ...root, folders: root.folders.map(joined) };
}

function joined(folder: Folder): Folder {
  const only = folder.folders[0];
  if (only && folder.folders.length === 1 && folder.files.length === 0) {
    return joined({ ...only, name: `${folder.name}/${only.name}` });
  }
  return { ...folder, folders: folder.folders.map(joined) };
}
