/**
 * The JSON that the query broker sends, and its rule of exactness. Broker and client follow this
 * one table; nothing else decides how a value looks.
 *
 * | kind        | in JSON                                                                  |
 * | ----------- | ------------------------------------------------------------------------ |
 * | `boolean`   | `true`, `false`                                                          |
 * | `integer`   | a number while |v| <= 2^53 - 1, beyond that a string of digits           |
 * | `decimal`   | always a string: `"12.50"`, also `"NaN"`, `"Infinity"`, `"-Infinity"`    |
 * | `float`     | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` as strings                |
 * | `text`, `uuid`, `other` | a string                                                     |
 * | `binary`    | base64, as a string                                                      |
 * | `date`      | `"YYYY-MM-DD"`, `"-infinity"`, `"infinity"`                              |
 * | `time`      | `"HH:MM:SS[.ffffff]"`                                                    |
 * | `timestamp` | `"YYYY-MM-DDTHH:MM:SS[.ffffff]"`, without a zone                         |
 * | `instant`   | the same with `Z`                                                        |
 * | `json`, `array` | the parsed value; its text, as a string, when it holds a number that  |
 * |             | a double cannot hold                                                     |
 * | any         | `null` for NULL                                                          |
 */

export type ColumnKind =
  | "boolean" | "integer" | "float" | "decimal" | "text" | "binary" | "date" | "time"
  | "timestamp" | "instant" | "uuid" | "json" | "array" | "other";

export interface Column {
  name: string;
  /** The database's own name of the type. */
  type: string;
  kind: ColumnKind;
}

export interface WireResult {
  columns: Column[];
  rows: unknown[][];
  truncated: boolean;
  rowCount: number;
}

/** A row by column name. Columns of kind `decimal` are strings; `num()` makes numbers of them. */
export type Row = Record<string, any>;

export interface Result<T = Row> {
  columns: Column[];
  rows: T[];
  /** More rows exist than were sent. */
  truncated: boolean;
  rowCount: number;
}

/** Turns rows of cells into objects. A repeated column name gets a number: `id`, `id_2`. */
export function decode<T = Row>(wire: WireResult): Result<T> {
  const seen = new Map<string, number>();
  const columns = wire.columns.map((column) => {
    const count = (seen.get(column.name) ?? 0) + 1;
    seen.set(column.name, count);
    return count === 1 ? column : { ...column, name: `${column.name}_${count}` };
  });
  const rows = wire.rows.map((cells) => {
    const row: Row = {};
    columns.forEach((column, index) => { row[column.name] = cells[index] ?? null; });
    return row as T;
  });
  return { columns, rows, truncated: wire.truncated, rowCount: wire.rowCount };
}
