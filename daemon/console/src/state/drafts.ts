/** What was typed into files and not saved yet. It outlives the editor, so that one can look elsewhere. */
import { useSyncExternalStore } from "react";
import type { FileContent, Problem } from "../api/types";

export interface FileDraft {
  base: FileContent;
  text: string;
  /** What of it labd keeps as a draft, since it did not pass its checks. */
  kept: string | undefined;
  /** What is wrong with that. */
  found: Problem[];
}

/** What a file is based on that is not there yet. */
export const newFile = (path: string): FileContent => ({ path, content: "", binary: false, hash: "" });

let drafts: ReadonlyMap<string, FileDraft> = new Map();
const listeners = new Set<() => void>();

window.addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some((draft) => draft.text !== draft.kept)) event.preventDefault();
});

export const draftKey = (project: string, path: string) => `${project}/${path}`;

export function draftOf(key: string): FileDraft | undefined {
  return drafts.get(key);
}

/** Keeps, or with none forgets, what was typed. */
export function setDraft(key: string, draft: FileDraft | undefined): void {
  if (!draft && !drafts.has(key)) return;
  const next = new Map(drafts);
  if (draft) next.set(key, draft);
  else next.delete(key);
  drafts = next;
  for (const listener of listeners) listener();
}

export function useDrafts(): ReadonlyMap<string, FileDraft> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => drafts,
  );
}
