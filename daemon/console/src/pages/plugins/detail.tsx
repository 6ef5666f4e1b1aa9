import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import * as labd from "../../api/labd";
import type { PluginCounters, PluginInfo } from "../../api/types";
import { CopyButton } from "../../components/copy-button";
import { Link } from "../../components/link";
import { Page } from "../../components/shell";
import { Facts, Panel, Skeleton } from "../../components/ui/bits";
import { ErrorNote } from "../../components/ui/error-note";
import { bytes, count, duration } from "../../state/format";
import { useResource } from "../../state/resources";
import { StateBadge } from ".";
import { Decisions, Permissions, asked } from "./decisions";
import { PluginLog } from "./log";

const KIND_NAMES = { "ai-provider": "AI provider", connector: "Connector", sandbox: "Sandbox", deployer: "Deployer" };

export function PluginPage({ id }: { id: string }) {
  const plugin = useResource(`plugin/${id}`, () => labd.plugin(id));
  const back = (
    <Link href="/plugins" className="inline-flex items-center gap-1 hover:text-ink hover:underline">
      <ArrowLeft className="size-3.5" aria-hidden /> All plugins
    </Link>
  );
  return (
    <Page title={plugin.data?.name ?? id} about={back}>
      {plugin.error && <ErrorNote error={plugin.error} retry={plugin.reload} />}
      {!plugin.data && plugin.loading && <Skeleton />}
      {plugin.data && <Detail plugin={plugin.data} reload={plugin.reload} />}
    </Page>
  );
}

function Detail({ plugin, reload }: { plugin: PluginInfo; reload: () => void }) {
  const { state, waiting } = plugin;
  const missing = plugin.declared.filter((line) => !plugin.permissions.includes(line));
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {"reason" in state && (
        <div role="alert" className="rounded-xl border border-danger/30 bg-danger-soft p-4 text-sm lg:col-span-2">
          <p className="break-words whitespace-pre-wrap">{state.reason}</p>
        </div>
      )}
      {asked(plugin).length > 0 && (
        <div className="space-y-3 rounded-xl border border-warn/40 bg-warn-soft p-4 text-sm lg:col-span-2">
          <p>
            {waiting
              ? `Version ${waiting.version} is installed and asks for more. ${plugin.version} serves until it is allowed:`
              : "It cannot be called until it is allowed:"}
          </p>
          <Permissions lines={asked(plugin)} />
        </div>
      )}
      <div className="lg:col-span-2">
        <Decisions plugin={plugin} onDecided={reload} />
      </div>
      <Section title="About">
        {plugin.description && <p className="text-sm text-soft">{plugin.description}</p>}
        <Facts
          facts={[
            [
              "Id",
              <code key="id" className="font-mono text-xs">
                {plugin.id}
              </code>,
            ],
            ["State", <StateBadge key="state" state={state} />],
            ["Kind", plugin.kind ? KIND_NAMES[plugin.kind] : "Unknown"],
            ["Version", plugin.version],
            ["From", plugin.first_party ? "labd itself" : "a third party"],
            [
              "SHA-256",
              <span key="digest" className="flex items-start gap-1">
                <code className="font-mono text-xs break-all">{plugin.digest}</code>
                <CopyButton text={plugin.digest} label="Copy the digest" />
              </span>,
            ],
          ]}
        />
      </Section>
      <Section title="What it may do">
        {plugin.declared.length === 0 && plugin.credentials.length === 0 ? (
          <p className="text-sm text-soft">Compute, and nothing else: no network, no files, no secrets.</p>
        ) : (
          <ul className="space-y-1.5 text-sm">
            <li>
              <Permissions lines={plugin.declared} missing={missing} />
            </li>
            {plugin.credentials.map(({ name, hosts }) => (
              <li key={name} className="text-soft">
                The credential <code className="font-mono text-xs">{name}</code> is put into its requests to{" "}
                {hosts.length > 0 ? hosts.join(", ") : "the configured address"}. It never sees the value.
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Since labd started" wide>
        <Counters counters={plugin.counters} />
      </Section>
      <Section title="Log" wide>
        <PluginLog id={plugin.id} onLines={reload} />
      </Section>
    </div>
  );
}

function Counters({ counters }: { counters: PluginCounters }) {
  const all: [string, string, boolean][] = [
    ["Calls", count(counters.calls), false],
    ["Errors", count(counters.errors), counters.errors > 0],
    ["Traps", count(counters.traps), counters.traps > 0],
    ["Denied", count(counters.denials), counters.denials > 0],
    ["Received", bytes(counters.bytes_in), false],
    ["Sent", bytes(counters.bytes_out), false],
    ["Own running time", duration(counters.cpu_ms), false],
    ["Living instances", count(counters.instances), false],
    ["Their memory", bytes(counters.memory_bytes), false],
    ["Log lines dropped", count(counters.log_lines_dropped), counters.log_lines_dropped > 0],
  ];
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-3 lg:grid-cols-5">
      {all.map(([name, value, notable]) => (
        <div key={name}>
          <dt className="text-xs text-faint">{name}</dt>
          <dd className={notable ? "text-lg font-semibold text-warn tabular-nums" : "text-lg font-semibold tabular-nums"}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Section({ title, wide, children }: { title: string; wide?: boolean; children: ReactNode }) {
  return (
    <Panel className={wide ? "space-y-3 p-4 lg:col-span-2" : "space-y-3 p-4"}>
      <h2 className="font-medium">{title}</h2>
      {children}
    </Panel>
  );
}
