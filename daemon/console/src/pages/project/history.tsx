import { ChevronRight, FileText, History, Rewind, User } from "lucide-react";
import { Sparkles } from "lucide-react";
import { useState } from "react";
import * as labd from "../../api/labd";
import type { Project, Snapshot } from "../../api/types";
import { Badge, Empty, Skeleton } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { Ago } from "../../components/ui/time";
import { plural } from "../../state/format";
import { invalidate, useResource } from "../../state/resources";
import { toast, toastError } from "../../state/toasts";
import { SnapshotFile } from "./snapshot-file";

export function HistoryPanel({ project }: { project: Project }) {
  const history = useResource(`project/${project.id}/history`, () => labd.history(project.id));
  const [busy, setBusy] = useState<string>();
  const rewind = async (snapshot: Snapshot) => {
    setBusy(snapshot.id);
    try {
      await labd.rewind(project.id, snapshot.id);
      toast(`The app is as it was: ${snapshot.message}`, "done", "rewind");
      invalidate(`project/${project.id}`);
    } catch (failure) {
      toastError(failure);
    } finally {
      setBusy(undefined);
    }
  };
  const head = history.data?.find((snapshot) => snapshot.id === project.head);
  return (
    <div className="scroll-thin min-h-0 flex-1 overflow-y-auto p-4">
      {history.error && <ErrorNote error={history.error} retry={history.reload} />}
      {!history.data && history.loading && <Skeleton />}
      {history.data?.length === 0 && (
        <Empty icon={<History />} title="No history yet">
          Each answer and each save becomes a state here. You can go back to any of them and forward again;
          nothing is ever lost.
        </Empty>
      )}
      <ol className="space-y-2" aria-label="States, the latest first">
        {history.data?.map((snapshot) => (
          <State
            key={snapshot.id}
            project={project}
            snapshot={snapshot}
            current={snapshot.id === project.head}
            later={head !== undefined && snapshot.created_at > head.created_at}
            busy={busy === snapshot.id}
            disabled={busy !== undefined || project.running_turn !== null}
            onRewind={() => void rewind(snapshot)}
          />
        ))}
      </ol>
    </div>
  );
}

interface StateProps {
  project: Project;
  snapshot: Snapshot;
  current: boolean;
  later: boolean;
  busy: boolean;
  disabled: boolean;
  onRewind: () => void;
}

function State({ project, snapshot, current, later, busy, disabled, onRewind }: StateProps) {
  const [open, setOpen] = useState(false);
  const [file, setFile] = useState<string>();
  const { author, changed } = snapshot;
  return (
    <li className={cx("rounded-lg border bg-surface", current ? "border-accent" : "border-line")}>
      <div className="flex items-start gap-3 px-3 py-2.5">
        {author.type === "model" ? (
          <Sparkles className="mt-0.5 size-4 shrink-0 text-accent" aria-hidden />
        ) : (
          <User className="mt-0.5 size-4 shrink-0 text-faint" aria-hidden />
        )}
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-1.5">
            <span className="font-medium break-words">{snapshot.message}</span>
            {current && <Badge tone="accent">Now</Badge>}
            {snapshot.draft && <Badge tone="warn">Draft</Badge>}
          </p>
          <p className="mt-0.5 flex flex-wrap gap-x-1.5 text-xs text-faint">
            <Ago at={snapshot.created_at} />
            <span>· {author.type === "model" ? author.model || author.provider : "by hand"}</span>
            <button
              type="button"
              aria-expanded={open}
              onClick={() => setOpen(!open)}
              className="inline-flex items-center rounded hover:text-ink"
            >
              · {plural(changed.length, "file")}
              <ChevronRight className={cx("size-3 transition-transform", open && "rotate-90")} aria-hidden />
            </button>
          </p>
          {snapshot.draft && (
            <p className="mt-1 text-xs text-soft">It was not finished or did not pass its checks, so the app never showed it. Its files can be read here.</p>
          )}
        </div>
        {!current && !snapshot.draft && (
          <Button small busy={busy} disabled={disabled} icon={<Rewind className={cx(later && "-scale-x-100")} />} onClick={onRewind}>
            {later ? "Go forward" : "Go back"}
          </Button>
        )}
      </div>
      {open && (
        <ul className="border-t border-line px-3 py-2">
          {changed.map((path) => (
            <li key={path}>
              <button
                type="button"
                onClick={() => setFile(path)}
                className="flex items-center gap-2 rounded py-0.5 font-mono text-xs text-soft hover:text-ink hover:underline"
              >
                <FileText className="size-3.5 shrink-0" aria-hidden />
                <span className="break-all">{path}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {file !== undefined && (
        <SnapshotFile project={project.id} snapshot={snapshot} path={file} onClose={() => setFile(undefined)} />
      )}
    </li>
  );
}
