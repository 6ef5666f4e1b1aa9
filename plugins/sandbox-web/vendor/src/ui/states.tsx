import type { ReactNode } from "react";
import { Glyph } from "./icons";
import { Button } from "./button";
import { cx } from "./util";

/** A grey shape where something will be. */
export function Skeleton({ className = "h-4 w-full" }: { className?: string }) {
  return <div aria-hidden="true" className={cx("animate-pulse rounded-md bg-line/70", className)} />;
}

export interface EmptyStateProps {
  title?: string;
  description?: ReactNode;
  icon?: ReactNode;
  action?: ReactNode;
  className?: string;
}

/** Says that there is nothing, and what to do about it. */
export function EmptyState({ title = "Nothing here yet", description, icon, action, className }: EmptyStateProps) {
  return (
    <div className={cx("flex flex-col items-center justify-center gap-1 px-6 py-10 text-center", className)}>
      <div className="mb-2 grid size-10 place-items-center rounded-full bg-sunken text-faint">{icon ?? <Glyph name="inbox" className="size-5" />}</div>
      <p className="text-sm font-medium text-ink">{title}</p>
      {description && <p className="max-w-sm text-sm text-muted">{description}</p>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

/** Says what went wrong, with a way to try again. */
export function ErrorState({ error, title = "This could not be loaded", onRetry, className }: { error?: Error | string | null; title?: string; onRetry?: () => void; className?: string }) {
  const message = typeof error === "string" ? error : error?.message;
  return (
    <div role="alert" className={cx("flex flex-col items-center justify-center gap-1 px-6 py-10 text-center", className)}>
      <div className="mb-2 grid size-10 place-items-center rounded-full bg-bad-soft text-bad"><Glyph name="alert" className="size-5" /></div>
      <p className="text-sm font-medium text-ink">{title}</p>
      {message && <p className="max-w-md text-sm break-words text-muted">{message}</p>}
      {onRetry && <Button size="sm" className="mt-3" onClick={onRetry} icon={<Glyph name="refresh" />}>Try again</Button>}
    </div>
  );
}
