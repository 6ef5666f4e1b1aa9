import { Play, Square } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { QueryResult, SourceInfo } from "../../api/types";
import Editor from "../../components/code/editor";
import { sqlWith } from "../../components/code/languages";
import { Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { TextField } from "../../components/ui/field";
import { useResource } from "../../state/resources";
import { parameters, placeOf } from "../../state/sql";
import { ResultTable } from "./result-table";

/** Rows of one answer; more are asked for. */
const PAGE = 200;

/** What was typed for a source, while the page is open. */
const texts = new Map<string, string>();

export default function QueryRunner({ source }: { source: SourceInfo }) {
  const schema = useResource(`source/${source.id}/schema`, () => labd.sourceSchema(source.id));
  const [text, setText] = useState(texts.get(source.id) ?? "");
  const [values, setValues] = useState<Record<string, string>>({});
  const [result, setResult] = useState<QueryResult>();
  const [error, setError] = useState<ApiError>();
  const [ran, setRan] = useState("");
  const [busy, setBusy] = useState<"run" | "more">();
  const running = useRef<AbortController>(undefined);
  const names = parameters(text);
  const language = useMemo(() => {
    const tables: Record<string, string[]> = {};
    for (const relation of schema.data?.relations ?? []) {
      tables[`${relation.schema}.${relation.name}`] = relation.columns.map((column) => column.name);
    }
    return sqlWith(source.dialect, tables, schema.data?.default_schema ?? "");
  }, [schema.data, source.dialect]);

  const run = async () => {
    if (busy || !text.trim()) return;
    if (result?.next) labd.queryClose(result.next).catch(() => {}); // It would expire by itself.
    const controller = new AbortController();
    running.current = controller;
    setBusy("run");
    setError(undefined);
    setRan(text);
    try {
      const params = Object.fromEntries(names.map((name) => [name, values[name] ? values[name] : null]));
      setResult(await labd.sourceQuery(source.id, { text, params, max_rows: PAGE }, controller.signal));
    } catch (failure) {
      setResult(undefined);
      setError(errorFromFailure(failure));
    } finally {
      setBusy(undefined);
    }
  };
  const more = async () => {
    if (!result?.next) return;
    setBusy("more");
    setError(undefined);
    try {
      const next = await labd.queryNext(result.next);
      setResult({ ...next, columns: result.columns, rows: [...result.rows, ...next.rows], duration_ms: result.duration_ms });
    } catch (failure) {
      setResult({ ...result, next: null });
      setError(errorFromFailure(failure));
    } finally {
      setBusy(undefined);
    }
  };
  const place = error?.position === undefined ? undefined : placeOf(ran, error.position);
  return (
    <div className="space-y-4">
      <div className="overflow-hidden rounded-xl border border-line bg-surface focus-within:border-accent">
        <div className="h-44 resize-y overflow-hidden">
          <Editor
            path="query.sql"
            value={text}
            label="SQL"
            language={language}
            line={place?.line}
            hint="select … — one statement that reads; :name for a parameter"
            onChange={(now) => {
              texts.set(source.id, now);
              setText(now);
            }}
            onRun={() => void run()}
          />
        </div>
        <div className="flex flex-wrap items-end gap-3 border-t border-line p-2">
          {names.map((name) => (
            <TextField
              key={name}
              label={name}
              className="w-40"
              placeholder="null"
              value={values[name] ?? ""}
              onChange={(event) => setValues({ ...values, [name]: event.target.value })}
            />
          ))}
          <span className="flex-1" />
          <span className="self-center text-xs text-faint max-sm:hidden">Ctrl+Enter</span>
          {busy === "run" ? (
            <Button icon={<Square />} onClick={() => running.current?.abort()}>
              Give up
            </Button>
          ) : (
            <Button look="primary" icon={<Play />} disabled={!text.trim()} onClick={() => void run()}>
              Run
            </Button>
          )}
        </div>
      </div>
      {busy === "run" && <Spinner label="Asking the database" />}
      {error && error.code !== "cancelled" && (
        <ErrorNote error={error}>
          {place && (
            <p className="font-mono text-xs text-soft">
              line {place.line}, column {place.column}
            </p>
          )}
        </ErrorNote>
      )}
      {result && busy !== "run" && <ResultTable result={result} busy={busy === "more"} onMore={() => void more()} />}
    </div>
  );
}
