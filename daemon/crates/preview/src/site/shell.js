// The shell of a preview: shows one state of the app after the other without loading the page anew.
//
// It is the module "react-dom/client" to the app as well, so that it knows what is mounted and can
// take it down when the next state has painted.
import * as client from "labd:react-dom-client";

const settings = JSON.parse(document.getElementById("labd-shell").content);
const toConsole = (message) => {
  if (parent !== window) parent.postMessage(message, settings.console);
};

// ---- roots of the app, by the state that made them

let mounted = new Set();

function track(root) {
  mounted.add(root);
  return {
    render: (children) => root.render(children),
    unmount: () => {
      mounted.delete(root);
      root.unmount();
    },
  };
}

export const createRoot = (container, options) => track(client.createRoot(container, options));
export const hydrateRoot = (container, children, options) =>
  track(client.hydrateRoot(container, children, options));
export const version = client.version;
export default { createRoot, hydrateRoot, version };

// ---- problems

let shown = null;

function report(kind, error, hint) {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error?.message ?? error);
  const problem = { kind, message, stack: error?.stack, hint };
  fetch("/_lab/problems", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(problem),
    keepalive: true,
  }).catch(() => {});
  toConsole({ type: "labd:problem", message, revision: shown });
}

addEventListener("error", (event) => report("error", event.error ?? event.message));
addEventListener("unhandledrejection", (event) => report("rejection", event.reason));
addEventListener("labd:problem", ({ detail }) => {
  if (detail.kind !== "query") report(detail.kind ?? "error", detail, detail.hint);
});

// ---- states

function loadStyle(href) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve(link);
    document.head.append(link);
  });
}

function preload(href) {
  if (document.head.querySelector(`link[rel=modulepreload][href="${CSS.escape(href)}"]`)) return;
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = href;
  document.head.append(link);
}

/** Resolves when the element has content. */
function filled(element) {
  if (element.firstChild) return Promise.resolve();
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      observer.disconnect();
      resolve();
    });
    observer.observe(element, { childList: true });
  });
}

/** Resolves when what is on the page now has been painted. */
const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let styles = [];

async function show(state) {
  const first = shown === null;
  shown = state.revision;
  document.title = state.title;
  state.modules.forEach(preload);
  const newStyles = Promise.all(state.styles.map(loadStyle));

  // The app mounts into an element named root. The old one keeps the screen until the new one
  // has something to show.
  const oldRoot = document.getElementById("root");
  const oldMounted = mounted;
  const root = document.createElement("div");
  root.id = "root";
  oldRoot.removeAttribute("id");
  root.style.display = "none";
  oldRoot.after(root);
  mounted = new Set();

  const oldStyles = styles;
  styles = await newStyles;
  const swap = () => {
    root.style.removeProperty("display");
    oldRoot.remove();
    oldStyles.forEach((link) => link.remove());
    oldMounted.forEach((one) => one.unmount());
  };
  try {
    // The same module again (a rewind) would not run again: a query makes it another one.
    const again = seen.has(state.entry) ? `?${++visits}` : "";
    seen.add(state.entry);
    if (first) swap();
    const content = filled(root);
    const done = content.then(painted).then(() => {
      performance.mark(`labd:painted:${state.revision}`);
      toConsole({ type: "labd:painted", revision: state.revision });
    });
    // @labd/data forgets its results: the statements behind them may have changed.
    dispatchEvent(new CustomEvent("labd:revision"));
    await import(state.entry + again);
    if (!first) {
      await Promise.race([content, pause(1000)]);
      swap();
    }
    await Promise.race([done, pause(2000)]);
  } catch (error) {
    report("import", error);
    if (!first) swap();
  }
}

const seen = new Set();
let visits = 0;

// One state after the other; of those that wait only the latest counts.
let waiting = null;
let showing = false;

async function enqueue(state) {
  waiting = state;
  if (showing) return;
  showing = true;
  while (waiting) {
    const next = waiting;
    waiting = null;
    if (next.revision !== shown) await show(next);
  }
  showing = false;
}

function showNothing() {
  const root = document.getElementById("root");
  if (shown === null && !root.firstChild) {
    const note = document.createElement("div");
    note.className = "labd-empty";
    note.textContent = "Nothing to show yet. Say in the chat what you need.";
    root.append(note);
  }
}

// ---- the app's page, for the console

const tellRoute = () => toConsole({ type: "labd:route", path: location.hash.slice(1) || "/" });
addEventListener("hashchange", tellRoute);
addEventListener("popstate", tellRoute);

// ---- begin

if (settings.show) enqueue(settings.show);
else showNothing();
tellRoute();

const events = new EventSource("/_lab/events");
events.addEventListener("show", (event) => {
  const state = JSON.parse(event.data);
  if (state) enqueue(state);
});

// Whatever the next state imports is there already.
const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
idle(() => settings.warm.forEach((name) => import(name).catch(() => {})));
