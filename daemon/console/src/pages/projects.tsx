import { Database, Download, FolderKanban, LoaderCircle, MoreHorizontal, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import * as labd from "../api/labd";
import type { Project, SourceInfo } from "../api/types";
import { Link } from "../components/link";
import { DeleteProject, NewProject, RenameProject } from "../components/project-dialogs";
import { Page } from "../components/shell";
import { Badge, Empty, Skeleton } from "../components/ui/bits";
import { Button, IconButton } from "../components/ui/button";
import { ErrorNote } from "../components/ui/error-note";
import { Menu } from "../components/ui/menu";
import { Ago } from "../components/ui/time";
import { useResource } from "../state/resources";

type Open = { what: "new" } | { what: "rename" | "delete"; project: Project } | undefined;

export function ProjectsPage() {
  const projects = useResource("projects", labd.projects);
  const sources = useResource("sources", labd.sources);
  const [open, setOpen] = useState<Open>();
  const create = (
    <Button look="primary" icon={<Plus />} onClick={() => setOpen({ what: "new" })}>
      New project
    </Button>
  );
  return (
    <Page
      title="Projects"
      about="Internal apps on your databases, built by asking for them."
      actions={projects.data?.length ? create : undefined}
    >
      {projects.error && <ErrorNote error={projects.error} retry={projects.reload} />}
      {!projects.data && projects.loading && <Skeleton />}
      {projects.data?.length === 0 && (
        <div className="rounded-xl border border-dashed border-line-strong">
          <Empty icon={<FolderKanban />} title="Build your first app" action={create}>
            Say what you want to see, in plain words. labd reads the schema of your data source, writes the
            app, and shows it live beside the chat.
          </Empty>
        </div>
      )}
      {projects.data && projects.data.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {projects.data.map((project) => (
            <Row key={project.id} project={project} sources={sources.data} onOpen={setOpen} />
          ))}
        </ul>
      )}
      {open?.what === "new" && <NewProject onClose={() => setOpen(undefined)} />}
      {open?.what === "rename" && <RenameProject project={open.project} onClose={() => setOpen(undefined)} />}
      {open?.what === "delete" && <DeleteProject project={open.project} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

interface RowProps {
  project: Project;
  sources: SourceInfo[] | undefined;
  onOpen: (open: Open) => void;
}

function Row({ project, sources, onOpen }: RowProps) {
  const source = sources?.find((each) => each.id === project.source);
  return (
    <li className="group relative flex items-center gap-3 px-4 py-3 transition-colors first:rounded-t-xl last:rounded-b-xl hover:bg-hover/50">
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-2">
          <Link
            href={`/projects/${project.id}`}
            className="truncate font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-xl focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {project.name}
          </Link>
          {project.running_turn && (
            <Badge tone="accent">
              <LoaderCircle className="animate-spin" aria-hidden />
              Building
            </Badge>
          )}
          {!project.head && !project.running_turn && <Badge>Empty</Badge>}
        </div>
        <p className="mt-0.5 flex min-w-0 items-center gap-1.5 text-xs text-faint">
          <Database className="size-3.5 shrink-0" aria-hidden />
          <span className="truncate">
            {project.source === null ? (
              <span className="text-warn">No source</span>
            ) : (
              (source?.name ?? "…")
            )}
          </span>
          <span aria-hidden>·</span>
          <span className="shrink-0">
            changed <Ago at={project.updated_at} />
          </span>
        </p>
      </div>
      <div className="relative z-10">
        <Menu
          trigger={
            <IconButton label={`More about ${project.name}`} small>
              <MoreHorizontal />
            </IconButton>
          }
          entries={[
            { label: "Rename or change source", icon: <Pencil />, onSelect: () => onOpen({ what: "rename", project }) },
            {
              label: "Export as zip",
              icon: <Download />,
              disabled: !project.head,
              onSelect: () => window.location.assign(labd.exportUrl(project.id)),
            },
            { label: "Delete", icon: <Trash2 />, danger: true, onSelect: () => onOpen({ what: "delete", project }) },
          ]}
        />
      </div>
    </li>
  );
}
