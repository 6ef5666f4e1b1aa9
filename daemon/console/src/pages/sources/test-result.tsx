import { CircleCheck, TriangleAlert } from "lucide-react";
import type { SourceTest } from "../../api/types";
import { Badge } from "../../components/ui/bits";
import { ErrorNote } from "../../components/ui/error-note";
import { Hint } from "../../components/ui/hint";
import { duration } from "../../state/format";

export function TestBadge({ test }: { test: SourceTest | null }) {
  if (!test) return <Badge>Not tested</Badge>;
  if (test.error) return <Badge tone="danger">Failed</Badge>;
  if (test.warnings.length > 0) return <Badge tone="warn">Works, with warnings</Badge>;
  return <Badge tone="ok">Works</Badge>;
}

/** What a test found, in words. */
export function TestResult({ test }: { test: SourceTest }) {
  if (test.error) return <ErrorNote error={test.error} />;
  const as = [test.user && `as ${test.user}`, test.database && `on ${test.database}`].filter(Boolean).join(" ");
  return (
    <div role="status" className="space-y-2 text-sm">
      <p className="flex items-start gap-2 rounded-lg bg-ok-soft px-3 py-2">
        <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden />
        <span>
          Connected{test.product ? ` to ${test.product}` : ""} {as} in {duration(test.latency_ms)}.
        </span>
      </p>
      {test.warnings.map((warning) => (
        <p key={warning} className="flex items-start gap-2 rounded-lg bg-warn-soft px-3 py-2">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden />
          <span>
            <Hint text={warning} />
          </span>
        </p>
      ))}
    </div>
  );
}
