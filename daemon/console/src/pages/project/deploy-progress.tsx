/** A deployment while it runs. */
import { useEffect, useState } from "react";
import * as labd from "../../api/labd";
import type { DeployEvent, Deployment } from "../../api/types";
import { Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { invalidate } from "../../state/resources";
import { toastError } from "../../state/toasts";

/** Milliseconds until it is asked again after a lost connection. */
const AGAIN = 1_000;
/** Lines that are shown: what came before is in the list of events over HTTP. */
const LINES = 200;

export function DeployProgress({ deployment }: { deployment: Deployment }) {
  const [events, setEvents] = useState<DeployEvent[]>([]);
  const { project, id } = deployment;
  useEffect(() => {
    const gone = new AbortController();
    const follow = async () => {
      let after = 0;
      while (!gone.signal.aborted) {
        try {
          const page = await labd.deploymentEvents(project, id, after, gone.signal);
          after = page.events.at(-1)?.seq ?? after;
          setEvents((before) => [...before, ...page.events.map((record) => record.event)].slice(-LINES));
          if (page.end) {
            invalidate(`project/${project}/deployments`);
            return;
          }
        } catch {
          // The daemon may be starting anew; a page that is gone asks no more.
          await new Promise((done) => setTimeout(done, AGAIN));
        }
      }
    };
    void follow();
    return () => gone.abort();
  }, [project, id]);
  const stop = async () => {
    try {
      await labd.deploymentStop(project, id);
    } catch (failure) {
      toastError(failure);
    }
  };
  return (
    <section className="space-y-2 rounded-lg border border-accent bg-surface p-4" aria-label="Running deployment">
      <div className="flex items-center justify-between gap-2">
        <Spinner label={`At work at ${deployment.target_name}`} />
        <Button small onClick={() => void stop()}>
          Stop
        </Button>
      </div>
      <ol className="max-h-64 space-y-0.5 overflow-y-auto font-mono text-xs text-soft" aria-live="polite">
        {events.map((event, index) => {
          const line = lineOf(event);
          return line && <li key={index}>{line}</li>;
        })}
      </ol>
    </section>
  );
}

function lineOf(event: DeployEvent): string | undefined {
  switch (event.type) {
    case "step":
      return `${event.id}: ${event.state}${event.message ? ` — ${event.message}` : ""}`;
    case "log":
      return event.level === "info" ? event.text : `${event.level}: ${event.text}`;
    case "progress":
      return `${event.done}${event.total === null ? "" : ` of ${event.total}`} ${event.unit}`;
    case "url":
      return event.url;
    case "artifact":
      return event.artifact.name;
    case "started":
      return event.resumed ? "Going on" : undefined;
    case "finished":
      return undefined;
  }
}
