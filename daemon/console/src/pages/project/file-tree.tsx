import { ChevronRight, FileCode2, FileJson2, FileText, FileType2, Folder, SquareCode } from "lucide-react";
import { useState } from "react";
import { cx } from "../../components/ui/cx";
import { type Folder as FolderNode, folderOf } from "../../state/file-tree";

interface FileTreeProps {
  paths: string[];
  selected: string | undefined;
  isUnsaved: (path: string) => boolean;
  onOpen: (path: string) => void;
}

export function FileTree({ paths, ...rest }: FileTreeProps) {
  return <Level folder={folderOf(paths)} {...rest} />;
}

interface LevelProps extends Omit<FileTreeProps, "paths"> {
  folder: FolderNode;
}

function Level({ folder, ...rest }: LevelProps) {
  const { selected, isUnsaved, onOpen } = rest;
  return (
    <ul>
      {folder.folders.map((each) => (
        <Branch key={each.path} folder={each} {...rest} />
      ))}
      {folder.files.map(({ name, path }) => {
        const Icon = iconOf(name);
        return (
          <li key={path}>
            <button
              type="button"
              aria-current={path === selected ? "true" : undefined}
              onClick={() => onOpen(path)}
              className={cx(
                "flex h-7 w-full items-center gap-2 rounded-md px-2 text-left text-xs -outline-offset-2",
                path === selected ? "bg-accent-soft font-medium text-ink" : "text-soft hover:bg-hover hover:text-ink",
              )}
            >
              <Icon className="size-3.5 shrink-0 text-faint" aria-hidden />
              <span className="truncate">{name}</span>
              {isUnsaved(path) && (
                <span className="ml-auto size-1.5 shrink-0 rounded-full bg-warn">
                  <span className="sr-only">not saved</span>
                </span>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Branch({ folder, ...rest }: LevelProps) {
  const [open, setOpen] = useState(true);
  return (
    <li>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex h-7 w-full items-center gap-1 rounded-md px-1 text-left text-xs text-soft -outline-offset-2 hover:bg-hover hover:text-ink"
      >
        <ChevronRight className={cx("size-3 shrink-0 text-faint transition-transform", open && "rotate-90")} aria-hidden />
        <Folder className="size-3.5 shrink-0 text-faint" aria-hidden />
        <span className="truncate">{folder.name}</span>
      </button>
      {open && (
        <div className="ml-3 border-l border-line pl-1">
          <Level folder={folder} {...rest} />
        </div>
      )}
    </li>
  );
}

function iconOf(name: string) {
  if (/\.(tsx|ts|jsx|js)$/.test(name)) return FileCode2;
  if (name.endsWith(".sql")) return SquareCode;
  if (name.endsWith(".json")) return FileJson2;
  return name.endsWith(".css") ? FileType2 : FileText;
}
