import { CircleCheck, CircleDashed, CircleX, FileText, LoaderCircle, RotateCcw, Square } from "lucide-react";
import { useEffect, useState } from "react";
import type { Project, Turn } from "../../api/types";
import { Prose } from "../../components/prose";
import { Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { Ago } from "../../components/ui/time";
import { count, duration } from "../../state/format";
import { announcement, runsOf, type TurnView } from "../../state/turn-view";
import { useTurn } from "../../state/use-turn";
import { FileRun } from "./file-progress";
import { ProblemList } from "./problem-list";
import { PromptDialog } from "./prompt-dialog";

interface TurnCardProps {
  project: Project;
  turn: Turn;
  latest: boolean;
  onCandidate: () => void;
  onOpenFile: (path: string, line?: number) => void;
  onAgain: (text: string) => void;
}

/** A request, and all that came of it. */
export function TurnCard({ project, turn, latest, onCandidate, onOpenFile, onAgain }: TurnCardProps) {
  const { view, loading, error } = useTurn(project.id, turn);
  const running = turn.state === "running" && view.state === "running";
  useEffect(() => {
    if (view.candidate && latest) onCandidate();
  }, [view.candidate, latest, onCandidate]);
  return (
    <article aria-label={`Request: ${turn.text}`} className="space-y-3">
      <p className="ml-8 w-fit justify-self-end rounded-xl rounded-br-sm bg-accent-soft px-3 py-2 break-words whitespace-pre-line">
        {turn.text}
      </p>
      <div className="space-y-3">
        {loading && <Spinner label="Reading the answer" />}
        {runsOf(view.parts).map((part, index, all) => (
          <PartOf key={index} part={part} running={running && index === all.length - 1} onOpen={onOpenFile} />
        ))}
        {running && view.parts.length === 0 && <Spinner label={`${turn.provider} is thinking`} />}
        <Checks view={view} />
        {view.problems.length > 0 && <ProblemList problems={view.problems} onOpen={onOpenFile} />}
        <Outcome turn={turn} view={view} onAgain={onAgain} />
        {error && <ErrorNote error={error} />}
        {!running && <Foot project={project} turn={turn} view={view} />}
      </div>
      {latest && (
        <p role="status" className="sr-only">
          {turn.state === "running" || view.state !== "running" ? announcement(view) : ""}
        </p>
      )}
    </article>
  );
}

interface PartProps {
  part: ReturnType<typeof runsOf>[number];
  running: boolean;
  onOpen: (path: string) => void;
}

function PartOf({ part, running, onOpen }: PartProps) {
  if (Array.isArray(part)) return <FileRun files={part} running={running} onOpen={onOpen} />;
  switch (part.kind) {
    case "prose":
      return <Prose text={part.text} />;
    case "reasoning":
      return (
        <details className="rounded-lg border border-line px-3 py-1.5 text-sm">
          <summary className="text-faint">{running ? "Reasoning…" : "Reasoning"}</summary>
          <div className="scroll-thin mt-2 max-h-64 overflow-y-auto whitespace-pre-line text-soft">{part.text}</div>
        </details>
      );
  }
}

const CHECKS: Record<string, string> = {
  compile: "Compiles",
  queries: "Queries run on the database",
  server: "Server code loads",
};

function Checks({ view }: { view: TurnView }) {
  if (view.checks.length === 0) return null;
  return (
    <ul aria-label="Checks" className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
      {view.checks.map(({ name, state }) => (
        <li key={name} className="flex items-center gap-1.5">
          {state === "running" && view.state === "running" && <LoaderCircle className="size-3.5 animate-spin" aria-hidden />}
          {state === "running" && view.state !== "running" && <CircleDashed className="size-3.5" aria-hidden />}
          {state === "passed" && <CircleCheck className="size-3.5 text-ok" aria-hidden />}
          {state === "failed" && <CircleX className="size-3.5 text-danger" aria-hidden />}
          {CHECKS[name] ?? name}
          <span className="sr-only">: {state}</span>
        </li>
      ))}
    </ul>
  );
}

function Outcome({ turn, view, onAgain }: { turn: Turn; view: TurnView; onAgain: (text: string) => void }) {
  const again = (
    <Button small icon={<RotateCcw />} onClick={() => onAgain(turn.text)}>
      Ask again
    </Button>
  );
  return (
    <>
      {view.snapshot && (
        <Line icon={<CircleCheck className="text-ok" />}>
          <span className="font-medium">
            {view.draft
              ? "What was complete is in your app."
              : view.snapshot.message === turn.text
                ? "Done: your app has it now."
                : view.snapshot.message}
          </span>
        </Line>
      )}
      {view.draft && (
        <Line icon={<CircleDashed className="text-warn" />}>
          <span className="font-medium">
            {view.snapshot ? "What was not finished is kept as a draft." : "Kept as a draft; your app stays as it was."}
          </span>{" "}
          {view.draft.reason !== view.error?.message && view.draft.reason}
        </Line>
      )}
      {view.state === "stopped" && <Line icon={<Square className="text-faint" />}>You stopped this.</Line>}
      {view.state === "interrupted" && (
        <Line icon={<Square className="text-warn" />} action={again}>
          labd was stopped in the middle. What had arrived is kept.
        </Line>
      )}
      {view.state === "failed" && view.error && <ErrorNote error={view.error}>{again}</ErrorNote>}
      {view.state === "failed" && !view.error && again}
    </>
  );
}

function Line({ icon, action, children }: { icon: React.ReactNode; action?: React.ReactNode; children: React.ReactNode }) {
  return (
    <div className="flex items-start gap-2 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0">
      {icon}
      <p className="min-w-0 flex-1 break-words">{children}</p>
      {action}
    </div>
  );
}

function Foot({ project, turn, view }: { project: Project; turn: Turn; view: TurnView }) {
  const [open, setOpen] = useState(false);
  const usage = view.usage ?? turn.usage;
  const took = turn.ended_at ? Date.parse(turn.ended_at) - Date.parse(turn.started_at) : undefined;
  const tokens = [usage.input !== null && `${count(usage.input)} in`, usage.output !== null && `${count(usage.output)} out`]
    .filter(Boolean)
    .join(", ");
  return (
    <p className="flex flex-wrap items-center gap-x-1.5 gap-y-0.5 text-xs text-faint">
      <Ago at={turn.started_at} />
      <span>· {turn.model || turn.provider}</span>
      {took !== undefined && took >= 0 && <span>· {duration(took)}</span>}
      {tokens && <span>· {tokens} tokens</span>}
      <button type="button" className="ml-1 inline-flex items-center gap-1 rounded hover:text-ink hover:underline" onClick={() => setOpen(true)}>
        <FileText className="size-3" aria-hidden />
        What was sent
      </button>
      {open && <PromptDialog project={project.id} turn={turn.id} onClose={() => setOpen(false)} />}
    </p>
  );
}
