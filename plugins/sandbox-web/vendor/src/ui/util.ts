import { formatCurrency, formatDate, formatNumber, formatPercent, NOTHING, type ColumnKind } from "@labd/data";

/** Joins class names; falsy ones are left out. */
export function cx(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}

/** `order_total` and `orderTotal` become `Order total`. */
export function humanize(name: string): string {
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").trim();
  const text = words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
  return text.replace(/\b(id|sku|url|vat|api)\b/gi, (word) => word.toUpperCase());
}

/** How a value is shown: a name, with an argument after a colon (`currency:EUR`), or a function. */
export type Format =
  | "text" | "number" | "integer" | "compact" | "currency" | `currency:${string}` | "percent"
  | "date" | "datetime" | "month" | "year" | "time" | "relative" | "boolean" | "badge"
  | ((value: any) => string);

export function formatValue(value: unknown, format: Format | undefined, short = false): string {
  if (typeof format === "function") return format(value);
  if (value === null || value === undefined || value === "") return NOTHING;
  const [kind, argument] = (format ?? "").split(":");
  switch (kind) {
    case "number": return formatNumber(value, { compact: short });
    case "integer": return formatNumber(value, short ? { compact: true } : { digits: 0 });
    case "compact": return formatNumber(value, { compact: true });
    case "currency": return formatCurrency(value, argument || "USD", { compact: short });
    case "percent": return formatPercent(value);
    case "date": case "datetime": case "month": case "year": case "time": case "relative": return formatDate(value, kind);
    case "boolean": return value === true || value === 1 || value === "true" ? "Yes" : "No";
    case "text": case "badge": return String(value);
    default: break;
  }
  if (typeof value === "number") return formatNumber(value, { compact: short });
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value === "object") return JSON.stringify(value);
  return /^\d{4}-\d{2}(-\d{2})?$/.test(String(value)) ? formatDate(value) : String(value);
}

/** How a column is shown when the app does not say. */
export function formatOf(kind: ColumnKind | undefined, name: string): Format {
  if (kind === "date") return "date";
  if (kind === "timestamp" || kind === "instant") return "datetime";
  if (kind === "boolean") return "boolean";
  // A number that names something is no quantity: no separators in it.
  if (kind === "integer") return /(^|_)(id|year|zip|number|no)$/i.test(name) ? "text" : "integer";
  if (kind === "decimal" || kind === "float") return "number";
  return "text";
}

export function isNumeric(kind: ColumnKind | undefined, format: Format | undefined): boolean {
  if (typeof format === "string" && /^(number|integer|compact|currency|percent)/.test(format)) return true;
  return format === undefined && (kind === "integer" || kind === "decimal" || kind === "float");
}

/** What the building blocks take of `useQuery`. */
export interface QueryLike {
  data: any[];
  columns?: { name: string; kind: ColumnKind }[];
  loading?: boolean;
  error?: Error | null;
  truncated?: boolean;
  refresh?: () => void;
}
