import { GitMerge } from "lucide-react";
import { useState } from "react";
import type { FileContent } from "../../api/types";
import { Button } from "../../components/ui/button";

interface ConflictProps {
  path: string;
  theirs: FileContent;
  onTakeTheirs: () => void;
  onKeepMine: () => void;
}

/** The file changed under the editor. Both texts are there until a person decides. */
export function Conflict({ path, theirs, onTakeTheirs, onKeepMine }: ConflictProps) {
  const [open, setOpen] = useState(false);
  return (
    <div role="alert" className="space-y-2 border-b border-line bg-warn-soft px-3 py-2.5 text-sm">
      <p className="flex gap-2">
        <GitMerge className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden />
        <span>
          <span className="font-medium">{path} was changed while you edited it.</span> Nothing is overwritten: your
          text is below, the other one can be looked at here.
        </span>
      </p>
      <div className="flex flex-wrap gap-2 pl-6">
        <Button small aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide the other text" : "Show the other text"}
        </Button>
        <Button small onClick={onTakeTheirs}>
          Take the other, drop mine
        </Button>
        <Button small onClick={onKeepMine}>
          Save mine over it
        </Button>
      </div>
      {open && (
        <pre className="scroll-thin max-h-56 overflow-auto rounded-md border border-line bg-surface p-2 font-mono text-xs">
          {theirs.content}
        </pre>
      )}
    </div>
  );
}
