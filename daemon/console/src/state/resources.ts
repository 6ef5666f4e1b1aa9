/**
 * What was read from labd, by key. Keys are paths (`project/01K…/files`); a notice makes a key and
 * all below it stale, and what is on screen is then read anew while the old value stays shown.
 */
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { type ApiError, errorFromFailure } from "../api/errors";
import type { Notice } from "../api/types";

interface Entry {
  state: Resource<unknown>;
  load: () => Promise<unknown>;
  stale: boolean;
  /** Counts loads, so that a late answer does not replace a later one. */
  run: number;
  listeners: Set<() => void>;
}

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

const NOTHING: Resource<never> = { data: undefined, error: undefined, loading: false };
const entries = new Map<string, Entry>();

function entryOf(key: string, load: () => Promise<unknown>): Entry {
  let entry = entries.get(key);
  if (!entry) {
    entry = { state: { ...NOTHING, loading: true }, load, stale: true, run: 0, listeners: new Set() };
    entries.set(key, entry);
  }
  return entry;
}

function publish(entry: Entry, state: Resource<unknown>): void {
  entry.state = state;
  for (const listener of entry.listeners) listener();
}

async function read(entry: Entry): Promise<void> {
  entry.stale = false;
  entry.run += 1;
  const run = entry.run;
  publish(entry, { ...entry.state, loading: true });
  try {
    const data = await entry.load();
    if (run === entry.run) publish(entry, { data, error: undefined, loading: false });
  } catch (failure) {
    if (run === entry.run) {
      publish(entry, { data: entry.state.data, error: errorFromFailure(failure), loading: false });
    }
  }
}

/** Reads `key` by `load` when it is shown and whenever it became stale. No key: nothing is read. */
export function useResource<T>(
  key: string | null,
  load: () => Promise<T>,
): Resource<T> & { reload: () => void } {
  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === null) return () => {};
      const entry = entryOf(key, load);
      entry.listeners.add(listener);
      return () => {
        entry.listeners.delete(listener);
      };
    },
    // A key says all that `load` depends on.
    [key],
  );
  const state = useSyncExternalStore(subscribe, () =>
    key === null ? NOTHING : entryOf(key, load).state,
  );
  useEffect(() => {
    if (key === null) return;
    const entry = entryOf(key, load);
    entry.load = load;
    if (entry.stale) void read(entry);
  }, [key]);
  const reload = useCallback(() => {
    if (key !== null) invalidate(key);
  }, [key]);
  return { ...(state as Resource<T>), reload };
}

/** Makes `prefix` and all keys below it stale. */
export function invalidate(prefix: string): void {
  for (const [key, entry] of entries) {
    if (key === prefix || key.startsWith(`${prefix}/`)) refresh(entry);
  }
}

export function invalidateAll(): void {
  for (const entry of entries.values()) refresh(entry);
}

function refresh(entry: Entry): void {
  entry.stale = true;
  if (entry.listeners.size > 0) void read(entry);
}

/** Puts in what an answer already told. */
export function remember<T>(key: string, data: T): void {
  const entry = entries.get(key);
  if (!entry) return;
  entry.run += 1;
  publish(entry, { data, error: undefined, loading: false });
}

/** Forgets everything: another person may sign in. */
export function forgetAll(): void {
  for (const entry of entries.values()) {
    entry.stale = true;
    entry.run += 1;
    publish(entry, { ...NOTHING });
  }
}

/** The keys that a notice makes stale. */
export function keysOf(notice: Notice): string[] {
  switch (notice.type) {
    case "project":
      return ["projects", `project/${notice.project}`, "sources"];
    case "turn":
      return ["projects", `project/${notice.project}`];
    case "preview":
      return [`project/${notice.project}/problems`];
    case "source":
      return ["sources", `source/${notice.source}`];
    case "deployment":
      return [`project/${notice.project}/deployments`];
    case "targets":
      return ["targets"];
    case "plugin":
      return ["plugins", `plugin/${notice.plugin}`];
    case "settings":
      return ["settings", "providers", "models"];
  }
}
