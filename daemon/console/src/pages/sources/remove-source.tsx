import * as labd from "../../api/labd";
import type { SourceInfo } from "../../api/types";
import { Confirm } from "../../components/ui/confirm";
import { plural } from "../../state/format";
import { invalidate, useResource } from "../../state/resources";
import { navigate } from "../../state/router";
import { toast } from "../../state/toasts";

/** Says what it means for the projects that use it, and only then removes it. */
export function RemoveSource({ source, onClose }: { source: SourceInfo; onClose: () => void }) {
  const projects = useResource("projects", labd.projects);
  const users = projects.data?.filter((project) => project.source === source.id) ?? [];
  const uses = Math.max(users.length, source.projects.length);
  return (
    <Confirm
      open
      danger
      onClose={onClose}
      title={`Remove ${source.name}?`}
      action="Remove source"
      onConfirm={async () => {
        await labd.sourceRemove(source.id);
        toast(`${source.name} is removed.`);
        navigate("/sources", { replace: true });
        invalidate("sources");
        invalidate("projects");
      }}
    >
      {uses > 0 ? (
        <>
          <p>
            {plural(uses, "project")} {uses === 1 ? "uses" : "use"} it. {uses === 1 ? "It keeps its" : "They keep their"}{" "}
            files and history, but {uses === 1 ? "its" : "their"} queries cannot run until another source is chosen:
          </p>
          <ul className="list-disc pl-5">
            {users.map((project) => (
              <li key={project.id} className="break-words text-ink">
                {project.name}
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p>No project uses it.</p>
      )}
      <p>Its credential is destroyed. The database itself is not touched.</p>
    </Confirm>
  );
}
