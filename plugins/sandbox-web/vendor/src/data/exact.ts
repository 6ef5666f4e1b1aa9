/** What a cell that holds a number may look like: a number, or digits that a double would round. */
export type Numeric = number | string | bigint | null | undefined;

/** The value as a double, for charts and rough arithmetic; `null` when there is none. */
export function num(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}

const DECIMAL = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/;

/**
 * Orders two numeric cells exactly, whatever their number of digits: negative, 0 or positive.
 * Nulls come last; what is no number is ordered as text after the numbers.
 */
export function compareExact(a: Numeric, b: Numeric): number {
  const noA = a === null || a === undefined, noB = b === null || b === undefined;
  if (noA || noB) return noA && noB ? 0 : noA ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  const left = DECIMAL.exec(String(a).trim()), right = DECIMAL.exec(String(b).trim());
  if (!left || !right) {
    const x = Number(a), y = Number(b);
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x < y ? -1 : x > y ? 1 : 0;
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return String(a).localeCompare(String(b));
  }
  const sign = (m: RegExpExecArray) => (!m[2] && !m[3] ? 0 : m[1] === "-" ? -1 : 1);
  const sa = sign(left), sb = sign(right);
  if (sa !== sb) return sa - sb;
  const whole = left[2].length - right[2].length || (left[2] < right[2] ? -1 : left[2] > right[2] ? 1 : 0);
  const fa = left[3] ?? "", fb = right[3] ?? "";
  return sa * (whole || (fa < fb ? -1 : fa > fb ? 1 : 0));
}
