import { decode, type Result, type Row, type WireResult } from "./wire";

export type Params = Record<string, unknown>;

/** Why a query gave no rows. */
export class QueryError extends Error {
  constructor(
    message: string,
    /** Stable and short: `invalid-request`, `timeout`, `unavailable`, `network`, … */
    readonly code: string,
    /** The name of the query. */
    readonly query: string,
    /** Where in the statement the fault lies, in characters from 1. */
    readonly position?: number,
    readonly hint?: string,
  ) {
    super(message);
    this.name = "QueryError";
  }
}

const BASE = "/_lab/q/";

async function call(name: string, params: Params, signal?: AbortSignal): Promise<WireResult> {
  let response: Response;
  try {
    response = await fetch(BASE + encodeURIComponent(name), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ params }, (_key, value) => (typeof value === "bigint" ? value.toString() : value)),
      signal,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new QueryError("The data could not be reached. Check the connection and try again.", "network", name);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body && Array.isArray(body.columns)) return body as WireResult;
  throw new QueryError(
    body?.message ?? body?.detail ?? body?.title ?? `The query answered with status ${response.status}.`,
    body?.code ?? `http-${response.status}`, name, body?.position ?? undefined, body?.hint ?? undefined,
  );
}

/** Tells whoever shows the app (the preview) of a fault that the app itself survives. */
export function reportProblem(detail: { kind: string; message: string; [more: string]: unknown }): void {
  if (typeof window !== "undefined") window.dispatchEvent(new CustomEvent("labd:problem", { detail }));
}

function report(error: unknown): void {
  if (error instanceof QueryError) {
    const { code, query, message, position, hint } = error;
    reportProblem({ kind: "query", code, query, message, position, hint });
  }
}

const running = new Map<string, Promise<Result<any>>>();

/** The identity of a call. Parameters in another order are the same call. */
export function keyOf(name: string, params: Params): string {
  const names = Object.keys(params).filter((key) => params[key] !== undefined).sort();
  return `${name} ${JSON.stringify(names.map((key) => [key, params[key]]), (_k, v) => (typeof v === "bigint" ? `${v}n` : v))}`;
}

/** Runs a named query once. The same call made twice at a time is sent once. */
export function query<T = Row>(name: string, params: Params = {}, options: { signal?: AbortSignal } = {}): Promise<Result<T>> {
  const key = keyOf(name, params);
  const shared = !options.signal && running.get(key);
  if (shared) return shared;
  const promise = call(name, params, options.signal)
    .then((wire) => decode<T>(wire))
    .catch((error) => { if (!options.signal?.aborted) report(error); throw error; });
  if (!options.signal) {
    running.set(key, promise);
    const clear = () => { running.delete(key); };
    promise.then(clear, clear);
  }
  return promise;
}

/** Runs a named query that changes data, then has every shown query read again. */
export async function mutate<T = Row>(name: string, params: Params = {}): Promise<Result<T>> {
  try {
    return decode<T>(await call(name, params));
  } catch (error) {
    report(error);
    throw error;
  } finally {
    invalidate();
  }
}

type Listener = (names?: string[]) => void;
const listeners = new Set<Listener>();

export function onInvalidate(listener: Listener): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

/** Has the queries of these names, or all, read again. */
export function invalidate(...names: string[]): void {
  for (const listener of [...listeners]) listener(names.length ? names : undefined);
}
