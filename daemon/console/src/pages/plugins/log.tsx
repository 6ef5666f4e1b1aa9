/** A plugin's log: what it wrote, and what happened to it. Read anew while it is looked at. */
import { useEffect, useRef, useState } from "react";
import * as labd from "../../api/labd";
import { type ApiError, errorFromFailure } from "../../api/errors";
import type { PluginLogLine } from "../../api/types";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";

const EVERY_MS = 2_000;
/** Lines that are kept on the page. */
const KEPT = 500;

const TONES = { debug: "text-faint", info: "text-soft", warn: "text-warn", error: "text-danger" };

export function PluginLog({ id, onLines }: { id: string; onLines: () => void }) {
  const [lines, setLines] = useState<PluginLogLine[]>();
  const [error, setError] = useState<ApiError>();
  const list = useRef<HTMLOListElement>(null);
  const told = useRef(onLines);
  told.current = onLines;
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let last: number | undefined;
    const read = async () => {
      try {
        const fresh = document.hidden ? [] : await labd.pluginLog(id, last, stop.signal);
        if (stop.signal.aborted) return;
        setError(undefined);
        setLines((known = []) => [...known, ...fresh].slice(-KEPT));
        if (fresh.length > 0 && last !== undefined) told.current();
        last = fresh.at(-1)?.seq ?? last ?? 0;
      } catch (failure) {
        if (stop.signal.aborted) return;
        setError(errorFromFailure(failure));
      }
      timer = setTimeout(() => void read(), EVERY_MS);
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id]);
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines?.at(-1)?.seq]);
  if (error && !lines) return <ErrorNote error={error} />;
  if (!lines) return null;
  if (lines.length === 0) return <p className="text-sm text-soft">Nothing since labd started.</p>;
  return (
    <ol
      ref={list}
      // What scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label="Log"
      className="max-h-80 space-y-0.5 overflow-auto rounded-lg border border-line bg-page p-3 font-mono text-xs"
    >
      {lines.map(({ seq, at, level, by_plugin, text }) => (
        <li key={seq} className="flex gap-3">
          <time dateTime={at} className="shrink-0 text-faint">
            {new Date(at).toLocaleTimeString()}
          </time>
          <span className={cx("w-10 shrink-0", TONES[level])}>{level}</span>
          <span className="min-w-0 break-words whitespace-pre-wrap">
            {!by_plugin && <span className="text-faint">labd: </span>}
            {text}
          </span>
        </li>
      ))}
    </ol>
  );
}
