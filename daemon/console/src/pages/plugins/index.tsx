import { Plug, ShieldCheck } from "lucide-react";
import * as labd from "../../api/labd";
import type { PluginInfo, PluginKind, PluginState } from "../../api/types";
import { Link } from "../../components/link";
import { Page } from "../../components/shell";
import { Badge, Empty, Skeleton } from "../../components/ui/bits";
import { ErrorNote } from "../../components/ui/error-note";
import { plural } from "../../state/format";
import { useResource } from "../../state/resources";
import type { Route } from "../../state/router";
import { PluginPage } from "./detail";

const KINDS: { kind: PluginKind; title: string }[] = [
  { kind: "ai-provider", title: "AI providers" },
  { kind: "connector", title: "Connectors" },
  { kind: "sandbox", title: "Sandboxes" },
  { kind: "deployer", title: "Deployers" },
];

export default function Plugins({ route }: { route: Route }) {
  return route.page === "plugin" ? <PluginPage key={route.id} id={route.id} /> : <PluginList />;
}

function PluginList() {
  const plugins = useResource("plugins", labd.plugins);
  return (
    <Page
      title="Plugins"
      about="WebAssembly components, each in a sandbox of its own: it may do what is listed, and nothing else."
    >
      {plugins.error && <ErrorNote error={plugins.error} retry={plugins.reload} />}
      {!plugins.data && plugins.loading && <Skeleton />}
      {plugins.data?.length === 0 && (
        <Empty icon={<Plug />} title="No plugins">
          labd was built without them. Run <code className="font-mono">cargo xtask plugins</code> and build it again.
        </Empty>
      )}
      {plugins.data?.some(({ kind }) => !kind) && (
        <Refused plugins={plugins.data.filter(({ kind }) => !kind)} />
      )}
      {KINDS.map(({ kind, title }) => {
        const group = plugins.data?.filter((plugin) => plugin.kind === kind) ?? [];
        return (
          group.length > 0 && (
            <section key={kind} className="space-y-2" aria-label={title}>
              <h2 className="text-sm font-medium text-soft">{title}</h2>
              <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
                {group.map((plugin) => (
                  <Row key={plugin.id} plugin={plugin} />
                ))}
              </ul>
            </section>
          )
        );
      })}
    </Page>
  );
}

/** Packages whose manifest cannot be read. */
function Refused({ plugins }: { plugins: PluginInfo[] }) {
  return (
    <section className="space-y-2" aria-label="Refused">
      <h2 className="text-sm font-medium text-soft">Refused</h2>
      <ul className="divide-y divide-line rounded-xl border border-danger/30 bg-danger-soft text-sm">
        {plugins.map(({ id, state }) => (
          <li key={id} className="space-y-1 px-4 py-3">
            <p className="font-mono text-xs break-all">{id}</p>
            {"reason" in state && <p className="break-words whitespace-pre-wrap">{state.reason}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ plugin }: { plugin: PluginInfo }) {
  const { calls, errors, traps } = plugin.counters;
  return (
    <li className="relative flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3 first:rounded-t-xl last:rounded-b-xl hover:bg-hover/50">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-center gap-2">
          <Link
            href={`/plugins/${plugin.id}`}
            className="text-sm font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {plugin.name}
          </Link>
          <span className="font-mono text-xs text-faint">{plugin.id}</span>
          <span className="text-xs text-faint">{plugin.version}</span>
          {plugin.first_party && (
            <Badge>
              <ShieldCheck aria-hidden /> labd
            </Badge>
          )}
        </p>
        <p className="mt-0.5 truncate text-xs text-faint">
          {plugin.declared.length === 0 ? "Needs no permission" : plugin.declared.join(", ")}
        </p>
      </div>
      <span className="text-xs text-faint tabular-nums">
        {plural(calls, "call")}
        {errors > 0 && `, ${plural(errors, "error")}`}
        {traps > 0 && `, ${plural(traps, "trap")}`}
      </span>
      {plugin.waiting && <Badge tone="warn">{plugin.waiting.version} waits</Badge>}
      <StateBadge state={plugin.state} />
    </li>
  );
}

export function StateBadge({ state }: { state: PluginState }) {
  switch (state.type) {
    case "ready":
      return <Badge tone="ok">Ready</Badge>;
    case "failed":
      return <Badge tone="danger">Failed</Badge>;
    case "quarantined":
      return <Badge tone="danger">Quarantined</Badge>;
    case "awaiting-grant":
      return <Badge tone="warn">Waits for a grant</Badge>;
    case "disabled":
      return <Badge>Disabled</Badge>;
  }
}
