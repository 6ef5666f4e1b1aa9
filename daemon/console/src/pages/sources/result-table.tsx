import type { Json, QueryColumn, QueryResult } from "../../api/types";
import { Button } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { duration, plural } from "../../state/format";
import { cellText } from "../../state/sql";

const NUMBERS = new Set(["integer", "float", "decimal"]);

interface ResultTableProps {
  result: QueryResult;
  busy?: boolean;
  /** Reads what follows; without it there is nothing more to have. */
  onMore?: () => void;
}

/** Rows as the database has them: exact numbers, times with all their digits. */
export function ResultTable({ result, busy, onMore }: ResultTableProps) {
  const { columns, rows, next, truncated, duration_ms } = result;
  return (
    <div className="space-y-2">
      <p role="status" className="text-xs text-faint">
        {plural(rows.length, "row")}
        {next && " so far"} · {duration(duration_ms)}
        {truncated && !next && " · cut off at the limit; narrow the query down to see the rest"}
      </p>
      <div
        role="region"
        aria-label="Rows"
        tabIndex={0}
        className="scroll-thin max-h-[65vh] w-fit max-w-full min-w-40 overflow-auto rounded-xl border border-line bg-surface"
      >
        <table className="min-w-full text-left text-xs">
          <thead className="sticky top-0 z-10 bg-sunken">
            <tr>
              {columns.map((column, index) => (
                <th key={index} scope="col" className={cx("px-3 py-1.5 font-medium whitespace-nowrap", NUMBERS.has(column.kind) && "text-right")}>
                  {column.name}
                  <span className="block font-mono text-2xs font-normal text-faint">{column.type}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line font-mono">
            {rows.map((row, index) => (
              <tr key={index} className="hover:bg-hover/60">
                {columns.map((column, at) => (
                  <Cell key={at} column={column} value={row[at] ?? null} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p className="px-3 py-6 text-center text-sm text-faint">No rows.</p>}
      </div>
      {next && onMore && (
        <Button busy={busy ?? false} onClick={onMore}>
          More rows
        </Button>
      )}
    </div>
  );
}

function Cell({ column, value }: { column: QueryColumn; value: Json }) {
  if (value === null) return <td className={cx("px-3 py-1.5 text-faint italic", NUMBERS.has(column.kind) && "text-right")}>null</td>;
  const text = cellText(value);
  return (
    <td
      title={text.length > 60 ? text : undefined}
      className={cx("max-w-96 truncate px-3 py-1.5 whitespace-pre", NUMBERS.has(column.kind) && "text-right tabular-nums")}
    >
      {text}
    </td>
  );
}
