import { invalidate, keyOf, onInvalidate, query, type Params, type QueryError } from "./client";
import type { Result } from "./wire";

/** What is known of one call, shared by all components that make it. */
export interface Snapshot {
  result: Result<any> | null;
  error: QueryError | Error | null;
  loading: boolean;
  updatedAt: Date | null;
}

const EMPTY: Snapshot = { result: null, error: null, loading: true, updatedAt: null };
/** How long a result that nobody shows is kept, so that coming back to a page shows it at once. */
const KEEP_MS = 5 * 60_000;

/** One call with its readers. Reads while somebody looks, stops when nobody does. */
export class Entry {
  snapshot: Snapshot = EMPTY;
  private readers = new Map<() => void, number>();
  private flight: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private drop: ReturnType<typeof setTimeout> | undefined;
  private stale = true;

  constructor(readonly key: string, readonly name: string, readonly params: Params) {}

  /** `every` is the refresh interval in milliseconds, 0 for none. */
  subscribe(changed: () => void, every: number): () => void {
    clearTimeout(this.drop);
    this.readers.set(changed, every);
    if (this.stale && !this.flight) void this.load();
    else this.schedule();
    return () => {
      this.readers.delete(changed);
      if (this.readers.size) return this.schedule();
      clearTimeout(this.timer);
      this.flight?.abort();
      this.flight = null;
      this.drop = setTimeout(() => { if (entries.get(this.key) === this) entries.delete(this.key); }, KEEP_MS);
    };
  }

  get shown(): boolean { return this.readers.size > 0; }

  expire(): void {
    this.stale = true;
    if (this.shown) void this.load();
  }

  async load(): Promise<void> {
    this.flight?.abort();
    clearTimeout(this.timer);
    const flight = (this.flight = new AbortController());
    this.set({ ...this.snapshot, loading: true });
    try {
      const result = await query(this.name, this.params, { signal: flight.signal });
      if (this.flight !== flight) return;
      this.stale = false;
      this.set({ result, error: null, loading: false, updatedAt: new Date() });
    } catch (error) {
      if (this.flight !== flight || flight.signal.aborted) return;
      // The rows of before stay: an old number beside a message beats an empty page.
      this.set({ ...this.snapshot, error: error as Error, loading: false });
    }
    this.flight = null;
    this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const wanted = [...this.readers.values()].filter((every) => every > 0);
    if (!wanted.length || this.flight) return;
    this.timer = setTimeout(() => {
      if (typeof document !== "undefined" && document.hidden) this.stale = true;
      else void this.load();
    }, Math.min(...wanted));
  }

  private set(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    for (const changed of [...this.readers.keys()]) changed();
  }

  get isStale(): boolean { return this.stale; }
}

const entries = new Map<string, Entry>();

export function entryOf(name: string, params: Params): Entry {
  const key = keyOf(name, params);
  let entry = entries.get(key);
  if (!entry) entries.set(key, (entry = new Entry(key, name, params)));
  return entry;
}

onInvalidate((names) => {
  for (const entry of [...entries.values()]) if (!names || names.includes(entry.name)) entry.expire();
});

if (typeof window !== "undefined") {
  const revive = () => { if (!document.hidden) for (const entry of entries.values()) if (entry.isStale && entry.shown) void entry.load(); };
  document.addEventListener("visibilitychange", revive);
  window.addEventListener("online", () => invalidate());
  // Somebody else changed the data; `detail` names the queries, or is empty for all.
  window.addEventListener("labd:data-changed", (event) => invalidate(...(((event as CustomEvent).detail as string[] | null) ?? [])));
  // Another revision of the app is about to run, and its statements may give other columns: it
  // starts without results. What the revision before still shows keeps its own.
  window.addEventListener("labd:revision", () => entries.clear());
}
