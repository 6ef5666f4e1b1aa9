import { FilePlus2, Files, PanelLeft } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import * as labd from "../../api/labd";
import type { Project } from "../../api/types";
import { Empty, Skeleton, Spinner } from "../../components/ui/bits";
import { Button, IconButton } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { draftKey, useDrafts } from "../../state/drafts";
import { useResource } from "../../state/resources";
import { useQueryValue } from "../../state/router";
import { FileTree } from "./file-tree";
import { NewFile } from "./new-file";

const FileEditor = lazy(() => import("./file-editor"));

/** The list and the editor fit side by side. */
const hasRoom = () => window.matchMedia("(min-width: 640px)").matches;

export function FilesPanel({ project }: { project: Project }) {
  const files = useResource(`project/${project.id}/files`, () => labd.files(project.id));
  const [opened, setOpened] = useQueryValue("file");
  const drafts = useDrafts();
  const [tree, setTree] = useState(() => !opened || hasRoom());
  const [adding, setAdding] = useState(false);
  const made = [...drafts]
    .filter(([key, draft]) => draft.base.hash === "" && key === draftKey(project.id, draft.base.path))
    .map(([, draft]) => draft.base.path);
  const paths = [...new Set([...(files.data ?? []).map((file) => file.path), ...made])];
  const [, path, line] = /^(.*?)(?::(\d+))?$/.exec(opened ?? "") ?? [];
  const open = (next: string) => {
    setOpened(next);
    if (!hasRoom()) setTree(false);
  };
  const showTree = tree || !path;
  return (
    <div className="flex min-h-0 flex-1">
      <nav
        aria-label="Files"
        className={cx("min-h-0 flex-col border-line bg-surface sm:w-56 sm:border-r", showTree ? "flex max-sm:flex-1" : "hidden")}
      >
        <div className="flex h-10 items-center justify-between border-b border-line pr-1 pl-3">
          <h2 className="text-xs font-medium text-faint">Files</h2>
          <IconButton label="New file" small onClick={() => setAdding(true)}>
            <FilePlus2 />
          </IconButton>
        </div>
        <div className="scroll-thin min-h-0 flex-1 overflow-y-auto p-1.5">
          {files.error && <ErrorNote error={files.error} retry={files.reload} />}
          {!files.data && files.loading && <Skeleton rows={3} />}
          {files.data && paths.length === 0 && <p className="p-2 text-xs text-faint">No files yet.</p>}
          {files.data && <FileTree paths={paths} selected={path} isUnsaved={(each) => drafts.has(draftKey(project.id, each))} onOpen={open} />}
        </div>
      </nav>
      <div className={cx("min-h-0 min-w-0 flex-1 flex-col", showTree ? "hidden sm:flex" : "flex")}>
        {path ? (
          <Suspense fallback={<div className="p-4"><Spinner label="Opening the editor" /></div>}>
            <FileEditor
              key={path}
              project={project}
              path={path}
              line={line ? Number(line) : undefined}
              onGone={() => setOpened(null)}
              onOpen={(next, at) => open(at ? `${next}:${at}` : next)}
              before={
                <IconButton label={showTree ? "Hide the files" : "Show the files"} small onClick={() => setTree(!tree)}>
                  <PanelLeft />
                </IconButton>
              }
            />
          </Suspense>
        ) : (
          <div className="flex flex-1 items-center justify-center">
            <Empty
              icon={<Files />}
              title="The app's files"
              action={
                files.data?.length === 0 ? (
                  <Button icon={<FilePlus2 />} onClick={() => setAdding(true)}>
                    New file
                  </Button>
                ) : undefined
              }
            >
              Choose one to read or change it. What you save is checked and shown at once, and becomes a state
              in the history.
            </Empty>
          </div>
        )}
      </div>
      {adding && (
        <NewFile
          project={project.id}
          paths={paths}
          onClose={() => setAdding(false)}
          onMade={(fresh) => {
            setAdding(false);
            open(fresh);
          }}
        />
      )}
    </div>
  );
}
