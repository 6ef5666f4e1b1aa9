import { ArrowRight, Rows3 } from "lucide-react";
import { useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { ColumnSchema, QueryResult, RelationSchema } from "../../api/types";
import { Badge } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { firstRows } from "../../state/sql";
import { count, plural } from "../../state/format";
import { ResultTable } from "./result-table";
import { KeyBadge } from "./schema-browser";

const KINDS = { table: "Table", view: "View", materialized_view: "Materialised view", foreign_table: "Foreign table", collection: "Collection" };

interface RelationProps {
  source: string;
  relation: RelationSchema;
  /** What is searched for; its columns stand out. */
  words: string;
  onOpen: (schema: string, table: string) => void;
}

export function Relation({ source, relation, words, onOpen }: RelationProps) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    <div>
      <div className="space-y-1 px-4 py-3">
        <h2 className="flex flex-wrap items-center gap-2 font-medium">
          <span className="font-mono text-sm break-all">
            {relation.schema}.{relation.name}
          </span>
          <Badge>{KINDS[relation.kind]}</Badge>
        </h2>
        <p className="text-xs text-faint">
          {plural(relation.columns.length, "column")}
          {relation.row_estimate !== null && `, about ${count(relation.row_estimate)} rows`}
        </p>
        {relation.comment && <p className="text-sm text-soft">{relation.comment}</p>}
      </div>
      <div className="scroll-thin overflow-x-auto border-t border-line">
        <table className="w-full text-left text-sm">
          <thead className="text-xs text-faint">
            <tr>
              <th scope="col" className="px-4 py-2 font-medium">Column</th>
              <th scope="col" className="px-4 py-2 font-medium">Type</th>
              <th scope="col" className="px-4 py-2 font-medium">About</th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line border-t border-line">
            {relation.columns.map((column) => (
              <Column
                key={column.name}
                column={column}
                relation={relation}
                found={wanted.some((word) => column.name.toLowerCase().includes(word))}
                onOpen={onOpen}
              />
            ))}
          </tbody>
        </table>
      </div>
      {relation.indexes && relation.indexes.length > 0 && (
        <details className="border-t border-line px-4 py-2.5 text-sm">
          <summary className="text-soft">{plural(relation.indexes.length, "index", "indexes")}</summary>
          <ul className="mt-2 space-y-1 font-mono text-xs text-soft">
            {relation.indexes.map((index) => (
              <li key={index.name} className="break-all">
                {index.name} ({index.columns.join(", ")}){index.unique && " unique"}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Rows source={source} relation={relation} />
    </div>
  );
}

/** So many rows give an idea of a table. */
const SOME = 20;

/** The first rows, for who asks: they are data, and not read before. */
function Rows({ source, relation }: { source: string; relation: RelationSchema }) {
  const [result, setResult] = useState<QueryResult>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const read = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setResult(await labd.sourceQuery(source, { text: firstRows(relation.schema, relation.name, SOME), params: {}, max_rows: SOME }));
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="space-y-3 border-t border-line p-3">
      {error && <ErrorNote error={error} />}
      {result && <ResultTable result={result} />}
      <Button small icon={<Rows3 />} busy={busy} onClick={() => void read()}>
        {result ? "Read again" : `Show the first ${SOME} rows`}
      </Button>
    </div>
  );
}

interface ColumnProps {
  column: ColumnSchema;
  relation: RelationSchema;
  found: boolean;
  onOpen: RelationProps["onOpen"];
}

function Column({ column, relation, found, onOpen }: ColumnProps) {
  const key = relation.foreign_keys?.find((each) => each.columns.includes(column.name));
  const referenced = key?.referenced_columns[key.columns.indexOf(column.name)];
  const unique = relation.unique_keys?.some((each) => each.length === 1 && each[0] === column.name) ?? false;
  return (
    <tr className={cx("align-top", found && "bg-accent-soft/60")}>
      <th scope="row" className="px-4 py-2 font-mono text-xs font-medium whitespace-nowrap">
        {column.name}
      </th>
      <td className="px-4 py-2 font-mono text-xs whitespace-nowrap text-soft">
        {column.type}
        {column.nullable && <span className="text-faint"> null</span>}
      </td>
      <td className="min-w-48 px-4 py-2">
        <div className="flex flex-wrap items-center gap-1.5 text-xs">
          {relation.primary_key.includes(column.name) && <KeyBadge />}
          {unique && <KeyBadge unique />}
          {key && (
            <button
              type="button"
              onClick={() => onOpen(key.referenced_schema, key.referenced_table)}
              className="inline-flex items-center gap-0.5 rounded font-mono text-accent hover:underline"
            >
              <ArrowRight className="size-3" aria-hidden />
              {key.referenced_table}.{referenced ?? ""}
            </button>
          )}
          {column.default_value !== undefined && (
            <span className="font-mono break-all text-faint">= {column.default_value}</span>
          )}
          {column.enum_values?.map((value) => <Badge key={value}>{value}</Badge>)}
          {column.comment && <span className="basis-full text-soft">{column.comment}</span>}
        </div>
      </td>
    </tr>
  );
}
