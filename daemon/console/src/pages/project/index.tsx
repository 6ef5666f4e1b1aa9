/** One project: the chat on one side, the app with its files and history on the other. */
import { ArrowLeft, Database, Download, MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import * as labd from "../../api/labd";
import type { Project } from "../../api/types";
import { Link } from "../../components/link";
import { DeleteProject, RenameProject } from "../../components/project-dialogs";
import { Badge, Spinner } from "../../components/ui/bits";
import { IconButton } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { Menu } from "../../components/ui/menu";
import { TabPanel, Tabs } from "../../components/ui/tabs";
import { useResource } from "../../state/resources";
import { useQueryValue } from "../../state/router";
import { useMedia } from "../../state/theme";
import { useTitle } from "../../state/title";
import { Chat } from "./chat";
import { DeployPanel } from "./deploy";
import { FilesPanel } from "./files";
import { HistoryPanel } from "./history";
import { Preview } from "./preview";
import { ProblemsPanel } from "./problems";

export function ProjectPage({ id }: { id: string }) {
  const project = useResource(`project/${id}`, () => labd.project(id));
  useTitle(project.data?.name);
  if (project.data && project.error?.code !== "not_found") return <Workspace project={project.data} />;
  return (
    <div className="mx-auto max-w-md space-y-3 p-8">
      {project.error ? (
        <>
          <ErrorNote error={project.error} retry={project.reload} />
          <Link href="/" className="text-sm text-accent underline">
            All projects
          </Link>
        </>
      ) : (
        <Spinner label="Opening the project" />
      )}
    </div>
  );
}

function Workspace({ project }: { project: Project }) {
  const wide = useMedia("(min-width: 1024px)");
  const [chosen, setTab] = useQueryValue("tab");
  const [, setFile] = useQueryValue("file");
  const [request, setRequest] = useState<string>();
  const [candidate, setCandidate] = useState(false);
  const appeared = useCallback(() => setCandidate(true), []);
  const problems = useResource(`project/${project.id}/problems`, () => labd.problems(project.id));
  const tab = chosen && (chosen !== "chat" || !wide) ? chosen : wide ? "preview" : "chat";
  const errors = problems.data?.filter((problem) => problem.severity === "error").length ?? 0;

  const openFile = useCallback(
    (path: string, line?: number) => {
      setTab("files");
      setFile(line ? `${path}:${line}` : path);
    },
    [setTab, setFile],
  );
  const ask = (text: string) => {
    setRequest(text);
    if (!wide) setTab("chat");
  };
  const tabs = [
    { id: "preview", label: "Preview" },
    { id: "files", label: "Files" },
    {
      id: "problems",
      label: (
        <>
          Problems
          {problems.data && problems.data.length > 0 && (
            <Badge tone={errors > 0 ? "danger" : "warn"}>{problems.data.length}</Badge>
          )}
        </>
      ),
    },
    { id: "history", label: "History" },
    { id: "deploy", label: "Deploy" },
  ];
  const panel = (name: string) => cx("min-h-0 flex-1 flex-col focus-visible:-outline-offset-2", tab === name ? "flex" : "hidden");
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head project={project} />
      <Tabs
        label="Project"
        value={tab}
        onChange={setTab}
        tabs={wide ? tabs : [{ id: "chat", label: "Chat" }, ...tabs]}
        className="flex min-h-0 flex-1 flex-col lg:grid lg:grid-cols-[minmax(22rem,27rem)_1fr] lg:grid-rows-[auto_1fr]"
        listClassName="bg-surface px-2 lg:col-start-2 lg:px-3"
      >
        <TabPanel
          value="chat"
          forceMount
          tabIndex={-1}
          className={cx(
            "min-h-0 flex-1 flex-col border-line bg-surface lg:col-start-1 lg:row-span-2 lg:row-start-1 lg:flex lg:border-r",
            tab === "chat" ? "flex" : "hidden",
          )}
        >
          <Chat
            project={project}
            request={request}
            onRequestTaken={() => setRequest(undefined)}
            onCandidate={appeared}
            onOpenFile={openFile}
          />
        </TabPanel>
        <TabPanel value="preview" forceMount className={panel("preview")}>
          <Preview
            project={project}
            hasApp={project.head !== null || candidate}
            problems={problems.data ?? []}
            onProblems={() => setTab("problems")}
            onPainted={appeared}
          />
        </TabPanel>
        <TabPanel value="files" className={panel("files")}>
          <FilesPanel project={project} />
        </TabPanel>
        <TabPanel value="problems" className={panel("problems")}>
          <ProblemsPanel project={project} problems={problems} onOpen={openFile} onAsk={ask} />
        </TabPanel>
        <TabPanel value="history" className={panel("history")}>
          <HistoryPanel project={project} />
        </TabPanel>
        <TabPanel value="deploy" className={panel("deploy")}>
          <DeployPanel project={project} />
        </TabPanel>
      </Tabs>
    </div>
  );
}

function Head({ project }: { project: Project }) {
  const sources = useResource("sources", labd.sources);
  const [open, setOpen] = useState<"rename" | "delete">();
  const source = sources.data?.find((each) => each.id === project.source);
  return (
    <header className="flex items-center gap-2 border-b border-line bg-surface px-2 py-1.5 md:px-3">
      <Link href="/" aria-label="All projects" className="rounded-md p-1.5 text-soft hover:bg-hover hover:text-ink md:hidden">
        <ArrowLeft className="size-4" aria-hidden />
      </Link>
      <h1 className="min-w-0 truncate text-base font-semibold">{project.name}</h1>
      {project.source === null ? (
        <button type="button" className="rounded" onClick={() => setOpen("rename")}>
          <Badge tone="warn">Choose a source</Badge>
        </button>
      ) : (
        source && (
          <Link href={`/sources/${source.id}`} className="flex min-w-0 items-center gap-1 text-xs text-faint hover:text-ink hover:underline">
            <Database className="size-3.5 shrink-0" aria-hidden />
            <span className="truncate">{source.name}</span>
          </Link>
        )
      )}
      <span className="flex-1" />
      <Menu
        trigger={
          <IconButton label="More about this project" small>
            <MoreHorizontal />
          </IconButton>
        }
        entries={[
          { label: "Rename or change source", icon: <Pencil />, onSelect: () => setOpen("rename") },
          {
            label: "Export as zip",
            icon: <Download />,
            disabled: !project.head,
            onSelect: () => window.location.assign(labd.exportUrl(project.id)),
          },
          { label: "Delete", icon: <Trash2 />, danger: true, onSelect: () => setOpen("delete") },
        ]}
      />
      {open === "rename" && <RenameProject project={project} onClose={() => setOpen(undefined)} />}
      {open === "delete" && <DeleteProject project={project} onClose={() => setOpen(undefined)} />}
    </header>
  );
}
