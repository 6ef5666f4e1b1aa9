import { CircleCheck, RotateCw, Wand2 } from "lucide-react";
import type { Problem, ProblemSource, Project } from "../../api/types";
import { Empty, Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import type { Resource } from "../../state/resources";
import { ProblemList } from "./problem-list";

const GROUPS: { source: ProblemSource; title: string }[] = [
  { source: "compile", title: "Compiling" },
  { source: "query", title: "Queries" },
  { source: "server", title: "Server code" },
  { source: "browser", title: "In the browser" },
];

interface ProblemsPanelProps {
  project: Project;
  problems: Resource<Problem[]> & { reload: () => void };
  onOpen: (path: string, line?: number) => void;
  onAsk: (text: string) => void;
}

export function ProblemsPanel({ project, problems, onOpen, onAsk }: ProblemsPanelProps) {
  const all = problems.data ?? [];
  return (
    <div className="scroll-thin min-h-0 flex-1 space-y-5 overflow-y-auto p-4">
      {problems.error && <ErrorNote error={problems.error} retry={problems.reload} />}
      {!problems.data && problems.loading && <Spinner />}
      {problems.data?.length === 0 && (
        <Empty icon={<CircleCheck />} title="No problems">
          The app compiles, its queries are right, and nothing has failed in the browser that shows it.
        </Empty>
      )}
      {all.length > 0 && (
        <div className="flex flex-wrap gap-2">
          <Button small look="primary" icon={<Wand2 />} disabled={project.running_turn !== null} onClick={() => onAsk(repairRequest(all))}>
            Ask for a repair
          </Button>
          <Button small icon={<RotateCw />} onClick={problems.reload}>
            Look again
          </Button>
        </div>
      )}
      {GROUPS.map(({ source, title }) => {
        const group = all.filter((problem) => problem.source === source);
        return (
          group.length > 0 && (
            <section key={source} className="space-y-2">
              <h2 className="text-xs font-medium text-faint">{title}</h2>
              <ProblemList problems={group} onOpen={onOpen} />
            </section>
          )
        );
      })}
    </div>
  );
}

/** What the chat is given to repair: the first problems, with their places. */
function repairRequest(problems: Problem[]): string {
  const lines = problems.slice(0, 8).map((problem) => {
    const place = problem.path ? ` (${problem.path}${problem.line ? `:${problem.line}` : ""})` : "";
    return `- ${problem.message}${place}`;
  });
  return `Fix these problems:\n${lines.join("\n")}`;
}
