import { CircleX, TriangleAlert } from "lucide-react";
import type { Problem } from "../../api/types";
import { Hint } from "../../components/ui/hint";

interface ProblemListProps {
  problems: Problem[];
  onOpen: (path: string, line?: number) => void;
}

/** Problems, what keeps the app from working first. */
export function ProblemList({ problems, onOpen }: ProblemListProps) {
  const weight = (problem: Problem) => (problem.severity === "error" ? 0 : 1);
  const ordered = [...problems].sort((one, other) => weight(one) - weight(other));
  return (
    <ul className="divide-y divide-line rounded-lg border border-line bg-surface text-sm">
      {ordered.map((problem, index) => (
        <li key={index} className="flex gap-2.5 px-3 py-2">
          {problem.severity === "error" ? (
            <CircleX className="mt-0.5 size-4 shrink-0 text-danger" aria-label="Error" />
          ) : (
            <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-label="Warning" />
          )}
          <div className="min-w-0 flex-1 space-y-0.5">
            <p className="break-words whitespace-pre-line">{problem.message}</p>
            {problem.hint && (
              <p className="break-words text-soft">
                <Hint text={problem.hint} />
              </p>
            )}
            <p className="flex flex-wrap gap-x-2 text-xs text-faint">
              {problem.path && <Place problem={problem} path={problem.path} onOpen={onOpen} />}
              <span className="font-mono">{problem.code}</span>
            </p>
            {problem.detail && (
              <details className="text-xs text-soft">
                <summary className="w-fit text-faint hover:text-ink">More</summary>
                <pre className="scroll-thin mt-1 max-h-48 overflow-auto rounded bg-sunken p-2 font-mono whitespace-pre-wrap">
                  {problem.detail}
                </pre>
              </details>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

function Place({ problem, path, onOpen }: { problem: Problem; path: string; onOpen: ProblemListProps["onOpen"] }) {
  const line = problem.line ? `:${problem.line}${problem.column ? `:${problem.column}` : ""}` : "";
  return (
    <button
      type="button"
      className="rounded font-mono break-all text-accent hover:underline"
      onClick={() => onOpen(path, problem.line)}
    >
      {path}
      {line}
    </button>
  );
}
