/** What is shown of a turn, made from its events one after the other. */
import type {
  ApiErrorBody,
  CheckState,
  FileAction,
  Problem,
  Turn,
  TurnEventRecord,
  TurnState,
  Usage,
} from "../api/types";

export interface FilePart {
  kind: "file";
  path: string;
  action: FileAction;
  text: string;
  finished: boolean;
  /** Bytes, once it is finished. */
  size: number;
  /** Why an edit could not be applied. */
  fault: string | undefined;
}

export type Part = { kind: "prose"; text: string } | { kind: "reasoning"; text: string } | FilePart;

/** The parts with files that follow one another taken together. */
export function runsOf(parts: readonly Part[]): (Exclude<Part, FilePart> | FilePart[])[] {
  const runs: (Exclude<Part, FilePart> | FilePart[])[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (part.kind !== "file") runs.push(part);
    else if (Array.isArray(last)) last.push(part);
    else runs.push([part]);
  }
  return runs;
}

export interface TurnView {
  /** The number of the last event that went in. */
  lastSeq: number;
  parts: Part[];
  checks: { name: string; state: CheckState }[];
  problems: Problem[];
  /** The revision that the preview shows before all checks are done. */
  candidate: string | undefined;
  snapshot: { id: string; message: string; changed: string[] } | undefined;
  draft: { id: string; reason: string } | undefined;
  usage: Usage | undefined;
  state: TurnState;
  error: ApiErrorBody | undefined;
}

export const EMPTY_VIEW: TurnView = {
  lastSeq: 0,
  parts: [],
  checks: [],
  problems: [],
  candidate: undefined,
  snapshot: undefined,
  draft: undefined,
  usage: undefined,
  state: "running",
  error: undefined,
};

/** Applies events in order; those that went in already change nothing. */
export function applyEvents(view: TurnView, records: readonly TurnEventRecord[]): TurnView {
  return records.reduce(applyEvent, view);
}

export function applyEvent(view: TurnView, record: TurnEventRecord): TurnView {
  if (record.seq <= view.lastSeq) return view;
  const next = { ...view, lastSeq: record.seq };
  const { event } = record;
  switch (event.type) {
    case "started":
      return next;
    case "text":
      return { ...next, parts: appendText(view.parts, "prose", event.text) };
    case "reasoning":
      return { ...next, parts: appendText(view.parts, "reasoning", event.text) };
    case "file_started": {
      const { path, action } = event;
      const file: FilePart = {
        kind: "file",
        path,
        action,
        text: "",
        finished: false,
        size: 0,
        fault: undefined,
      };
      return { ...next, parts: [...view.parts, file] };
    }
    case "file_text":
      return {
        ...next,
        parts: changeFile(view.parts, event.path, (file) => ({ ...file, text: file.text + event.text })),
      };
    case "file_finished": {
      const { size, fault } = event;
      return {
        ...next,
        parts: changeFile(view.parts, event.path, (file) => ({ ...file, finished: true, size, fault })),
      };
    }
    case "candidate":
      return { ...next, candidate: event.revision };
    case "check":
      return { ...next, checks: setCheck(view.checks, event.name, event.state) };
    case "problems":
      return { ...next, problems: event.problems };
    case "snapshot": {
      const { id, message, changed } = event;
      return { ...next, snapshot: { id, message, changed } };
    }
    case "draft":
      return { ...next, draft: { id: event.id, reason: event.reason } };
    case "usage":
      return { ...next, usage: event.usage };
    case "finished":
      return { ...next, state: event.state, error: event.error };
    default:
      // A newer daemon may tell more than is known here.
      return next;
  }
}

function appendText(parts: Part[], kind: "prose" | "reasoning", text: string): Part[] {
  const last = parts.at(-1);
  if (last?.kind === kind) return [...parts.slice(0, -1), { kind, text: last.text + text }];
  return [...parts, { kind, text }];
}

/** The last part about a path is the one that events mean. */
function changeFile(parts: Part[], path: string, change: (file: FilePart) => FilePart): Part[] {
  const index = parts.findLastIndex((part) => part.kind === "file" && part.path === path);
  const part = parts[index];
  return part?.kind === "file" ? parts.with(index, change(part)) : parts;
}

function setCheck(checks: TurnView["checks"], name: string, state: CheckState): TurnView["checks"] {
  const index = checks.findIndex((check) => check.name === name);
  return index < 0 ? [...checks, { name, state }] : checks.with(index, { name, state });
}

/** A sentence on what is going on, for those who hear the page rather than see it. */
export function announcement(view: TurnView): string {
  switch (view.state) {
    case "done":
      return view.snapshot ? `Done: ${view.snapshot.message}` : "Done.";
    case "stopped":
      return "Stopped.";
    case "failed":
      return `It failed. ${view.error?.message ?? view.draft?.reason ?? ""}`.trim();
    case "interrupted":
      return "Interrupted, since labd was stopped.";
    case "running":
  }
  const check = view.checks.find((each) => each.state === "running");
  if (check) return `Checking: ${check.name}.`;
  const last = view.parts.at(-1);
  if (last?.kind === "file") return `${VERBS[last.action]} ${last.path}.`;
  return last ? "Answering." : "Waiting for the answer.";
}

export const VERBS: Record<FileAction, string> = {
  write: "Writing",
  edit: "Editing",
  delete: "Removing",
};

/** The turn's own record says how it ended, also when its list of events was cut by a crash. */
export function withRecord(view: TurnView, turn: Turn): TurnView {
  if (turn.state === "running" || view.state !== "running") return view;
  return { ...view, state: turn.state, error: turn.error ?? undefined };
}
