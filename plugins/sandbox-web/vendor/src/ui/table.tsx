import { useMemo, useState, type KeyboardEvent, type ReactNode } from "react";
import { compareExact, toDate } from "@labd/data";
import { Badge, Card } from "./card";
import { Button } from "./button";
import { Glyph } from "./icons";
import { EmptyState, ErrorState, Skeleton } from "./states";
import { downloadCsv } from "./csv";
import { cx, formatOf, formatValue, humanize, isNumeric, type Format, type QueryLike } from "./util";

export interface TableColumn<T = any> {
  /** The column of the query. */
  key: string;
  label?: string;
  format?: Format;
  align?: "left" | "right" | "center";
  /** Draws the cell; search, sort and export still use the value. */
  render?: (value: any, row: T) => ReactNode;
  sortable?: boolean;
  className?: string;
}

export interface DataTableProps<T = any> {
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  /** The state of `useQuery`. With `data` too, those rows are shown, and waiting and errors are the query's. */
  query?: QueryLike;
  data?: T[];
  /** Which columns, in which order; all of the query by default. A string is a key. */
  columns?: (string | TableColumn<T>)[];
  searchable?: boolean;
  searchPlaceholder?: string;
  pageSize?: number;
  initialSort?: { key: string; direction?: "asc" | "desc" };
  /** The file name of the CSV export; `false` for none. */
  exportName?: string | false;
  onRowClick?: (row: T) => void;
  emptyTitle?: string;
  emptyDescription?: ReactNode;
  className?: string;
}

type Sort = { key: string; direction: "asc" | "desc" } | null;

function compare(a: unknown, b: unknown): number {
  const nothing = (value: unknown) => value === null || value === undefined;
  if (nothing(a) || nothing(b)) return nothing(a) && nothing(b) ? 0 : nothing(a) ? 1 : -1;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  const numeric = (value: unknown) => typeof value === "number" || (typeof value === "string" && /^[+-]?\d+(\.\d+)?$/.test(value));
  if (numeric(a) && numeric(b)) return compareExact(a as string, b as string);
  return String(a).localeCompare(String(b), undefined, { numeric: !toDate(a), sensitivity: "base" });
}

/** Rows with search, exact sort, pages and export. Columns come from the query unless given. */
export function DataTable<T extends Record<string, any> = any>(props: DataTableProps<T>) {
  const { query, searchable = true, pageSize = 10, exportName, onRowClick } = props;
  const rows: T[] = props.data ?? query?.data ?? [];
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<Sort>(props.initialSort ? { direction: "asc", ...props.initialSort } : null);
  const [wanted, setPage] = useState(0);

  const columns = useMemo(() => {
    const kinds = new Map((query?.columns ?? []).map((column) => [column.name, column.kind]));
    const names = props.columns ?? (kinds.size ? [...kinds.keys()] : Object.keys(rows[0] ?? {}));
    return names.map((one) => {
      const column: TableColumn<T> = typeof one === "string" ? { key: one } : one;
      const kind = kinds.get(column.key);
      const format = column.format ?? formatOf(kind, column.key);
      return { ...column, format, label: column.label ?? humanize(column.key), align: column.align ?? (isNumeric(kind, format) ? "right" as const : "left" as const) };
    });
  }, [props.columns, query?.columns, rows]);

  const found = useMemo(() => {
    const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return rows;
    return rows.filter((row) => {
      const text = columns.map((column) => `${row[column.key] ?? ""} ${formatValue(row[column.key], column.format)}`).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [rows, search, columns]);

  const sorted = useMemo(() => {
    if (!sort) return found;
    const sign = sort.direction === "asc" ? 1 : -1;
    const empty = (row: T) => row[sort.key] === null || row[sort.key] === undefined;
    // Rows without a value stay at the end, whichever way the others are ordered.
    return [...found].sort((a, b) => Number(empty(a)) - Number(empty(b)) || sign * compare(a[sort.key], b[sort.key]));
  }, [found, sort]);

  const pages = Math.max(1, Math.ceil(sorted.length / pageSize));
  const page = Math.min(wanted, pages - 1);
  const shown = sorted.slice(page * pageSize, (page + 1) * pageSize);
  const toggle = (key: string) => {
    setPage(0);
    setSort((before) => before?.key !== key ? { key, direction: "asc" } : before.direction === "asc" ? { key, direction: "desc" } : null);
  };
  const waiting = query?.loading && !rows.length;
  const failed = query?.error && !rows.length;
  const file = exportName === undefined ? (typeof props.title === "string" ? props.title : "export") : exportName;

  const tools = (
    <>
      {props.actions}
      {searchable && (
        <label className="relative">
          <span className="sr-only">Search</span>
          <Glyph name="search" className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint" />
          <input
            type="search" value={search} placeholder={props.searchPlaceholder ?? "Search"}
            onChange={(event) => { setSearch(event.target.value); setPage(0); }}
            className="h-8 w-36 rounded-lg border border-line-strong bg-surface pr-2 pl-8 text-sm text-ink placeholder:text-faint sm:w-52"
          />
        </label>
      )}
      {file !== false && (
        <Button size="sm" aria-label="Export as CSV" title="Export as CSV" disabled={!sorted.length} icon={<Glyph name="download" />} onClick={() => downloadCsv(file, columns, sorted)} />
      )}
    </>
  );

  return (
    <Card title={props.title ?? <span className="sr-only">Table</span>} description={props.description} actions={tools} flush className={props.className}>
      {failed ? <ErrorState error={query.error} onRetry={query.refresh} /> : (
        <>
          <div className="overflow-x-auto">
            <table className="w-full text-sm" aria-busy={query?.loading || undefined}>
              <thead>
                <tr className="border-y border-line bg-sunken/60">
                  {columns.map((column) => {
                    const direction = sort?.key === column.key ? sort.direction : null;
                    return (
                      <th key={column.key} scope="col" aria-sort={direction ? (direction === "asc" ? "ascending" : "descending") : undefined} className={cx("px-3 py-2 text-xs font-medium whitespace-nowrap text-muted first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5", ALIGN[column.align])}>
                        {column.sortable === false ? column.label : (
                          <button type="button" onClick={() => toggle(column.key)} className={cx("group inline-flex items-center gap-1 rounded align-middle hover:text-ink", column.align === "right" && "flex-row-reverse", direction && "text-ink")}>
                            {column.label}
                            <Glyph name={direction === "desc" ? "down" : "up"} className={cx("size-3", direction ? "opacity-100" : "opacity-0 group-hover:opacity-50 group-focus-visible:opacity-50")} />
                          </button>
                        )}
                      </th>
                    );
                  })}
                </tr>
              </thead>
              <tbody>
                {waiting && Array.from({ length: Math.min(pageSize, 6) }, (_, index) => (
                  <tr key={index} className="border-b border-line last:border-0">
                    {(columns.length ? columns : [{ key: "a" }, { key: "b" }, { key: "c" }]).map((column) => <td key={column.key} className="px-3 py-3 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5"><Skeleton className="h-4 w-3/4" /></td>)}
                  </tr>
                ))}
                {shown.map((row, index) => (
                  <tr
                    key={row.id ?? page * pageSize + index}
                    className={cx("border-b border-line transition-colors last:border-0 hover:bg-sunken/60", onRowClick && "cursor-pointer")}
                    {...(onRowClick ? {
                      tabIndex: 0,
                      onClick: () => onRowClick(row),
                      onKeyDown: (event: KeyboardEvent) => { if (event.key === "Enter") onRowClick(row); },
                    } : {})}
                  >
                    {columns.map((column) => (
                      <td key={column.key} className={cx("max-w-xs truncate px-3 py-2.5 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5", ALIGN[column.align], column.align === "right" ? "tabular-nums text-ink" : "text-ink", column.className)}>
                        {column.render ? column.render(row[column.key], row)
                          : column.format === "badge" && row[column.key] ? <Badge>{String(row[column.key])}</Badge>
                          : formatValue(row[column.key], column.format)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {!waiting && !sorted.length && (
            search ? <EmptyState title="No matches" description={`Nothing contains “${search}”.`} icon={<Glyph name="search" className="size-5" />} />
              : <EmptyState title={props.emptyTitle ?? "No rows"} description={props.emptyDescription ?? "The query gave no rows."} />
          )}
          {sorted.length > 0 && (
            <div className="flex flex-wrap items-center justify-between gap-2 border-t border-line px-4 py-2.5 text-xs text-muted sm:px-5">
              <span aria-live="polite" className="tabular-nums">
                {page * pageSize + 1}–{page * pageSize + shown.length} of {formatValue(sorted.length, "integer")}
                {query?.truncated && " (more exist than were loaded)"}
              </span>
              {pages > 1 && (
                <span className="flex items-center gap-1">
                  <Button size="sm" variant="ghost" aria-label="Previous page" disabled={page === 0} onClick={() => setPage(page - 1)} icon={<Glyph name="left" />} />
                  <span className="tabular-nums">{page + 1} / {pages}</span>
                  <Button size="sm" variant="ghost" aria-label="Next page" disabled={page >= pages - 1} onClick={() => setPage(page + 1)} icon={<Glyph name="right" />} />
                </span>
              )}
            </div>
          )}
        </>
      )}
    </Card>
  );
}

const ALIGN = { left: "text-left", right: "text-right", center: "text-center" };
