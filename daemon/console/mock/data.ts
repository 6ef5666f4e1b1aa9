/** What the mock server begins with: a shop, two sources, three projects. */
import type { PluginInfo, PluginLogLine, Project, Provider, RelationSchema, SourceInfo, SourceSchema } from "../src/api/types";

export const ids = {
  shop: "01K9A0000000000000000SHP01",
  warehouse: "01K9A0000000000000000WRH01",
  offline: "01K9A0000000000000000FFN01",
  groq: "01K9A0000000000000000GRQ01",
  sales: "01K9A0000000000000000SAE01",
  empty: "01K9A0000000000000000EMP01",
  orphan: "01K9A0000000000000000RPH01",
};

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

export const projects = (): Project[] => [
  project(ids.sales, "Sales overview", ids.shop, 4),
  project(ids.empty, "Low stock", ids.warehouse, 190),
  project(ids.orphan, "Complaints of the year before last, by region and responsible person", null, 30_000),
];

function project(id: string, name: string, source: string | null, minutes: number): Project {
  return {
    id,
    name,
    source,
    provider: null,
    model: null,
    head: null,
    running_turn: null,
    created_at: ago(minutes + 500),
    updated_at: ago(minutes),
  };
}

export const sources = (): SourceInfo[] => [
  {
    id: ids.shop,
    name: "Sample shop",
    plugin: "labd.sqlite",
    connector: "SQLite",
    dialect: "sqlite",
    location: "/home/ada/.local/share/labd/sample/shop.db",
    user: null,
    tls: null,
    own_ca: false,
    environment: "development",
    time_zone: "UTC",
    sample: true,
    created_at: ago(9_000),
    updated_at: ago(9_000),
    last_test: test("SQLite 3.50.4", null),
    projects: [ids.sales],
  },
  {
    id: ids.warehouse,
    name: "Warehouse",
    plugin: "labd.postgres",
    connector: "PostgreSQL",
    dialect: "postgresql",
    location: "db.internal.example:5432/warehouse",
    user: "reporting",
    tls: "require",
    own_ca: true,
    environment: "production",
    time_zone: "Europe/Vienna",
    sample: false,
    created_at: ago(4_000),
    updated_at: ago(30),
    last_test: {
      ...test("PostgreSQL 17.2", "reporting"),
      warnings: [
        "The server's certificate is not verified. Use `sslmode=verify-full` and give its authority.",
        "The role may write to 12 tables. labd only reads, but a role that cannot write is safer.",
      ],
    },
    projects: [ids.empty],
  },
];

export function test(product: string | null, user: string | null) {
  return { at: ago(12), product, user, database: user ? "warehouse" : null, latency_ms: 7, warnings: [], error: null };
}

const column = (name: string, type: string, kind: string, more: object = {}) =>
  ({ name, type, kind, nullable: false, ...more }) as RelationSchema["columns"][number];

export const schema = (dialect: string): SourceSchema => {
  const schemaName = dialect === "sqlite" ? "main" : "public";
  const table = (name: string, rows: number, columns: RelationSchema["columns"], more: Partial<RelationSchema> = {}) =>
    ({ schema: schemaName, name, kind: "table", row_estimate: rows, columns, primary_key: ["id"], ...more }) as RelationSchema;
  const id = column("id", "bigint", "integer");
  const reference = (name: string, to: string) => ({
    name: `${name}_fkey`,
    columns: [name],
    referenced_schema: schemaName,
    referenced_table: to,
    referenced_columns: ["id"],
  });
  return {
    dialect,
    default_schema: schemaName,
    read_at: ago(12),
    relations: [
      table("customers", 1_200, [id, column("name", "text", "text"), column("email", "text", "text", { nullable: true }), column("segment", "customer_segment", "text", { enum_values: ["private", "business", "public"] }), column("created_at", "timestamp with time zone", "instant", { default_value: "now()" })], { comment: "Everyone who ever ordered." }),
      table("inventory", 340, [id, column("product_id", "bigint", "integer"), column("on_hand", "integer", "integer"), column("reorder_at", "integer", "integer", { comment: "Order again when less than this is there." })], { foreign_keys: [reference("product_id", "products")] }),
      table("order_lines", 21_840, [id, column("order_id", "bigint", "integer"), column("product_id", "bigint", "integer"), column("quantity", "integer", "integer"), column("unit_price", "numeric(12,2)", "decimal")], { foreign_keys: [reference("order_id", "orders"), reference("product_id", "products")], indexes: [{ name: "order_lines_order", columns: ["order_id"], unique: false }] }),
      table("orders", 8_412, [id, column("customer_id", "bigint", "integer"), column("ordered_at", "timestamp with time zone", "instant"), column("status", "order_status", "text", { enum_values: ["open", "paid", "shipped", "returned"] }), column("total", "numeric(12,2)", "decimal")], { foreign_keys: [reference("customer_id", "customers")] }),
      table("payments", 8_003, [id, column("order_id", "bigint", "integer"), column("amount", "numeric(12,2)", "decimal"), column("paid_on", "date", "date", { nullable: true })], { foreign_keys: [reference("order_id", "orders")] }),
      table("products", 340, [id, column("sku", "text", "text"), column("name", "text", "text"), column("category", "text", "text"), column("price", "numeric(12,2)", "decimal")], { unique_keys: [["sku"]] }),
      table("revenue_by_month", 24, [column("month", "date", "date"), column("revenue", "numeric", "decimal")], { kind: "view", primary_key: [] }),
    ],
  };
};

export const providers = (): Provider[] => [
  {
    id: ids.offline,
    name: "Offline templates",
    plugin: "labd.offline",
    config: {},
    default_model: "templates",
    credentials: [],
    offline: true,
    created_at: ago(9_000),
  },
  {
    id: ids.groq,
    name: "Groq",
    plugin: "labd.openai-compatible",
    config: { base_url: "https://api.groq.example/openai/v1" },
    default_model: "llama-4-maverick",
    credentials: [{ name: "api-key", origin: "https://api.groq.example", disabled: false }],
    offline: false,
    created_at: ago(700),
  },
];

const counters = { calls: 0, errors: 0, traps: 0, denials: 0, bytes_in: 0, bytes_out: 0, log_lines_dropped: 0, cpu_ms: 0, instances: 0, memory_bytes: 0 };
const digest = (letter: string) => letter.repeat(64);

const known: Omit<PluginInfo, "name" | "description" | "waiting" | "declared">[] = [
  {
    id: "labd.offline", version: "0.1.0", kind: "ai-provider", digest: digest("a"), first_party: true,
    state: { type: "ready" }, permissions: [], credentials: [],
    config_schema: { type: "object", properties: { delay_ms: { type: "integer", title: "Delay", description: "Milliseconds between two events.", default: 0, minimum: 0, maximum: 5000 } } },
    counters: { ...counters, calls: 41, cpu_ms: 312, instances: 1, memory_bytes: 2_162_688 },
  },
  {
    id: "labd.openai-compatible", version: "0.1.0", kind: "ai-provider", digest: digest("b"), first_party: true,
    state: { type: "ready" }, permissions: ["http=from-config:base_url"], credentials: [{ name: "api-key", hosts: [] }],
    config_schema: {
      type: "object",
      required: ["base_url"],
      properties: {
        base_url: { type: "string", format: "uri", title: "Base URL", description: "Where the API is, with its version.", examples: ["https://api.openai.com/v1"] },
        max_tokens_field: { type: "string", title: "Field for the limit of tokens", enum: ["max_completion_tokens", "max_tokens"], default: "max_completion_tokens" },
        stream_usage: { type: "boolean", title: "Ask for usage at the end of a stream", default: true },
      },
    },
    counters: { ...counters, calls: 17, errors: 2, bytes_in: 812_044, bytes_out: 96_100, cpu_ms: 96 },
  },
  {
    id: "labd.postgres", version: "0.1.0", kind: "connector", digest: digest("c"), first_party: true,
    state: { type: "ready" }, permissions: ["net=from-config"], credentials: [], config_schema: {},
    counters: { ...counters, calls: 2_204, errors: 3, bytes_in: 48_112_900, bytes_out: 501_000, cpu_ms: 4_105, instances: 2, memory_bytes: 4_325_376 },
  },
  {
    id: "labd.sqlite", version: "0.1.0", kind: "connector", digest: digest("d"), first_party: true,
    state: { type: "ready" }, permissions: ["sqlite=from-config"], credentials: [], config_schema: {},
    counters: { ...counters, calls: 931, cpu_ms: 870, instances: 1, memory_bytes: 2_162_688 },
  },
  {
    id: "labd.web", version: "0.1.0", kind: "sandbox", digest: digest("e"), first_party: true,
    state: { type: "ready" }, permissions: [], credentials: [], config_schema: {},
    counters: { ...counters, calls: 388, traps: 1, cpu_ms: 9_412, instances: 2, memory_bytes: 4_325_376 },
  },
  {
    id: "acme.duckdb", version: "0.3.1", kind: "connector", digest: digest("f"), first_party: false,
    state: { type: "quarantined", reason: "It trapped 5 times within a minute: out of bounds memory access." },
    permissions: ["sqlite=from-config", "http=https://extensions.duckdb.example"], credentials: [], config_schema: {},
    counters: { ...counters, calls: 12, errors: 7, traps: 5, denials: 3, log_lines_dropped: 1_204 },
  },
];

const NAMES: { [id: string]: [string, string] } = {
  "labd.offline": ["Offline generator", "Makes apps without a model."],
  "labd.openai-compatible": ["OpenAI-compatible", "OpenAI, and every server that speaks its API."],
  "labd.postgres": ["PostgreSQL", "PostgreSQL and what speaks its protocol."],
  "labd.sqlite": ["SQLite", "SQLite files."],
  "labd.web": ["Web apps", "Compiles and runs React apps."],
  "acme.duckdb": ["DuckDB", "DuckDB files."],
};

export const plugins = (): PluginInfo[] =>
  known.map((plugin) => {
    const [name = plugin.id, description = ""] = NAMES[plugin.id] ?? [];
    const waits = plugin.id === "acme.duckdb";
    const asks = ["http=https://telemetry.duckdb.example"];
    return {
      ...plugin,
      name,
      description,
      declared: plugin.permissions,
      waiting: waits ? { version: "0.4.0", digest: digest("9"), asks, command: `labd plugin grant ${plugin.id}` } : null,
    };
  });

export const pluginLog = (): PluginLogLine[] => [
  { seq: 1, at: ago(9), level: "info", by_plugin: true, text: "connected to the file" },
  { seq: 2, at: ago(8), level: "warn", by_plugin: false, text: "an instance is gone: it trapped: out of bounds memory access" },
];
