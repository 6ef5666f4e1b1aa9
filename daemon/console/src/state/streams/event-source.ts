/** A connection of the browser's own `EventSource`; coming back is the follower's matter. */
import type { Connect, Later } from "./follower";

/** All names of events; a browser hands out only those that are asked for. */
const TYPES = [
  "started",
  "text",
  "reasoning",
  "file_started",
  "file_text",
  "file_finished",
  "candidate",
  "check",
  "problems",
  "snapshot",
  "draft",
  "usage",
  "finished",
  "project",
  "turn",
  "preview",
  "source",
  "deployment",
  "targets",
  "plugin",
  "settings",
  "resync",
];

export const connect: Connect = (url, handlers) => {
  const source = new EventSource(url);
  source.onopen = () => handlers.opened();
  for (const type of TYPES) {
    source.addEventListener(type, (event) => handlers.message(type, (event as MessageEvent<string>).data));
  }
  // Both the browser's own event, without data, and one that labd sends under that name.
  source.addEventListener("error", (event) => {
    if (event instanceof MessageEvent) handlers.message("error", String(event.data));
    else handlers.failed();
  });
  return source;
};

export const later: Later = (milliseconds, run) => {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
};
