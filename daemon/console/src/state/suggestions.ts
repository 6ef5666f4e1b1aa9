/** Good first requests, made from the names of tables and columns. */
import type { ColumnSchema, RelationSchema, SourceSchema } from "../api/types";

const MEASURES = /(^|_)(total|amount|revenue|price|value|cost|sum|quantity|qty|score|balance)/i;
/** What a business is about, before what follows from it. */
const EVENTS = /(^|_)(orders?|sales?|invoices?|bookings?|transactions?|tickets?)$/i;
const STOCK = /(^|_)(stock|inventory|on_hand|available|reorder)/i;
const LABELS = /^(name|title|label|full_name|display_name|email|sku)$/i;
const NUMBERS = new Set(["integer", "float", "decimal"]);
const DATES = new Set(["date", "timestamp", "instant"]);

export function suggestions(schema: SourceSchema, most = 4): string[] {
  const found: string[] = [];
  const weight = (table: RelationSchema) => (EVENTS.test(table.name) ? 1e15 : 0) + (table.row_estimate ?? 0);
  const tables = [...schema.relations].sort((a, b) => weight(b) - weight(a));
  const timed = tables.find((table) => date(table) && measure(table)) ?? tables.find((table) => date(table));
  const named = tables.find((table) => table !== timed && table.columns.some((column) => LABELS.test(column.name)));
  if (timed) {
    const what = measure(timed);
    const subject = what ? `${words(what.name)} of ${words(timed.name)}` : `the number of ${words(timed.name)}`;
    found.push(
      named
        ? `Show ${subject} by month and the top ten ${words(named.name)}`
        : `Show ${subject} by month`,
    );
  }
  const stock = tables.find((table) => STOCK.test(table.name) || table.columns.some((column) => STOCK.test(column.name)));
  if (stock) found.push(`A page for ${words(stock.name)} that is running low, the most urgent first`);
  if (named) found.push(`A searchable list of ${words(named.name)} with the details of each`);
  const state = tables
    .flatMap((table) => table.columns.map((column) => ({ table, column })))
    .find(({ column }) => (column.enum_values?.length ?? 0) > 0 || /(^|_)status$/i.test(column.name));
  if (state) found.push(`How many ${words(state.table.name)} there are by ${words(state.column.name)}, as a chart`);
  for (const table of tables) {
    if (found.length >= most) break;
    if (table !== timed && table !== named && table !== stock) {
      found.push(`A sortable table of ${words(table.name)} with a summary on top`);
    }
  }
  return [...new Set(found)].slice(0, most);
}

function date(table: RelationSchema): ColumnSchema | undefined {
  return table.columns.find((column) => DATES.has(column.kind) || /(_at|_date|_on)$/i.test(column.name));
}

function measure(table: RelationSchema): ColumnSchema | undefined {
  return table.columns.find((column) => NUMBERS.has(column.kind) && MEASURES.test(column.name));
}

/** `order_lines` and `orderLines` as they are said; units at the end are left out. */
function words(name: string): string {
  return name
    .replace(/_(cents|id)$/i, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/_/g, " ")
    .toLowerCase();
}
