import { num } from "./exact";

/** Shown where there is no value. */
export const NOTHING = "–";

export interface NumberStyle {
  /** Digits after the point; by default none for whole numbers, else up to two. */
  digits?: number;
  /** `12.3K` in place of `12,345`. */
  compact?: boolean;
}

/** A number in the viewer's language. Digits of exact values are kept: no detour over a double. */
export function formatNumber(value: unknown, style: NumberStyle = {}): string {
  return render(value, {
    minimumFractionDigits: style.digits ?? 0,
    maximumFractionDigits: style.digits ?? (style.compact ? 1 : 2),
    ...(style.compact ? { notation: "compact" as const } : {}),
  });
}

/** An amount of money; `currency` is an ISO 4217 code. */
export function formatCurrency(value: unknown, currency = "USD", style: NumberStyle = {}): string {
  return render(value, {
    style: "currency", currency, currencyDisplay: "narrowSymbol",
    ...(style.digits === undefined ? {} : { minimumFractionDigits: style.digits, maximumFractionDigits: style.digits }),
    ...(style.compact ? { notation: "compact" as const, minimumFractionDigits: 0, maximumFractionDigits: 1 } : {}),
  });
}

/** A share: `0.125` is `12.5%`. */
export function formatPercent(value: unknown, digits = 1): string {
  return render(value, { style: "percent", maximumFractionDigits: digits });
}

const formats = new Map<string, Intl.NumberFormat>();

function render(value: unknown, options: Intl.NumberFormatOptions): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (num(value) === null) return String(value);
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(undefined, options)));
  // A string is formatted digit by digit; the type of the library does not know that yet.
  return format.format(value as number);
}

export type DateStyle = "date" | "short" | "month" | "year" | "time" | "datetime" | "relative";

const MONTH = /^(\d{4})-(\d{2})$/, DAY = /^(\d{4})-(\d{2})-(\d{2})$/, ZONED = /(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * The point in time that a cell names. Dates and timestamps without a zone are calendar values:
 * they are read as UTC and shown in UTC, so that no viewer sees another day.
 */
export function toDate(value: unknown): { at: Date; zoned: boolean; precision: "month" | "day" | "time" } | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : { at: value, zoned: true, precision: "time" };
  if (typeof value === "number") return { at: new Date(value), zoned: true, precision: "time" };
  if (typeof value !== "string") return null;
  const text = value.trim().replace(" ", "T");
  const precision = MONTH.test(text) ? "month" : DAY.test(text) ? "day" : "time";
  if (precision === "time" && !/^\d{4}-\d{2}-\d{2}T/.test(text)) return null;
  const zoned = precision === "time" && ZONED.test(text);
  const at = new Date(precision === "month" ? `${text}-01T00:00:00Z` : precision === "day" ? `${text}T00:00:00Z` : zoned ? text : `${text}Z`);
  return Number.isNaN(at.getTime()) ? null : { at, zoned, precision };
}

/** A date or time in the viewer's language: `Mar 3, 2025`; `2025-03` becomes `Mar 2025`. */
export function formatDate(value: unknown, style?: DateStyle): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  const date = toDate(value);
  if (!date) return String(value);
  const shape = style ?? (date.precision === "month" ? "month" : date.precision === "day" ? "date" : "datetime");
  if (shape === "relative") return relative(date.at);
  const timeZone = date.zoned ? undefined : "UTC";
  const options: Intl.DateTimeFormatOptions =
    shape === "month" ? { month: "short", year: "numeric" }
    : shape === "year" ? { year: "numeric" }
    : shape === "short" ? { month: "short", day: "numeric" }
    : shape === "time" ? { hour: "2-digit", minute: "2-digit" }
    : shape === "date" ? { year: "numeric", month: "short", day: "numeric" }
    : { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, { ...options, timeZone }).format(date.at);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] =
  [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function relative(at: Date): string {
  const seconds = (at.getTime() - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
