/** labd's routes, a function each. */
import { BASE, call } from "./client";
import type * as t from "./types";

const part = encodeURIComponent;
/** A file's path; its slashes stand as they are. */
const filePath = (path: string) => path.split("/").map(part).join("/");

export const status = () => call<t.Status>("GET", "/status");
export const session = () => call<t.Session>("GET", "/session");
export const signIn = (token: string) => call<t.Session>("POST", "/session", { body: { token } });
export const signOut = () => call<void>("DELETE", "/session");

export const projects = () => call<t.Project[]>("GET", "/projects");
export const project = (id: t.Id) => call<t.Project>("GET", `/projects/${part(id)}`);
export const projectCreate = (create: t.ProjectCreate) =>
  call<t.Project>("POST", "/projects", { body: create });
export const projectUpdate = (id: t.Id, update: t.ProjectUpdate) =>
  call<t.Project>("PATCH", `/projects/${part(id)}`, { body: update });
export const projectRemove = (id: t.Id) => call<void>("DELETE", `/projects/${part(id)}`);
export const exportUrl = (id: t.Id) => `${BASE}/projects/${part(id)}/export`;
export const history = (id: t.Id) => call<t.Snapshot[]>("GET", `/projects/${part(id)}/history`);
export const snapshot = (id: t.Id, snapshotId: t.Id) =>
  call<t.SnapshotDetail>("GET", `/projects/${part(id)}/snapshots/${part(snapshotId)}`);
export const rewind = (id: t.Id, snapshotId: t.Id) =>
  call<t.Snapshot>("POST", `/projects/${part(id)}/rewind`, { body: { snapshot: snapshotId } });
export const preview = (id: t.Id) => call<t.PreviewInfo>("POST", `/projects/${part(id)}/preview`);
export const problems = (id: t.Id) => call<t.Problem[]>("GET", `/projects/${part(id)}/problems`);

export const files = (id: t.Id) => call<t.FileEntry[]>("GET", `/projects/${part(id)}/files`);
export const file = (id: t.Id, path: string, at?: t.Id) =>
  call<t.FileContent>(
    "GET",
    `/projects/${part(id)}/files/${filePath(path)}${at ? `?snapshot=${part(at)}` : ""}`,
  );
export const fileSave = (id: t.Id, path: string, content: string, base?: string) =>
  call<t.FileSaved>("PUT", `/projects/${part(id)}/files/${filePath(path)}`, {
    body: { content, base },
  });
export const fileRemove = (id: t.Id, path: string, base: string) =>
  call<t.FileSaved>("DELETE", `/projects/${part(id)}/files/${filePath(path)}?base=${part(base)}`);

export const turns = (id: t.Id) => call<t.Turn[]>("GET", `/projects/${part(id)}/turns`);
export const turnStart = (id: t.Id, start: t.StartTurn) =>
  call<t.Turn>("POST", `/projects/${part(id)}/turns`, { body: start });
export const turnStop = (id: t.Id, turn: t.Id) =>
  call<t.Turn>("POST", `/projects/${part(id)}/turns/${part(turn)}/stop`);
export const turnEvents = (id: t.Id, turn: t.Id, after: number) =>
  call<t.TurnEvents>("GET", `/projects/${part(id)}/turns/${part(turn)}/events?after=${after}&max=1000`);
export const turnPrompt = (id: t.Id, turn: t.Id) =>
  call<string>("GET", `/projects/${part(id)}/turns/${part(turn)}/prompt`, { text: true });
export const turnStreamUrl = (id: t.Id, turn: t.Id, after: number) =>
  `${BASE}/projects/${part(id)}/turns/${part(turn)}/events?after=${after}`;

export const targets = () => call<t.DeployTarget[]>("GET", "/targets");
export const deployPlan = (id: t.Id, target: t.Id) =>
  call<t.DeployPlan>("GET", `/projects/${part(id)}/deploy-plan?target=${part(target)}`);
export const deployStart = (id: t.Id, start: { id: t.Id; target: t.Id; plan: string }) =>
  call<t.Deployment>("POST", `/projects/${part(id)}/deployments`, { body: start });
export const deployRollback = (id: t.Id, start: { id: t.Id; to: t.Id }) =>
  call<t.Deployment>("POST", `/projects/${part(id)}/rollback`, { body: start });
export const deployments = (id: t.Id) => call<t.Deployment[]>("GET", `/projects/${part(id)}/deployments`);
const deployment = (id: t.Id, of: t.Id) => `/projects/${part(id)}/deployments/${part(of)}`;
export const deploymentStop = (id: t.Id, of: t.Id) => call<t.Deployment>("POST", `${deployment(id, of)}/stop`);
export const deploymentResume = (id: t.Id, of: t.Id) => call<t.Deployment>("POST", `${deployment(id, of)}/resume`);
/** Waits for events after those that were seen. */
export const deploymentEvents = (id: t.Id, of: t.Id, after: number, signal: AbortSignal) =>
  call<t.DeployEvents>("GET", `${deployment(id, of)}/events?after=${after}&wait_ms=20000`, { signal });
export const artifactUrl = (id: t.Id, of: t.Id) => `${BASE}${deployment(id, of)}/artifact`;

export const noticesUrl = `${BASE}/events`;

export const sources = () => call<t.SourceInfo[]>("GET", "/sources");
export const source = (id: t.Id) => call<t.SourceInfo>("GET", `/sources/${part(id)}`);
export const sourceCreate = (create: t.SourceCreate) =>
  call<t.SourceInfo>("POST", "/sources", { body: create });
export const sourceUpdate = (id: t.Id, update: t.SourceUpdate) =>
  call<t.SourceInfo>("PATCH", `/sources/${part(id)}`, { body: update });
export const sourceRemove = (id: t.Id) =>
  call<{ projects: t.Id[] }>("DELETE", `/sources/${part(id)}?confirm=true`);
export const sourceTest = (id: t.Id) => call<t.SourceTest>("POST", `/sources/${part(id)}/test`);
export const sourceTry = (url: string, ca?: string) =>
  call<t.SourceTest>("POST", "/sources/test", { body: { url, ca } });
export const sourceSchema = (id: t.Id, refresh = false) =>
  call<t.SourceSchema>("GET", `/sources/${part(id)}/schema?refresh=${refresh}`);
export const sourceQuery = (
  id: t.Id,
  query: { text: string; params: { [name: string]: t.Json }; max_rows: number },
  signal?: AbortSignal,
) => call<t.QueryResult>("POST", `/sources/${part(id)}/query`, { body: query, signal });
export const queryNext = (cursor: t.Id) => call<t.QueryResult>("GET", `/queries/${part(cursor)}`);
export const queryClose = (cursor: t.Id) => call<void>("DELETE", `/queries/${part(cursor)}`);

export const plugins = () => call<t.PluginInfo[]>("GET", "/plugins");
export const plugin = (id: string) => call<t.PluginInfo>("GET", `/plugins/${part(id)}`);

export type PluginDecision = "grant" | "revoke" | "enable" | "disable" | "reload";
export const pluginDecide = (id: string, decision: PluginDecision) =>
  call<t.PluginInfo>("POST", `/plugins/${part(id)}/${decision}`);
/** The last lines of a plugin's log, or those after one that was seen. */
export const pluginLog = (id: string, after?: number, signal?: AbortSignal) =>
  call<t.PluginLogLine[]>("GET", `/plugins/${part(id)}/log${after === undefined ? "" : `?after=${after}`}`, { signal });

export const providers = () => call<t.Provider[]>("GET", "/providers");
export const providerCreate = (create: t.ProviderCreate) =>
  call<t.Provider>("POST", "/providers", { body: create });
export const providerUpdate = (id: t.Id, update: t.ProviderUpdate) =>
  call<t.Provider>("PATCH", `/providers/${part(id)}`, { body: update });
export const providerRemove = (id: t.Id) => call<void>("DELETE", `/providers/${part(id)}`);
export const providerKeySet = (id: t.Id, key: string, apiKey: string) =>
  call<t.Provider>("PUT", `/providers/${part(id)}/keys/${part(key)}`, { body: { api_key: apiKey } });
export const providerKeyRemove = (id: t.Id, key: string) =>
  call<t.Provider>("DELETE", `/providers/${part(id)}/keys/${part(key)}`);
export const gatewayConfig = () => call<t.GatewayConfig>("GET", "/gateway/config");
export const gatewayConfigure = (config: unknown) =>
  call<t.GatewayConfig>("PUT", "/gateway/config", { body: config });
export const gatewayStatus = () => call<t.GatewayStatus>("GET", "/gateway/status");
export const gatewayUsage = (days: number) => call<t.UsageLine[]>("GET", `/gateway/usage?days=${days}`);
export const providerModels = (id: t.Id) =>
  call<{ models: t.ModelInfo[] }>("GET", `/providers/${part(id)}/models`);
export const settings = () => call<t.Settings>("GET", "/settings");
export const settingsUpdate = (update: t.Settings) =>
  call<t.Settings>("PATCH", "/settings", { body: update });

export const tokens = () => call<t.TokenInfo[]>("GET", "/tokens");
export const tokenCreate = (name: string, expiresIn?: number) =>
  call<t.TokenCreated>("POST", "/tokens", { body: { name, expires_in: expiresIn } });
export const tokenRemove = (id: t.Id) => call<void>("DELETE", `/tokens/${part(id)}`);
