import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { keyOf, mutate, type Params } from "./client";
import { entryOf } from "./store";
import type { Column, Result, Row } from "./wire";

export interface QueryOptions {
  /** `false` waits: for a selection, for a filled form. */
  enabled?: boolean;
  /** Reads again after this time: milliseconds, or `"30s"`, `"5m"`. */
  refresh?: number | string;
}

export interface QueryState<T = Row> {
  /** The rows; empty until they are there. */
  data: T[];
  columns: Column[];
  /** True while rows are on their way, also when older ones are shown. */
  loading: boolean;
  error: Error | null;
  truncated: boolean;
  updatedAt: Date | null;
  /** Reads again now. */
  refresh: () => void;
}

const NO_ROWS: never[] = [];
const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(refresh: number | string | undefined): number {
  if (typeof refresh !== "string") return refresh ?? 0;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(refresh.trim());
  return match ? Number(match[1]) * UNITS[match[2]] : 0;
}

/** The rows of a named query, kept fresh. The same call in several components is sent once. */
export function useQuery<T = Row>(name: string, params: Params = {}, options: QueryOptions = {}): QueryState<T> {
  const enabled = options.enabled ?? true;
  const every = milliseconds(options.refresh);
  const key = keyOf(name, params);
  // The parameters of the key: a new object with the same content is the same call.
  const entry = useMemo(() => entryOf(name, params), [key]);
  const subscribe = useCallback(
    (changed: () => void) => (enabled ? entry.subscribe(changed, every) : () => {}),
    [entry, enabled, every],
  );
  const snapshot = useSyncExternalStore(subscribe, () => entry.snapshot, () => entry.snapshot);
  // While other parameters load, the rows of before stay on the page.
  const last = useRef<{ name: string; result: Result<T> } | null>(null);
  if (snapshot.result) last.current = { name, result: snapshot.result };
  const result: Result<T> | null = snapshot.result ?? (last.current?.name === name ? last.current.result : null);
  const refresh = useCallback(() => { void entry.load(); }, [entry]);
  return {
    data: result?.rows ?? NO_ROWS,
    columns: result?.columns ?? NO_ROWS,
    truncated: result?.truncated ?? false,
    loading: enabled && snapshot.loading,
    error: snapshot.error,
    updatedAt: snapshot.updatedAt,
    refresh,
  };
}

export interface MutationState<T = Row> {
  /** Runs the query; true when it worked, so that a form can close. */
  run: (params?: Params) => Promise<boolean>;
  loading: boolean;
  error: Error | null;
  data: T[];
  reset: () => void;
}

/** A named query that changes data (`@effect write`). Shown queries are read again after it. */
export function useMutation<T = Row>(name: string): MutationState<T> {
  const [state, setState] = useState<{ loading: boolean; error: Error | null; data: T[] }>({ loading: false, error: null, data: [] });
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => { alive.current = false; };
  }, []);
  const run = useCallback(async (params: Params = {}) => {
    setState((before) => ({ ...before, loading: true, error: null }));
    try {
      const result = await mutate<T>(name, params);
      if (alive.current) setState({ loading: false, error: null, data: result.rows });
      return true;
    } catch (error) {
      if (alive.current) setState((before) => ({ ...before, loading: false, error: error as Error }));
      return false;
    }
  }, [name]);
  const reset = useCallback(() => setState({ loading: false, error: null, data: [] }), []);
  return { run, reset, ...state };
}
