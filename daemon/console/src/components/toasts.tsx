import { CircleAlert, CircleCheck, X } from "lucide-react";
import { dismiss, useToasts } from "../state/toasts";
import { Hint } from "./ui/hint";

export function Toasts() {
  const toasts = useToasts();
  return (
    <div
      role="region"
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-16 z-50 flex flex-col items-center gap-2 md:bottom-4 md:left-auto md:items-end"
    >
      {toasts.map(({ id, tone, text }) => (
        <div
          key={id}
          className="animate-rise pointer-events-auto flex max-w-sm items-start gap-2 rounded-lg border border-line bg-raised px-3 py-2 text-sm shadow-pop"
        >
          {tone === "done" ? (
            <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden />
          ) : (
            <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
          )}
          <span className="min-w-0 break-words">
            <Hint text={text} />
          </span>
          <button type="button" aria-label="Dismiss" className="mt-0.5 text-faint hover:text-ink" onClick={() => dismiss(id)}>
            <X className="size-3.5" />
          </button>
        </div>
      ))}
    </div>
  );
}
