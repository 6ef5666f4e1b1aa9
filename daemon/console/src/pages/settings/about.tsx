import { TriangleAlert } from "lucide-react";
import * as labd from "../../api/labd";
import { Facts, Panel, Skeleton } from "../../components/ui/bits";
import { ErrorNote } from "../../components/ui/error-note";
import { Hint } from "../../components/ui/hint";
import { Ago } from "../../components/ui/time";
import { bytes, count } from "../../state/format";
import { useResource } from "../../state/resources";

/** How the daemon stands, and what its operator should know. */
export function About() {
  const status = useResource("status", labd.status);
  if (!status.data) {
    return status.error ? <ErrorNote error={status.error} retry={status.reload} /> : <Skeleton />;
  }
  const { warnings, ...daemon } = status.data;
  return (
    <div className="space-y-4">
      {warnings.map((warning) => (
        <p key={warning} className="flex items-start gap-2 rounded-lg bg-warn-soft px-3 py-2 text-sm">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden />
          <span>
            <Hint text={warning} />
          </span>
        </p>
      ))}
      <Panel className="p-5">
        <Facts
          facts={[
            ["Version", daemon.version],
            ["Running since", <Ago key="since" at={daemon.started_at} />],
            ["Process", String(daemon.pid)],
            ["Data", <Path key="data" text={daemon.data_dir} />],
            ["Stored", bytes(daemon.store_bytes)],
            ["Console", <Path key="console" text={daemon.console_url} />],
            ["Socket", <Path key="socket" text={daemon.socket} />],
            ["Projects", count(daemon.projects)],
            ["Sources", count(daemon.sources)],
            ["Running requests", count(daemon.running_turns)],
          ]}
        />
      </Panel>
      <p className="text-sm text-soft">
        Everything here can be done over HTTP too, as{" "}
        <a href="/api/v1/openapi.json" className="text-accent underline">
          the OpenAPI document
        </a>{" "}
        says, and with the command <code className="font-mono text-xs">labd</code>.
      </p>
    </div>
  );
}

function Path({ text }: { text: string }) {
  return <span className="font-mono text-xs break-all">{text}</span>;
}
