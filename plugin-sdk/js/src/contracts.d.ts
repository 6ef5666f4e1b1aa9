// The contracts' types as they look in JavaScript. Kept by hand beside ../../../wit, which says what
// everything means.
//
// | WIT | JavaScript |
// | --- | --- |
// | `option<T>` | `T | undefined`; a missing one arrives as `null` |
// | `variant`, `enum` | `{ tag, val }`, a string |
// | `flags` | an object of booleans |
// | `list<u8>` | `Uint8Array` |
// | `result<T, error>` | returns `T`, throws `PluginError` |

export type Option<T> = T | null | undefined;

// labd:common/errors

export interface Denial {
  capability: string;
  target: string;
  message: string;
}

export interface Fault {
  message: string;
  code?: string;
  position?: number;
  hint?: string;
}

export type ErrorValue =
  | { tag: 'denied'; val: Denial }
  | { tag: 'invalid-request' | 'unauthenticated' | 'unavailable' | 'not-found' | 'conflict'; val: Fault }
  | { tag: 'rate-limited'; val: Option<number> }
  | { tag: 'overloaded' | 'timeout' | 'cancelled' }
  | { tag: 'internal'; val: string };

// labd:host

export type Level = 'debug' | 'info' | 'warn' | 'error';

export type Header = [string, string];

export interface Body {
  /** Waits for 1..`max` bytes; empty at the end. */
  read(max: number): Uint8Array;
}

/** What a plugin reaches the outside with: the real one is `host.js`, a fake one is in `testing.js`. */
export interface Host {
  log(level: Level, message: string, fields: [string, string][]): void;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Waits, at most 60 000 ms. */
  sleep(milliseconds: number): void;
  send(request: {
    method: string;
    url: string;
    headers: Header[];
    body?: Uint8Array;
    timeout?: number;
  }): { status: number; headers: Header[]; body: Body };
}

// labd:ai-provider

export interface Capabilities {
  tools?: boolean;
  strictTools?: boolean;
  images?: boolean;
  files?: boolean;
  structuredOutput?: boolean;
  reasoning?: boolean;
  embeddings?: boolean;
  document?: boolean;
}

export interface Info {
  name: string;
  description: string;
  capabilities: Capabilities;
  defaultModel?: string;
}

export interface Model {
  id: string;
  name: string;
  contextWindow?: number;
  outputLimit?: number;
  capabilities?: Capabilities;
}

export interface ToolUse {
  id: string;
  name: string;
  arguments: string;
}

export interface ToolResult {
  id: string;
  content: string;
  isError: boolean;
}

export type Part =
  | { tag: 'text'; val: string }
  | { tag: 'image'; val: { mediaType: string; data: Uint8Array } }
  | { tag: 'file'; val: { mediaType: string; name?: Option<string>; data: Uint8Array } }
  | { tag: 'reasoning'; val: string }
  | { tag: 'tool-use'; val: ToolUse }
  | { tag: 'tool-result'; val: ToolResult }
  | { tag: 'blob'; val: Uint8Array };

export interface Message {
  role: 'user' | 'assistant';
  parts: Part[];
}

export interface Tool {
  name: string;
  description: string;
  parameters: string;
  strict: boolean;
}

export type ToolChoice = { tag: 'automatic' | 'none' | 'required' } | { tag: 'named'; val: string };

export type Effort = 'off' | 'minimal' | 'low' | 'medium' | 'high' | 'highest';

export interface CacheHints {
  tools: boolean;
  system: number;
  messages: number;
  retention: 'short' | 'long';
  key?: Option<string>;
}

export interface Request {
  model: string;
  system: string[];
  messages: Message[];
  tools: Tool[];
  toolChoice: ToolChoice;
  parallelTools?: Option<boolean>;
  outputSchema?: Option<string>;
  maxTokens?: Option<number>;
  temperature?: Option<number>;
  topP?: Option<number>;
  stop: string[];
  effort?: Option<Effort>;
  cache?: Option<CacheHints>;
  user?: Option<string>;
  document?: Option<string>;
}

export interface Usage {
  input?: number;
  cachedInput?: number;
  cacheWrites?: number;
  output?: number;
  reasoning?: number;
}

export type FinishReason = 'stop' | 'length' | 'tool-use' | 'content-filter' | 'refusal' | 'pause' | 'other';

export type Event =
  | { tag: 'started'; val: { model: string; id: string } }
  | { tag: 'text' | 'reasoning'; val: string }
  | { tag: 'tool-started'; val: { id: string; name: string } }
  | { tag: 'tool-fragment'; val: { id: string; fragment: string } }
  | { tag: 'tool-finished'; val: string }
  | { tag: 'blob'; val: Uint8Array }
  | { tag: 'usage'; val: Usage }
  | { tag: 'finish'; val: FinishReason };

export interface EmbedRequest {
  model: string;
  texts: string[];
  dimensions?: Option<number>;
  purpose?: Option<'document' | 'query'>;
  user?: Option<string>;
}

export interface Embeddings {
  model: string;
  vectors: Float32Array[] | number[][];
  usage: Usage;
}

export interface CompletionResource {
  next(max: number): Event[];
}

export interface ProviderExports {
  Completion: new (...args: never[]) => CompletionResource;
  describe(): Info;
  models(config: string): Model[];
  complete(config: string, request: Request): CompletionResource;
  embed(config: string, request: EmbedRequest): Embeddings;
}

// labd:connector

export interface ConnectorInfo {
  name: string;
  dialect: string;
  placeholders: 'dollar' | 'question-numbered' | 'question' | 'at-numbered' | 'colon-numbered' | 'json';
}

export interface ConnectorConfig {
  user?: Option<string>;
  database?: Option<string>;
  baseUrl?: Option<string>;
  options: [string, string][];
  timeZone: string;
  applicationName: string;
}

export type ValueKind =
  | 'boolean'
  | 'integer'
  | 'float'
  | 'decimal'
  | 'text'
  | 'binary'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'instant'
  | 'uuid'
  | 'json'
  | 'array'
  | 'other';

export interface Column {
  name: string;
  databaseType: string;
  kind: ValueKind;
}

export type Param =
  | { tag: 'null' }
  | { tag: 'boolean'; val: boolean }
  | { tag: 'integer'; val: number }
  | { tag: 'float'; val: number }
  | { tag: 'text'; val: string }
  | { tag: 'binary'; val: Uint8Array }
  | { tag: 'typed'; val: { kind: ValueKind; text: string } }
  | { tag: 'array'; val: { kind: ValueKind; items: Option<string>[] } };

export type Values =
  | { tag: 'booleans'; val: boolean[] }
  | { tag: 'integers' | 'floats' | 'dates' | 'times' | 'timestamps' | 'instants'; val: number[] }
  | { tag: 'decimals' | 'texts'; val: string[] }
  | { tag: 'binaries'; val: Uint8Array[] };

export interface Batch {
  rows: number;
  columns: { nulls: Uint8Array; values: Values }[];
}

export interface QueryOptions {
  readOnly: boolean;
  timeout: number;
  maxRows: number;
  maxBytes: number;
}

export interface Rows {
  columns: Column[];
  first: Batch;
  rest?: Cursor;
  affected?: number;
}

export interface Prepared {
  parameters: { databaseType: string; kind: ValueKind }[];
  columns: Column[];
}

export interface ServerInfo {
  product: string;
  user?: string;
  database?: string;
  warnings: string[];
}

export interface Relation {
  schemaName: string;
  name: string;
  kind: 'table' | 'view' | 'materialized-view' | 'foreign-table' | 'collection';
  comment?: string;
  rowEstimate?: number;
  columns: {
    name: string;
    databaseType: string;
    kind: ValueKind;
    nullable: boolean;
    defaultValue?: string;
    comment?: string;
    enumValues: string[];
    frequency?: number;
  }[];
  primaryKey: string[];
  uniqueKeys: string[][];
  foreignKeys: {
    name: string;
    columns: string[];
    referencedSchema: string;
    referencedTable: string;
    referencedColumns: string[];
  }[];
  indexes: { name: string; columns: string[]; unique: boolean }[];
}

export interface Schema {
  defaultSchema: string;
  relations: Relation[];
}

/** The rows that did not fit the first batch. */
export interface Cursor {
  next(maxRows: number, maxBytes: number): Batch;
}

export interface Connection {
  ping(): void;
  serverInfo(): ServerInfo;
  schema(): Schema;
  prepare(text: string): Prepared;
  query(text: string, params: Param[], options: QueryOptions): Rows;
  cancelToken(): Uint8Array;
}

export interface ConnectorExports {
  Connection: new (...args: never[]) => Connection;
  Cursor: new (...args: never[]) => Cursor;
  describe(): ConnectorInfo;
  open(config: ConnectorConfig): Connection;
  cancel(config: ConnectorConfig, token: Uint8Array): void;
}
