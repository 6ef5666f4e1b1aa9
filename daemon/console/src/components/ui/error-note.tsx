import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { errorTitle } from "../../api/errors";
import { Button } from "./button";
import { Hint } from "./hint";

interface Shown {
  code: string;
  message: string;
  hint?: string | undefined;
  upstreamCode?: string | undefined;
  upstream_code?: string | undefined;
}

/** An error with its sentence and what would help. */
export function ErrorNote({ error, retry, children }: { error: Shown; retry?: () => void; children?: ReactNode }) {
  const title = errorTitle(error.code);
  const upstream = error.upstreamCode ?? error.upstream_code;
  return (
    <div
      role="alert"
      className="flex gap-2.5 rounded-lg border border-danger/30 bg-danger-soft px-3 py-2.5 text-sm"
    >
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div className="min-w-0 flex-1 space-y-1">
        {title && <p className="font-medium text-danger">{title}</p>}
        <p className="break-words whitespace-pre-line">{error.message}</p>
        {error.hint && (
          <p className="break-words text-soft">
            <Hint text={error.hint} />
          </p>
        )}
        {upstream && (
          <p className="text-xs text-soft">
            Code <span className="font-mono">{upstream}</span>
          </p>
        )}
        {children}
      </div>
      {retry && (
        <Button small onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
