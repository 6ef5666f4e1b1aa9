import { CircleCheck, TriangleAlert } from "lucide-react";
import type { SourceTest } from "../../api/types";
import { CopyButton } from "../../components/copy-button";
import { Badge } from "../../components/ui/bits";
import { ErrorNote } from "../../components/ui/error-note";
import { Hint } from "../../components/ui/hint";
import { duration } from "../../state/format";
import { statementsIn } from "../../state/sql";

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
        <div key={warning} className="flex items-start gap-2 rounded-lg bg-warn-soft px-3 py-2">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden />
          <Warning text={warning} />
        </div>
      ))}
    </div>
  );
}

/** A warning may end with the statements that help, to be copied. */
function Warning({ text }: { text: string }) {
  const help = statementsIn(text);
  if (!help) {
    return (
      <span>
        <Hint text={text} />
      </span>
    );
  }
  const script = help.statements.join("\n");
  return (
    <div className="min-w-0 flex-1 space-y-1.5">
      <p>{help.lead}</p>
      <div className="flex items-start gap-1 rounded-md bg-surface py-1.5 pr-1.5 pl-3">
        <pre className="scroll-thin min-w-0 flex-1 overflow-x-auto py-1 font-mono text-xs">{script}</pre>
        <CopyButton text={script} label="Copy the statements" />
      </div>
    </div>
  );
}
