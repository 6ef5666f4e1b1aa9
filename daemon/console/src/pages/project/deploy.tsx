/** Where the app leaves labd: a plan, a yes, what happens then, and what was deployed before. */
import { Ban, CircleAlert, CircleCheck, Download, Rocket, Undo2 } from "lucide-react";
import { useEffect, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { DeployPlan, DeployTarget, Deployment, Project } from "../../api/types";
import { ulid } from "../../api/ulid";
import { Badge, Empty, Skeleton } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { Confirm } from "../../components/ui/confirm";
import { ErrorNote } from "../../components/ui/error-note";
import { Ago } from "../../components/ui/time";
import { bytes } from "../../state/format";
import { invalidate, useResource } from "../../state/resources";
import { toastError } from "../../state/toasts";
import { DeployProgress } from "./deploy-progress";

export function DeployPanel({ project }: { project: Project }) {
  const targets = useResource("targets", labd.targets);
  const all = useResource(`project/${project.id}/deployments`, () => labd.deployments(project.id));
  const [chosen, setChosen] = useState<string>();
  const [plan, setPlan] = useState<DeployPlan>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [back, setBack] = useState<Deployment>();
  const target = targets.data?.find((each) => each.id === chosen) ?? targets.data?.[0];
  const running = all.data?.find((each) => each.state === "running");

  // Another state of the project is another plan.
  useEffect(() => setPlan(undefined), [project.head, target?.id]);

  const work = async (run: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await run();
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  const look = () =>
    work(async () => {
      if (target) setPlan(await labd.deployPlan(project.id, target.id));
    });
  const agree = () =>
    work(async () => {
      if (!plan) return;
      await labd.deployStart(project.id, { id: ulid(), target: plan.target, plan: plan.digest });
      setPlan(undefined);
      invalidate(`project/${project.id}/deployments`);
    });
  return (
    <div className="scroll-thin min-h-0 flex-1 space-y-4 overflow-y-auto p-4">
      <section className="space-y-3 rounded-lg border border-line bg-surface p-4" aria-label="Deploy this app">
        {targets.error && <ErrorNote error={targets.error} retry={targets.reload} />}
        <div className="flex flex-wrap items-end gap-2">
          <Choice targets={targets.data ?? []} value={target?.id} onChange={setChosen} />
          <Button
            look={plan ? "plain" : "primary"}
            icon={<Rocket />}
            busy={busy && !plan}
            disabled={!target || project.head === null || running !== undefined}
            onClick={() => void look()}
          >
            Deploy…
          </Button>
        </div>
        {project.head === null && <p className="text-sm text-soft">There is no app yet. Ask for one in the chat first.</p>}
        {error && <ErrorNote error={error} />}
        {plan && <Plan plan={plan} busy={busy} onAgree={() => void agree()} onCancel={() => setPlan(undefined)} />}
      </section>
      {running && <DeployProgress key={running.id} deployment={running} />}
      <Releases project={project} all={all.data} loading={all.loading} disabled={running !== undefined} onBack={setBack} />
      {all.error && <ErrorNote error={all.error} retry={all.reload} />}
      <Confirm
        open={back !== undefined}
        onClose={() => setBack(undefined)}
        title="Go back to this release?"
        action="Go back"
        onConfirm={async () => {
          if (back) await labd.deployRollback(project.id, { id: ulid(), to: back.id });
          invalidate(`project/${project.id}/deployments`);
        }}
      >
        {back?.release?.id} becomes what people see at {back?.target_name}. The project itself stays as it is.
      </Confirm>
    </div>
  );
}

interface ChoiceProps {
  targets: DeployTarget[];
  value: string | undefined;
  onChange: (id: string) => void;
}

function Choice({ targets, value, onChange }: ChoiceProps) {
  return (
    <label className="min-w-40 flex-1 space-y-1 text-sm">
      <span className="font-medium">Where to</span>
      <select
        value={value ?? ""}
        onChange={(event) => onChange(event.target.value)}
        className="h-8 w-full rounded-md border border-line-strong bg-surface px-2 text-sm"
      >
        {targets.map((target) => (
          <option key={target.id} value={target.id}>
            {target.name}
          </option>
        ))}
      </select>
    </label>
  );
}

const MARKS = { create: "+", update: "~", delete: "−", keep: "=" };

interface PlanProps {
  plan: DeployPlan;
  busy: boolean;
  onAgree: () => void;
  onCancel: () => void;
}

function Plan({ plan, busy, onAgree, onCancel }: PlanProps) {
  return (
    <div className="space-y-3 border-t border-line pt-3">
      <p className="font-medium">{plan.summary}</p>
      <ul className="space-y-1 text-sm" aria-label="What will be done">
        {plan.steps.map((step) => (
          <li key={step.id} className="flex gap-2">
            <span className="w-3 shrink-0 text-center font-mono text-faint" aria-hidden>
              {MARKS[step.change]}
            </span>
            <span className="min-w-0">
              {step.title}
              {step.irreversible && <Badge tone="warn">Cannot be undone</Badge>}
              {step.detail && <span className="block text-xs text-soft">{step.detail}</span>}
            </span>
          </li>
        ))}
      </ul>
      {plan.settings.length > 0 && (
        <p className="text-sm text-soft">{plan.target_name} is given {plan.settings.join(", ")}.</p>
      )}
      {plan.warnings.map((warning) => (
        <p key={warning} className="flex gap-2 text-sm text-warn">
          <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
          {warning}
        </p>
      ))}
      <div className="flex gap-2">
        <Button look="primary" busy={busy} onClick={onAgree}>
          Yes, deploy this
        </Button>
        <Button look="quiet" disabled={busy} onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </div>
  );
}

interface ReleasesProps {
  project: Project;
  all: Deployment[] | undefined;
  loading: boolean;
  disabled: boolean;
  onBack: (deployment: Deployment) => void;
}

function Releases({ project, all, loading, disabled, onBack }: ReleasesProps) {
  if (!all) return loading ? <Skeleton /> : null;
  const ended = all.filter((each) => each.state !== "running");
  if (ended.length === 0) {
    return (
      <Empty icon={<Rocket />} title="Nothing deployed yet">
        Each deployment becomes a release here. You can download it again, or go back to it.
      </Empty>
    );
  }
  return (
    <ol className="space-y-2" aria-label="Deployments, the latest first">
      {ended.map((deployment) => (
        <Release key={deployment.id} project={project} deployment={deployment} disabled={disabled} onBack={onBack} />
      ))}
    </ol>
  );
}

const WORDS = { deploy: "Deployed to", rollback: "Went back at", destroy: "Took down at" };
const STATES = { running: "Running", done: "Done", failed: "Failed", stopped: "Stopped", interrupted: "Interrupted" };

interface ReleaseProps {
  project: Project;
  deployment: Deployment;
  disabled: boolean;
  onBack: (deployment: Deployment) => void;
}

function Release({ project, deployment, disabled, onBack }: ReleaseProps) {
  const { artifact, release, state, error } = deployment;
  const done = state === "done";
  const resume = async () => {
    try {
      await labd.deploymentResume(project.id, deployment.id);
      invalidate(`project/${project.id}/deployments`);
    } catch (failure) {
      toastError(failure);
    }
  };
  return (
    <li className="space-y-1 rounded-lg border border-line bg-surface px-3 py-2.5">
      <div className="flex flex-wrap items-center gap-2">
        {done ? <CircleCheck className="size-4 shrink-0 text-ok" aria-hidden /> : <Ban className="size-4 shrink-0 text-faint" aria-hidden />}
        <span className="font-medium">
          {WORDS[deployment.action]} {deployment.target_name}
        </span>
        {deployment.live && <Badge tone="accent">Live</Badge>}
        {!done && <Badge tone={state === "failed" ? "danger" : "warn"}>{STATES[state]}</Badge>}
        <span className="flex-1" />
        {artifact?.kept && (
          <a
            href={labd.artifactUrl(project.id, deployment.id)}
            download={artifact.name}
            className="inline-flex h-7 items-center gap-1.5 rounded-md border border-line-strong px-2.5 text-xs hover:bg-hover [&_svg]:size-3.5"
          >
            <Download aria-hidden />
            Download {artifact.name} ({bytes(artifact.bytes)})
          </a>
        )}
        {done && deployment.action === "deploy" && !deployment.live && (
          <Button small icon={<Undo2 />} disabled={disabled} onClick={() => onBack(deployment)}>
            Go back to it
          </Button>
        )}
        {!done && (
          <Button small disabled={disabled} onClick={() => void resume()}>
            Go on
          </Button>
        )}
      </div>
      <p className="flex flex-wrap gap-x-1.5 text-xs text-faint">
        <Ago at={deployment.started_at} />
        {release && <span>· {release.id}</span>}
      </p>
      {release?.url && (
        <a href={release.url} target="_blank" rel="noreferrer" className="text-sm text-accent underline">
          {release.url}
        </a>
      )}
      {error && <ErrorNote error={error} />}
    </li>
  );
}
