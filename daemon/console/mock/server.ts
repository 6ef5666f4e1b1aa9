/** The routes of the mock server. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FileEntry, Json, Notice, Problem, QueryResult, Snapshot, Turn, TurnEventRecord } from "../src/api/types";
import * as data from "./data.ts";
import { CONTENT, script } from "./turn.ts";

interface State {
  turns: Turn[];
  events: Map<string, TurnEventRecord[]>;
  history: Snapshot[];
  files: Map<string, string>;
  problems: Problem[];
}

type Body = Record<string, Json>;
type Route = [method: string, path: RegExp, run: (parts: string[], body: Body, url: URL) => unknown];

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: object = {},
  ) {
    super(message);
  }
}

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const id = () => `01K9B${Array.from({ length: 21 }, () => DIGITS[Math.floor(Math.random() * 32)]).join("")}`;
const now = () => new Date().toISOString();
const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

const projects = data.projects();
const sources = data.sources();
const providers = data.providers();
const plugins = data.plugins();
const settings: Body = { default_provider: data.ids.offline };
const tokens: Body[] = [{ id: id(), name: "CI", created_at: now(), expires_at: null, last_used_at: now() }];
const states = new Map<string, State>();
const streams = new Set<ServerResponse>();
let signedIn = false;

function stateOf(project: string): State {
  find(projects, project, "project");
  let state = states.get(project);
  if (!state) {
    state = { turns: [], events: new Map(), history: [], files: new Map(), problems: [] };
    states.set(project, state);
  }
  return state;
}

function find<T extends { id?: Json }>(list: T[], wanted: string | undefined, what: string): T {
  const found = list.find((each) => each.id === wanted);
  if (!found) throw new Refusal(404, "not_found", `There is no ${what} ${wanted}.`);
  return found;
}

function notify(notice: Notice): void {
  for (const stream of streams) stream.write(`event: ${notice.type}\ndata: ${JSON.stringify(notice)}\n\n`);
}

function addSnapshot(project: string, message: string, turn: string | null, changed: string[], draft = false): Snapshot {
  const state = stateOf(project);
  const owner = find(projects, project, "project");
  const snapshot: Snapshot = {
    id: id(), parent: owner.head, created_at: now(), message, turn, changed, draft,
    author: turn ? { type: "model", provider: "Offline templates", model: "templates" } : { type: "person" },
  };
  state.history.unshift(snapshot);
  if (!draft) owner.head = snapshot.id;
  owner.updated_at = now();
  return snapshot;
}

async function play(project: string, turn: Turn): Promise<void> {
  const state = stateOf(project);
  const records: TurnEventRecord[] = [];
  state.events.set(turn.id, records);
  const draft = /fail/i.test(turn.text);
  const snapshot = id();
  for (const { wait, event } of script(turn.text, snapshot, draft)) {
    await new Promise((done) => setTimeout(done, wait));
    const last = turn.state === "stopped" ? ({ type: "finished", state: "stopped" } as const) : event;
    if (last.type === "snapshot") {
      for (const [path, text] of Object.entries(CONTENT)) state.files.set(path, text);
      addSnapshot(project, last.message, turn.id, last.changed);
    }
    if (last.type === "draft") addSnapshot(project, "An attempt", turn.id, ["queries/revenue_by_month.sql"], true);
    if (last.type === "problems") state.problems = last.problems;
    records.push({ seq: records.length + 1, at: now(), event: last });
    turn.last_seq = records.length;
    if (last.type === "finished") {
      turn.state = last.state;
      turn.ended_at = now();
      break;
    }
  }
  find(projects, project, "project").running_turn = null;
  notify({ type: "turn", project, turn: turn.id });
  notify({ type: "project", project });
  notify({ type: "preview", project });
}

function startTurn(project: string, body: Body): Turn {
  const state = stateOf(project);
  const known = state.turns.find((turn) => turn.id === body.id);
  if (known) return known;
  const owner = find(projects, project, "project");
  if (owner.running_turn) throw new Refusal(409, "conflict", "Another request is being answered. Stop it first.");
  const turn: Turn = {
    id: String(body.id), project, text: String(body.text), provider: "Offline templates", model: "templates",
    state: "running", started_at: now(), ended_at: null, snapshot: null, error: null, last_seq: 0,
    usage: { input: null, cached_input: null, output: null, reasoning: null },
  };
  owner.running_turn = turn.id;
  state.turns.unshift(turn);
  void play(project, turn);
  notify({ type: "turn", project, turn: turn.id });
  return turn;
}

function saveFile(project: string, path: string, content: string | null, base: Json | undefined) {
  const { files } = stateOf(project);
  const present = files.get(path);
  if ((present === undefined ? undefined : hash(present)) !== (base ?? undefined)) {
    throw new Refusal(409, "conflict", `${path} has changed since you opened it.`);
  }
  if (content?.includes("broken")) {
    const problem: Problem = { source: "compile", severity: "error", code: "syntax", message: "Unexpected token.", path, line: 1 };
    return { snapshot: addSnapshot(project, `Edit ${path}`, null, [path], true), problems: [problem] };
  }
  if (content === null) files.delete(path);
  else files.set(path, content);
  const snapshot = addSnapshot(project, `${content === null ? "Remove" : "Edit"} ${path}`, null, [path]);
  notify({ type: "project", project });
  return { snapshot, problems: [] };
}

/** Big numbers, unusual text, nothing: what a table of results has to show. */
function queryRows(from: number, count: number): QueryResult {
  const rows = Array.from({ length: count }, (_, index): Json[] => {
    const n = from + index + 1;
    return [n, "9007199254740993", `${n}.10`, n % 5 ? `Customer ${n} 🧪` : null, "2026-11-22T16:04:55.000001Z", n % 2 === 0, { tags: ["a", n] }];
  });
  return {
    columns: [
      { name: "id", type: "bigint", kind: "integer" },
      { name: "account", type: "bigint", kind: "integer" },
      { name: "total", type: "numeric(12,2)", kind: "decimal" },
      { name: "name", type: "text", kind: "text" },
      { name: "ordered_at", type: "timestamp with time zone", kind: "instant" },
      { name: "paid", type: "boolean", kind: "boolean" },
      { name: "more", type: "jsonb", kind: "json" },
    ],
    rows,
    next: from + count < 250 ? `CURSOR${from + count}` : null,
    truncated: false,
    duration_ms: 3.42,
  };
}

function testUrl(url: string) {
  const error = (code: string, message: string, hint: string) => ({ ...data.test(null, null), error: { code, message, hint } });
  if (url.includes("nohost")) return error("unreachable", "The name nohost.example has no address.", "Look for a typing mistake in the host, or whether this machine needs a VPN to reach it.");
  if (url.includes("wrong")) return error("credential_refused", "The server refuses the password of reporting.", "Passwords with @, : or / must be percent-encoded in a URL.");
  if (url.startsWith("sqlite:")) return data.test("SQLite 3.50.4", null);
  return { ...data.test("PostgreSQL 17.2", "reporting"), warnings: ["The server's certificate is not verified."] };
}

const P = "/projects/([^/]+)";
const routes: Route[] = [
  ["GET", /^\/session$/, () => ({ kind: "session", expires_at: null })],
  ["DELETE", /^\/session$/, () => void (signedIn = false)],
  ["GET", /^\/status$/, () => ({ version: "0.1.0", started_at: now(), pid: 4711, data_dir: "/home/ada/.local/share/labd", console_url: "http://console.labd.localhost:4400", socket: "/run/user/1000/labd/labd.sock", projects: projects.length, sources: sources.length, running_turns: 0, store_bytes: 48_113_900, warnings: ["The master key lies beside the data it seals. Only copies without it are protected."] })],
  ["GET", /^\/projects$/, () => [...projects].sort((a, b) => b.updated_at.localeCompare(a.updated_at))],
  ["POST", /^\/projects$/, (_, body) => {
    const made = { id: String(body.id ?? id()), name: String(body.name), source: body.source as string | null, provider: null, model: null, head: null, running_turn: null, created_at: now(), updated_at: now() };
    projects.push(made);
    notify({ type: "project", project: made.id });
    return made;
  }],
  ["GET", RegExp(`^${P}$`), ([project]) => find(projects, project, "project")],
  ["PATCH", RegExp(`^${P}$`), ([project], body) => Object.assign(find(projects, project, "project"), body, { updated_at: now() })],
  ["DELETE", RegExp(`^${P}$`), ([project]) => void projects.splice(projects.indexOf(find(projects, project, "project")), 1)],
  ["GET", RegExp(`^${P}/history$`), ([project]) => stateOf(project ?? "").history],
  ["POST", RegExp(`^${P}/rewind$`), ([project], body) => {
    const snapshot = find(stateOf(project ?? "").history, String(body.snapshot), "snapshot");
    if (snapshot.draft) throw new Refusal(400, "invalid_request", "This state is a draft that did not pass its checks.");
    find(projects, project, "project").head = snapshot.id;
    notify({ type: "project", project: project ?? "" });
    return snapshot;
  }],
  ["GET", RegExp(`^${P}/files$`), ([project]) => [...stateOf(project ?? "").files].map(([path, text]): FileEntry => ({ path, size: text.length, hash: hash(text) }))],
  ["GET", RegExp(`^${P}/files/(.+)$`), ([project, path]) => {
    const content = stateOf(project ?? "").files.get(path ?? "");
    if (content === undefined) throw new Refusal(404, "not_found", `There is no file ${path}.`);
    return { path, content, binary: false, hash: hash(content) };
  }],
  ["PUT", RegExp(`^${P}/files/(.+)$`), ([project, path], body) => saveFile(project ?? "", path ?? "", String(body.content), body.base)],
  ["DELETE", RegExp(`^${P}/files/(.+)$`), ([project, path], _, url) => saveFile(project ?? "", path ?? "", null, url.searchParams.get("base"))],
  ["POST", RegExp(`^${P}/preview$`), ([project], _, url) => {
    const origin = `http://${project?.toLowerCase()}.preview.localhost:${url.port}`;
    return { url: `${origin}/?ticket=${id()}`, origin, revision: null, problems: [] };
  }],
  ["GET", RegExp(`^${P}/problems$`), ([project]) => stateOf(project ?? "").problems],
  ["GET", RegExp(`^${P}/turns$`), ([project]) => stateOf(project ?? "").turns],
  ["POST", RegExp(`^${P}/turns$`), ([project], body) => startTurn(project ?? "", body)],
  ["POST", RegExp(`^${P}/turns/([^/]+)/stop$`), ([project, turn]) => {
    const found = find(stateOf(project ?? "").turns, turn, "turn");
    if (found.state === "running") found.state = "stopped";
    return found;
  }],
  ["GET", RegExp(`^${P}/turns/([^/]+)/prompt$`), () => "You write web apps for labd.\n\n# Schema\norders(id bigint, customer_id bigint, ordered_at timestamptz, total numeric)\n"],
  ["GET", /^\/sources$/, () => sources],
  ["POST", /^\/sources\/test$/, (_, body) => testUrl(String(body.url))],
  ["POST", /^\/sources$/, (_, body) => {
    const tested = testUrl(String(body.url));
    if (tested.error && !body.save_untested) throw new Refusal(422, tested.error.code, tested.error.message, tested.error);
    const first = sources[1];
    const made = { ...first, id: id(), name: String(body.name), projects: [], last_test: tested } as (typeof sources)[number];
    sources.push(made);
    return made;
  }],
  ["GET", /^\/sources\/([^/]+)$/, ([source]) => find(sources, source, "source")],
  ["PATCH", /^\/sources\/([^/]+)$/, ([source], body) => Object.assign(find(sources, source, "source"), body.name ? { name: body.name } : {}, { updated_at: now() })],
  ["DELETE", /^\/sources\/([^/]+)$/, ([source]) => {
    sources.splice(sources.indexOf(find(sources, source, "source")), 1);
    const left = projects.filter((project) => project.source === source);
    for (const project of left) project.source = null;
    return { projects: left.map((project) => project.id) };
  }],
  ["POST", /^\/sources\/([^/]+)\/test$/, ([source]) => Object.assign(find(sources, source, "source").last_test ?? {}, { at: now() })],
  ["GET", /^\/sources\/([^/]+)\/schema$/, ([source]) => data.schema(find(sources, source, "source").dialect)],
  ["POST", /^\/sources\/([^/]+)\/query$/, (_, body) => {
    const text = String(body.text);
    if (/^\s*(insert|update|delete|drop)/i.test(text)) throw new Refusal(403, "write_refused", "This statement would write, and only reading is allowed here.");
    if (/totals/.test(text)) throw new Refusal(422, "query_failed", "There is no column totals.", { position: text.indexOf("totals") + 1, upstream_code: "42703", hint: "Perhaps `total` is meant." });
    return queryRows(0, 100);
  }],
  ["GET", /^\/queries\/CURSOR(\d+)$/, ([from]) => queryRows(Number(from), 100)],
  ["DELETE", /^\/queries\/([^/]+)$/, () => undefined],
  ["GET", /^\/plugins$/, () => plugins],
  ["GET", /^\/plugins\/([^/]+)$/, ([plugin]) => find(plugins, plugin, "plugin")],
  ["GET", /^\/plugins\/([^/]+)\/log$/, () => data.pluginLog()],
  ["POST", /^\/plugins\/([^/]+)\/(grant|revoke|enable|disable|reload)$/, ([plugin, decision]) => {
    const found = find(plugins, plugin, "plugin");
    if (decision === "grant") Object.assign(found, { waiting: null });
    else Object.assign(found, { state: decision === "disable" ? { type: "disabled", command: `labd plugin enable ${found.id}` } : { type: "ready" } });
    return found;
  }],
  ["GET", /^\/providers$/, () => providers],
  ["POST", /^\/providers$/, (_, body) => {
    const config = (body.config ?? {}) as Body;
    if (body.plugin === "labd.openai-compatible" && !/^https?:/.test(String(config.base_url))) {
      throw new Refusal(400, "invalid_request", "The base URL begins with https://.", { fields: [{ field: "config.base_url", message: "The base URL begins with https://." }] });
    }
    const made = { id: id(), name: String(body.name), plugin: String(body.plugin), config, default_model: (body.default_model as string | undefined) ?? null, credentials: body.api_key ? [{ name: "api-key", origin: "https://api.example", disabled: false }] : [], offline: false, created_at: now() };
    providers.push(made);
    return made;
  }],
  ["PATCH", /^\/providers\/([^/]+)$/, ([provider], { api_key: _, ...body }) => Object.assign(find(providers, provider, "provider"), body)],
  ["DELETE", /^\/providers\/([^/]+)$/, ([provider]) => void providers.splice(providers.indexOf(find(providers, provider, "provider")), 1)],
  ["GET", /^\/providers\/([^/]+)\/models$/, ([provider]) => ({ models: find(providers, provider, "provider").offline ? [{ id: "templates", name: "Templates", context_window: null }] : [{ id: "llama-4-maverick", name: "Llama 4 Maverick", context_window: 131_072 }, { id: "qwen-3-coder", name: "Qwen 3 Coder", context_window: 262_144 }] })],
  ["GET", /^\/settings$/, () => settings],
  ["PATCH", /^\/settings$/, (_, body) => Object.assign(settings, body)],
  ["GET", /^\/tokens$/, () => tokens],
  ["POST", /^\/tokens$/, (_, body) => {
    const info = { id: id(), name: body.name ?? "", created_at: now(), expires_at: body.expires_in ? new Date(Date.now() + Number(body.expires_in) * 1000).toISOString() : null, last_used_at: null };
    tokens.push(info);
    return { info, token: `labd_${hash(info.id)}${hash(info.name as string)}` };
  }],
  ["DELETE", /^\/tokens\/([^/]+)$/, ([token]) => void tokens.splice(tokens.indexOf(find(tokens, token, "token")), 1)],
];

export async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const path = decodeURIComponent(url.pathname.replace("/api/v1", ""));
  try {
    const body = await bodyOf(request);
    if (path === "/session" && request.method === "POST") {
      if (body.token !== "mock") throw new Refusal(401, "unauthenticated", "This link has been used already, or is older than five minutes.", { hint: "Run `labd open` for a new one." });
      signedIn = true;
      return send(response, 200, { kind: "session", expires_at: null });
    }
    if (!signedIn) throw new Refusal(401, "unauthenticated", "Sign in first, or send a token that is good.");
    if (path === "/events") return follow(response);
    const stream = RegExp(`^${P}/turns/([^/]+)/events$`).exec(path);
    if (stream) return turnEvents(request, response, url, stream[1] ?? "", stream[2] ?? "");
    for (const [method, pattern, run] of routes) {
      const match = method === request.method ? pattern.exec(path) : null;
      if (!match) continue;
      const answer = run(match.slice(1), body, url);
      return answer === undefined ? send(response, 204) : send(response, 200, answer);
    }
    throw new Refusal(404, "not_found", `There is no ${request.method} ${path}.`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, code, message, more } = error;
    send(response, status, { ...more, type: `urn:labd:problem:${code}`, status, code, detail: message });
  }
}

function turnEvents(request: IncomingMessage, response: ServerResponse, url: URL, project: string, turn: string): void {
  const found = find(stateOf(project).turns, turn, "turn");
  const records = stateOf(project).events.get(turn) ?? [];
  let after = Number(request.headers["last-event-id"] ?? url.searchParams.get("after") ?? 0);
  if (request.headers.accept?.includes("application/json")) {
    return send(response, 200, { events: records.slice(after), end: found.state !== "running" });
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const timer = setInterval(() => {
    for (const record of records.slice(after)) {
      after = record.seq;
      response.write(`id: ${record.seq}\nevent: ${record.event.type}\ndata: ${JSON.stringify(record)}\n\n`);
      if (record.event.type === "finished") response.end();
    }
  }, 20);
  response.on("close", () => clearInterval(timer));
}

function follow(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 1000\n\n");
  streams.add(response);
  response.on("close", () => streams.delete(response));
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text ? (JSON.parse(text) as Body) : {};
}

function send(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
