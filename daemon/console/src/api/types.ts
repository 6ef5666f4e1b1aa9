/** What labd sends and takes. Mirrors the crate `labd-protocol`; JSON names are its own. */

export type Id = string;
/** RFC 3339 in UTC. */
export type Timestamp = string;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface FieldError {
  field: string;
  message: string;
}

/** An error inside of an answer, such as a failed test. */
export interface ApiErrorBody {
  code: string;
  message: string;
  fields?: FieldError[];
  upstream_code?: string;
  position?: number;
  hint?: string;
  retry_after_ms?: number;
}

export interface Session {
  kind: "session" | "token";
  expires_at: Timestamp | null;
}

export interface Status {
  version: string;
  started_at: Timestamp;
  pid: number;
  data_dir: string;
  console_url: string;
  socket: string;
  projects: number;
  sources: number;
  running_turns: number;
  store_bytes: number;
  warnings: string[];
}

export interface Project {
  id: Id;
  name: string;
  source: Id | null;
  provider: Id | null;
  model: string | null;
  head: Id | null;
  running_turn: Id | null;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface ProjectCreate {
  id?: Id;
  name: string;
  source: Id | null;
}

export interface ProjectUpdate {
  name?: string;
  source?: Id;
  /** `null` for the default one. */
  provider?: Id | null;
  /** `null` for the provider's default. */
  model?: string | null;
}

export type Author = { type: "person" } | { type: "model"; provider: string; model: string };

export interface Snapshot {
  id: Id;
  parent: Id | null;
  created_at: Timestamp;
  author: Author;
  message: string;
  turn: Id | null;
  changed: string[];
  draft: boolean;
}

export interface FileEntry {
  path: string;
  size: number;
  hash: string;
}

export interface SnapshotDetail {
  snapshot: Snapshot;
  files: FileEntry[];
}

export interface FileContent {
  path: string;
  content: string;
  binary: boolean;
  hash: string;
}

export interface FileSaved {
  snapshot: Snapshot;
  problems: Problem[];
}

export type ProblemSource = "compile" | "query" | "server" | "browser";

export interface Problem {
  source: ProblemSource;
  severity: "error" | "warning";
  code: string;
  message: string;
  path?: string;
  line?: number;
  column?: number;
  hint?: string;
  detail?: string;
}

export interface PreviewInfo {
  url: string;
  origin: string;
  revision: string | null;
  problems: Problem[];
}

export type TurnState = "running" | "done" | "stopped" | "failed" | "interrupted";

export interface Usage {
  input: number | null;
  cached_input: number | null;
  output: number | null;
  reasoning: number | null;
}

export interface StartTurn {
  id: Id;
  text: string;
  provider?: Id;
  model?: string;
}

export interface Turn {
  id: Id;
  project: Id;
  text: string;
  provider: string;
  model: string;
  state: TurnState;
  started_at: Timestamp;
  ended_at: Timestamp | null;
  snapshot: Id | null;
  usage: Usage;
  error: ApiErrorBody | null;
  last_seq: number;
}

export type FileAction = "write" | "edit" | "delete";
export type CheckState = "running" | "passed" | "failed";

export type TurnEvent =
  | { type: "started"; text: string; provider: string; model: string }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "file_started"; path: string; action: FileAction }
  | { type: "file_text"; path: string; text: string }
  | { type: "file_finished"; path: string; size: number; fault?: string }
  | { type: "candidate"; revision: string }
  | { type: "check"; name: string; state: CheckState }
  | { type: "problems"; problems: Problem[] }
  | { type: "snapshot"; id: Id; message: string; changed: string[] }
  | { type: "draft"; id: Id; reason: string }
  | { type: "usage"; usage: Usage }
  | { type: "finished"; state: TurnState; error?: ApiErrorBody };

export interface TurnEventRecord {
  seq: number;
  at: Timestamp;
  event: TurnEvent;
}

export interface TurnEvents {
  events: TurnEventRecord[];
  end: boolean;
}

export type TlsSetting = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface SourceTest {
  at: Timestamp;
  product: string | null;
  user: string | null;
  database: string | null;
  latency_ms: number;
  warnings: string[];
  error: ApiErrorBody | null;
}

export interface SourceInfo {
  id: Id;
  name: string;
  plugin: string;
  connector: string;
  dialect: string;
  location: string;
  user: string | null;
  tls: TlsSetting | null;
  own_ca: boolean;
  environment: string;
  time_zone: string;
  sample: boolean;
  created_at: Timestamp;
  updated_at: Timestamp;
  last_test: SourceTest | null;
  projects: Id[];
}

export interface SourceCreate {
  name: string;
  url: string;
  ca?: string;
  time_zone?: string;
  save_untested?: boolean;
}

export interface SourceUpdate {
  name?: string;
  url?: string;
  ca?: string;
  time_zone?: string;
  save_untested?: boolean;
}

export type ValueKind =
  | "boolean"
  | "integer"
  | "float"
  | "decimal"
  | "text"
  | "binary"
  | "date"
  | "time"
  | "timestamp"
  | "instant"
  | "uuid"
  | "json"
  | "array"
  | "other";

export interface QueryColumn {
  name: string;
  type: string;
  kind: ValueKind;
}

export interface QueryResult {
  columns: QueryColumn[];
  rows: Json[][];
  next?: Id | null;
  truncated: boolean;
  duration_ms: number;
}

export type RelationKind = "table" | "view" | "materialized_view" | "foreign_table" | "collection";

export interface ColumnSchema {
  name: string;
  type: string;
  kind: ValueKind;
  nullable: boolean;
  default_value?: string;
  comment?: string;
  enum_values?: string[];
}

export interface ForeignKeySchema {
  name: string;
  columns: string[];
  referenced_schema: string;
  referenced_table: string;
  referenced_columns: string[];
}

export interface RelationSchema {
  schema: string;
  name: string;
  kind: RelationKind;
  comment?: string;
  row_estimate: number | null;
  columns: ColumnSchema[];
  primary_key: string[];
  unique_keys?: string[][];
  foreign_keys?: ForeignKeySchema[];
  indexes?: { name: string; columns: string[]; unique: boolean }[];
}

export interface SourceSchema {
  dialect: string;
  default_schema: string;
  read_at: Timestamp;
  relations: RelationSchema[];
}

export type PluginKind = "ai-provider" | "connector" | "deployer" | "sandbox";

export type PluginState =
  | { type: "ready" }
  | { type: "failed"; reason: string }
  | { type: "quarantined"; reason: string }
  | { type: "awaiting-grant"; asks: string[]; command: string }
  | { type: "disabled"; command: string };

/** A newer version that asks for more than was granted. */
export interface PluginWaiting {
  version: string;
  digest: string;
  asks: string[];
  command: string;
}

export interface PluginLogLine {
  seq: number;
  at: Timestamp;
  level: "debug" | "info" | "warn" | "error";
  by_plugin: boolean;
  text: string;
}

export interface PluginCounters {
  calls: number;
  errors: number;
  traps: number;
  denials: number;
  bytes_in: number;
  bytes_out: number;
  log_lines_dropped: number;
  cpu_ms: number;
  instances: number;
  memory_bytes: number;
}

export interface PluginInfo {
  id: string;
  name: string;
  description: string;
  version: string;
  /** None when its manifest cannot be read; `id` is the package's folder then. */
  kind: PluginKind | null;
  digest: string;
  first_party: boolean;
  state: PluginState;
  waiting: PluginWaiting | null;
  declared: string[];
  permissions: string[];
  credentials: { name: string; hosts: string[] }[];
  config_schema: JsonSchema;
  counters: PluginCounters;
}

/** The part of JSON Schema that a plugin's configuration is described with. */
export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  enum?: Json[];
  default?: Json;
  examples?: Json[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  items?: JsonSchema;
}

export interface CredentialInfo {
  name: string;
  origin: string;
  disabled: boolean;
}

export interface Provider {
  id: Id;
  name: string;
  plugin: string;
  config: { [key: string]: Json };
  default_model: string | null;
  credentials: CredentialInfo[];
  offline: boolean;
  created_at: Timestamp;
}

export interface ProviderCreate {
  name: string;
  plugin: string;
  config: { [key: string]: Json };
  api_key?: string;
  default_model?: string;
}

export interface ProviderUpdate {
  name?: string;
  config?: { [key: string]: Json };
  api_key?: string;
  default_model?: string;
}

export interface ModelInfo {
  id: string;
  name: string;
  context_window: number | null;
}

export interface Settings {
  default_provider?: Id | null;
}

export interface TokenInfo {
  id: Id;
  name: string;
  created_at: Timestamp;
  expires_at: Timestamp | null;
  last_used_at: Timestamp | null;
}

export interface TokenCreated {
  info: TokenInfo;
  token: string;
}

export interface DeployTarget {
  id: Id;
  name: string;
  plugin: string;
  config: { [key: string]: Json };
  settings: string[];
  created_at: Timestamp;
}

export interface PlanStep {
  id: string;
  change: "create" | "update" | "delete" | "keep";
  title: string;
  detail: string | null;
  irreversible: boolean;
}

export interface DeployPlan {
  digest: string;
  target: Id;
  target_name: string;
  snapshot: Id;
  summary: string;
  steps: PlanStep[];
  warnings: string[];
  settings: string[];
}

export interface ArtifactInfo {
  name: string;
  media_type: string;
  bytes: number;
  sha256: string;
  kept: boolean;
}

export interface Deployment {
  id: Id;
  project: Id;
  target: Id;
  target_name: string;
  action: "deploy" | "rollback" | "destroy";
  state: "running" | "done" | "failed" | "stopped" | "interrupted";
  snapshot: Id | null;
  release: { id: string; url: string | null } | null;
  live: boolean;
  artifact: ArtifactInfo | null;
  started_at: Timestamp;
  ended_at: Timestamp | null;
  error: ApiErrorBody | null;
}

export type DeployEvent =
  | { type: "started"; action: Deployment["action"]; resumed: boolean }
  | { type: "step"; id: string; state: "started" | "done" | "skipped" | "failed"; message: string | null }
  | { type: "log"; level: "info" | "warn" | "error"; text: string }
  | { type: "progress"; done: number; total: number | null; unit: string }
  | { type: "url"; url: string }
  | { type: "artifact"; artifact: ArtifactInfo }
  | { type: "finished"; state: Deployment["state"]; error?: ApiErrorBody };

export interface DeployEvents {
  events: { seq: number; at: Timestamp; event: DeployEvent }[];
  end: boolean;
}

export type Notice =
  | { type: "project"; project: Id }
  | { type: "turn"; project: Id; turn: Id }
  | { type: "preview"; project: Id }
  | { type: "source"; source: Id }
  | { type: "deployment"; project: Id; deployment: Id }
  | { type: "targets" }
  | { type: "plugin"; plugin: string }
  | { type: "settings" };

export interface ModelTarget {
  provider: Id;
  model: string;
  key: string | null;
  weight: number;
}

/** What the page names of it; the rest is shown and changed as it is written. */
export interface GatewayConfig {
  routes: { name: string; tiers: ModelTarget[][] }[];
  [key: string]: unknown;
}

export interface KeyStatus {
  provider: Id;
  provider_name: string;
  key: string | null;
  state: "ready" | "resting" | "probing" | "refused";
  resting_until: Timestamp | null;
  last_error: string | null;
  running: number;
  waiting: number;
  attempts: number;
  failures: number;
  first_event_p50_ms: number | null;
  first_event_p95_ms: number | null;
  tokens_per_second: number | null;
}

export interface UsageTotals {
  requests: number;
  failures: number;
  input: number;
  cached_input: number;
  cache_writes: number;
  output: number;
  reasoning: number;
  money: number;
  unpriced: number;
}

export interface UsageLine {
  day: string;
  provider: Id;
  provider_name: string;
  model: string;
  user: string;
  project: string | null;
  totals: UsageTotals;
}

export interface BudgetStatus {
  scope: "everyone" | "user" | "project";
  id: string | null;
  tokens: number;
  tokens_per_day: number | null;
  money: number;
  money_per_day: number | null;
}

export interface GatewayStatus {
  keys: KeyStatus[];
  today: UsageTotals;
  budgets: BudgetStatus[];
  cache_hits: number;
}
