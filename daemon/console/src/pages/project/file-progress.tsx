import { ChevronRight, FilePen, FilePlus2, FileX2, LoaderCircle, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { cx } from "../../components/ui/cx";
import { bytes, plural } from "../../state/format";
import { type FilePart, VERBS } from "../../state/turn-view";

const ICONS = { write: FilePlus2, edit: FilePen, delete: FileX2 };

/** So many files stand in the chat each for itself. */
const FEW = 3;

interface FileRunProps {
  files: FilePart[];
  /** The answer is still in these files. */
  running: boolean;
  onOpen: (path: string) => void;
}

/** Files that an answer writes one after the other; many of them fold up when all is well. */
export function FileRun({ files, running, onOpen }: FileRunProps) {
  const [chosen, setOpen] = useState<boolean>();
  const folds = !running && files.length > FEW;
  const open = chosen ?? (!folds || files.some((file) => file.fault));
  return (
    <div className="divide-y divide-line overflow-hidden rounded-lg border border-line">
      {folds && (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className="flex w-full items-center gap-2 px-2.5 py-1.5 text-left text-sm -outline-offset-2 hover:bg-hover"
        >
          <ChevronRight className={cx("size-3.5 shrink-0 text-faint transition-transform", open && "rotate-90")} aria-hidden />
          <span className="shrink-0">{plural(files.length, "file")}</span>
          <span className="min-w-0 flex-1 truncate font-mono text-xs text-faint">
            {files.map((file) => file.path.split("/").at(-1)).join(", ")}
          </span>
        </button>
      )}
      {open &&
        files.map((file, index) => (
          <FileProgress key={index} file={file} running={running && index === files.length - 1} onOpen={onOpen} />
        ))}
    </div>
  );
}

interface FileProgressProps {
  file: FilePart;
  running: boolean;
  onOpen: (path: string) => void;
}

/** A file of an answer: what is done with it, how far it is, and on demand its text. */
function FileProgress({ file, running, onOpen }: FileProgressProps) {
  const [open, setOpen] = useState(false);
  const Icon = ICONS[file.action];
  const lines = file.text ? file.text.split("\n").length : 0;
  const progress = file.finished
    ? file.action === "delete"
      ? "removed"
      : bytes(file.size)
    : running
      ? plural(lines, "line")
      : "unfinished";
  return (
    <div className="text-sm">
      <div className="flex items-center gap-2 px-2.5 py-1.5">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`Text of ${file.path}`}
          disabled={!file.text}
          onClick={() => setOpen(!open)}
          className="rounded text-faint hover:text-ink disabled:invisible"
        >
          <ChevronRight className={cx("size-3.5 transition-transform", open && "rotate-90")} aria-hidden />
        </button>
        {running && !file.finished ? (
          <LoaderCircle className="size-4 shrink-0 animate-spin text-accent" aria-hidden />
        ) : (
          <Icon className={cx("size-4 shrink-0", file.fault ? "text-danger" : "text-faint")} aria-hidden />
        )}
        <span className="sr-only">{VERBS[file.action]}</span>
        <button
          type="button"
          disabled={file.action === "delete"}
          onClick={() => onOpen(file.path)}
          className={cx(
            "min-w-0 flex-1 truncate rounded text-left font-mono text-xs enabled:hover:underline",
            file.action === "delete" && "line-through",
          )}
        >
          {file.path}
        </button>
        <span className="shrink-0 text-xs text-faint tabular-nums">{progress}</span>
      </div>
      {file.fault && (
        <p className="flex gap-2 border-t border-line px-2.5 py-1.5 text-xs text-danger">
          <TriangleAlert className="mt-px size-3.5 shrink-0" aria-hidden />
          {file.fault}
        </p>
      )}
      {open && file.text && (
        <pre className="scroll-thin max-h-72 overflow-auto border-t border-line bg-sunken px-3 py-2 font-mono text-xs">
          {file.text}
        </pre>
      )}
    </div>
  );
}
