import { Pencil } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "../../api/errors";
import * as labd from "../../api/labd";
import type { BudgetStatus, GatewayConfig, GatewayStatus, KeyStatus, UsageLine, UsageTotals } from "../../api/types";
import { Badge, Facts, Panel, Skeleton } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { AreaField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
import { Ago } from "../../components/ui/time";
import { count, duration, money, plural } from "../../state/format";
import { invalidate, useResource } from "../../state/resources";
import { toast } from "../../state/toasts";

/** How often the figures are read anew while they are shown. */
const REFRESH = 5_000;
const DAYS = 7;

/** The gateway in front of AI providers: keys, routes, budgets, and what was used. */
export function Gateway() {
  const status = useResource("gateway/status", labd.gatewayStatus);
  const usage = useResource("gateway/usage", () => labd.gatewayUsage(DAYS));
  const config = useResource("gateway/config", labd.gatewayConfig);
  const [changing, setChanging] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => {
      invalidate("gateway/status");
      invalidate("gateway/usage");
    }, REFRESH);
    return () => clearInterval(timer);
  }, []);
  if (!status.data || !usage.data || !config.data) {
    const failed = [status, usage, config].find((each) => each.error);
    return failed?.error ? <ErrorNote error={failed.error} retry={failed.reload} /> : <Skeleton />;
  }
  return (
    <div className="space-y-6">
      <Today status={status.data} />
      <Keys keys={status.data.keys} />
      <Routes config={config.data} keys={status.data.keys} onChange={() => setChanging(true)} />
      {status.data.budgets.length > 0 && <Budgets budgets={status.data.budgets} />}
      <Used lines={usage.data} />
      {changing && <ConfigDialog config={config.data} onClose={() => setChanging(false)} />}
    </div>
  );
}

function Section({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section>
      <div className="mb-2 flex items-center justify-between gap-2">
        <h2 className="text-sm font-medium">{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

function Table({ headings, rows }: { headings: string[]; rows: { key: string; cells: ReactNode[] }[] }) {
  return (
    <Panel className="overflow-x-auto">
      <table className="w-full text-left text-sm">
        <thead className="text-xs text-faint">
          <tr>
            {headings.map((heading) => (
              <th key={heading} scope="col" className="px-3 py-2 font-normal whitespace-nowrap">
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key} className="border-t border-line align-top">
              {cells.map((cell, at) => (
                <td key={headings[at]} className="px-3 py-2">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function amount(totals: UsageTotals): string {
  return totals.unpriced === 0 ? money(totals.money) : `${money(totals.money)}, ${plural(totals.unpriced, "request")} without a price`;
}

function Today({ status }: { status: GatewayStatus }) {
  const { today } = status;
  return (
    <Section title="Today (UTC)">
      <Panel className="p-5">
        <Facts
          facts={[
            ["Requests", `${count(today.requests)}${today.failures > 0 ? `, ${count(today.failures)} failed` : ""}`],
            ["Tokens in", `${count(today.input)}${today.cached_input > 0 ? `, ${count(today.cached_input)} from a cache` : ""}`],
            ["Tokens out", `${count(today.output)}${today.reasoning > 0 ? `, ${count(today.reasoning)} of them reasoning` : ""}`],
            ["Money", amount(today)],
            ["Answers from memory", count(status.cache_hits)],
          ]}
        />
      </Panel>
    </Section>
  );
}

const STATES = {
  ready: { label: "Ready", tone: "ok" },
  resting: { label: "Resting", tone: "warn" },
  probing: { label: "Trying again", tone: "warn" },
  refused: { label: "Key refused", tone: "danger" },
} as const;

function Keys({ keys }: { keys: KeyStatus[] }) {
  return (
    <Section title="Keys">
      <Table
        headings={["Provider", "Key", "State", "Running", "First piece, half within", "95 % within", "Tokens a second", "Attempts"]}
        rows={keys.map((key) => ({
          key: `${key.provider}/${key.key}`,
          cells: [
            key.provider_name,
            key.key ?? "",
            <State key="state" of={key} />,
            `${key.running}${key.waiting > 0 ? `, ${key.waiting} waiting` : ""}`,
            key.first_event_p50_ms === null ? "" : duration(key.first_event_p50_ms),
            key.first_event_p95_ms === null ? "" : duration(key.first_event_p95_ms),
            key.tokens_per_second === null ? "" : count(key.tokens_per_second),
            `${count(key.attempts)}${key.failures > 0 ? `, ${count(key.failures)} failed` : ""}`,
          ],
        }))}
      />
    </Section>
  );
}

function State({ of }: { of: KeyStatus }) {
  const { label, tone } = STATES[of.state];
  return (
    <div className="space-y-1">
      <Badge tone={tone}>{label}</Badge>
      {of.resting_until !== null && (
        <p className="text-xs text-faint">
          until <Ago at={of.resting_until} />
        </p>
      )}
      {of.last_error !== null && of.state !== "ready" && <p className="max-w-xs text-xs break-words text-faint">{of.last_error}</p>}
    </div>
  );
}

interface RoutesProps {
  config: GatewayConfig;
  keys: KeyStatus[];
  onChange: () => void;
}

function Routes({ config, keys, onChange }: RoutesProps) {
  const name = (id: string) => keys.find((key) => key.provider === id)?.provider_name ?? id;
  return (
    <Section
      title="Routes"
      action={
        <Button small icon={<Pencil aria-hidden />} onClick={onChange}>
          Change the configuration
        </Button>
      }
    >
      {config.routes.length === 0 ? (
        <p className="text-sm text-soft">
          None: each provider is asked by itself. A route is a name for several models, which take turns or stand in for each other.
        </p>
      ) : (
        <Table
          headings={["Name", "Targets, in this order"]}
          rows={config.routes.map((route) => ({
            key: route.name,
            cells: [
              <code key="name" className="font-mono text-xs">
                {route.name}
              </code>,
              <ol key="tiers" className="space-y-1">
                {route.tiers.map((tier) => (
                  <li key={JSON.stringify(tier)}>
                    {tier
                      .map((target) => {
                        const share = tier.length > 1 ? ` × ${target.weight}` : "";
                        return `${name(target.provider)}/${target.model}${target.key ? ` (${target.key})` : ""}${share}`;
                      })
                      .join(" or ")}
                  </li>
                ))}
              </ol>,
            ],
          }))}
        />
      )}
    </Section>
  );
}

function Budgets({ budgets }: { budgets: BudgetStatus[] }) {
  const whose = ({ scope, id }: BudgetStatus) => (id === null ? "Everyone" : `${scope === "user" ? "User" : "Project"} ${id}`);
  return (
    <Section title="Budgets of today">
      <Table
        headings={["Whose", "Tokens", "Money"]}
        rows={budgets.map((budget) => ({
          key: `${budget.scope}/${budget.id}/${budget.tokens_per_day}/${budget.money_per_day}`,
          cells: [
            whose(budget),
            budget.tokens_per_day === null ? "" : `${count(budget.tokens)} of ${count(budget.tokens_per_day)}`,
            budget.money_per_day === null ? "" : `${money(budget.money)} of ${money(budget.money_per_day)}`,
          ],
        }))}
      />
    </Section>
  );
}

function Used({ lines }: { lines: UsageLine[] }) {
  return (
    <Section title={`Used in the last ${DAYS} days`}>
      {lines.length === 0 ? (
        <p className="text-sm text-soft">Nothing yet.</p>
      ) : (
        <Table
          headings={["Day", "Provider", "Model", "User", "Project", "Requests", "Tokens in", "Tokens out", "Money"]}
          rows={lines.map((line) => ({
            key: `${line.day}/${line.provider}/${line.model}/${line.user}/${line.project}`,
            cells: [
              line.day,
              line.provider_name,
              line.model,
              line.user,
              line.project ?? "",
              count(line.totals.requests),
              count(line.totals.input),
              count(line.totals.output),
              amount(line.totals),
            ],
          }))}
        />
      )}
    </Section>
  );
}

/** The configuration as it is written, to be changed as a whole. */
function ConfigDialog({ config, onClose }: { config: GatewayConfig; onClose: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(config, null, 2));
  const save = async () => {
    let next: unknown;
    try {
      next = JSON.parse(text);
    } catch (failure) {
      throw new ApiError({ code: "invalid_request", message: `This is no JSON: ${String(failure)}` });
    }
    await labd.gatewayConfigure(next);
    invalidate("gateway");
    toast("The gateway's configuration is saved.");
    onClose();
  };
  return (
    <FormDialog title="The gateway's configuration" action="Save" ready={text.trim() !== ""} onClose={onClose} onSubmit={save}>
      {() => (
        <AreaField
          label="Configuration (JSON)"
          hint="Providers go by their ids here, and by their names with: labd gateway config"
          value={text}
          rows={24}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      )}
    </FormDialog>
  );
}
