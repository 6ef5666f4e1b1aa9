import type { ReactNode } from "react";
import { num } from "@labd/data";
import { Glyph } from "./icons";
import { Skeleton } from "./states";
import { cx, formatValue, type Format, type QueryLike } from "./util";

export interface CardProps {
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
  className?: string;
  /** No space around the content, for tables. */
  flush?: boolean;
}

/** A framed part of a page. */
export function Card({ title, description, actions, children, className, flush }: CardProps) {
  return (
    <section className={cx("flex flex-col rounded-xl border border-line bg-surface shadow-card", className)}>
      {(title || actions) && (
        <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-4 sm:px-5">
          <div className="min-w-0">
            {title && <h2 className="text-sm font-semibold text-ink">{title}</h2>}
            {description && <p className="mt-0.5 text-xs text-muted">{description}</p>}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
      )}
      <div className={cx("min-w-0 flex-1", flush ? "pt-3" : "p-4 sm:p-5")}>{children}</div>
    </section>
  );
}

export interface StatProps {
  label: string;
  value?: unknown;
  /** Takes `value` out of the first row of this query, by `field` or its first column. */
  query?: QueryLike;
  field?: string;
  format?: Format;
  /** Change against before, as a share: `0.12` is up by 12 %. */
  delta?: unknown;
  /** What `delta` compares with: `vs last month`. */
  hint?: ReactNode;
  /** Less is better: a fall is shown as good. */
  inverse?: boolean;
  icon?: ReactNode;
  loading?: boolean;
}

/** One figure that matters. */
export function Stat({ label, value, query, field, format, delta, hint, inverse, icon, loading }: StatProps) {
  const row = query?.data[0];
  const shown = query ? row?.[field ?? Object.keys(row ?? {})[0] ?? ""] : value;
  const change = num(delta);
  const waiting = loading || (query?.loading && !row);
  const good = change !== null && (inverse ? change <= 0 : change >= 0);
  const text = formatValue(shown, format);
  return (
    <div className="flex min-w-0 flex-col rounded-xl border border-line bg-surface p-4 shadow-card sm:p-5">
      <div className="flex items-center justify-between gap-2 text-muted">
        <span className="truncate text-xs font-medium sm:text-sm">{label}</span>
        {icon && <span className="text-faint [&_svg]:size-4">{icon}</span>}
      </div>
      {waiting ? <Skeleton className="mt-3 h-7 w-2/3" /> : query?.error ? (
        <p role="alert" className="mt-2 line-clamp-2 text-sm text-bad">{query.error.message}</p>
      ) : (
        <p className={cx("mt-1.5 truncate font-semibold tracking-tight text-ink tabular-nums", text.length > 11 ? "text-lg sm:text-xl" : "text-xl sm:text-[1.625rem] sm:leading-9")} title={text}>{text}</p>
      )}
      {(change !== null || hint) && (
        <p className="mt-1 flex flex-wrap items-center gap-x-1.5 text-xs text-faint">
          {change !== null && (
            <span className={cx("inline-flex items-center gap-0.5 font-medium tabular-nums", good ? "text-good" : "text-bad")}>
              <Glyph name={change >= 0 ? "up" : "down"} className="size-3" />
              {formatValue(Math.abs(change), "percent")}
            </span>
          )}
          {hint}
        </p>
      )}
    </div>
  );
}

export type Tone = "neutral" | "accent" | "good" | "warn" | "bad";

const TONES: Record<Tone, string> = {
  neutral: "bg-line/60 text-muted",
  accent: "bg-accent-soft text-accent-strong",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
};

const WORDS: [Tone, RegExp][] = [
  ["bad", /^(cancel|fail|reject|refund|overdue|expired|blocked|error|out|lost|critical|declin|void)/i],
  ["warn", /^(pending|wait|low|hold|draft|open|unpaid|partial|process|warning|due)/i],
  ["good", /^(paid|complete|deliver|active|success|done|shipped|in stock|ok|approved|won|settled|captured)/i],
];

/** A short word in a coloured shape. Without `tone`, words such as `paid` or `cancelled` choose it. */
export function Badge({ tone, children }: { tone?: Tone; children?: ReactNode }) {
  const chosen = tone ?? (typeof children === "string" ? WORDS.find(([, word]) => word.test(children))?.[0] : undefined) ?? "neutral";
  return <span className={cx("inline-flex items-center rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap", TONES[chosen])}>{children}</span>;
}
