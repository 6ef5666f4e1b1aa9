// The database behind DATABASE_URL, opened for reading only. Values are written as @labd/data
// expects them: exact numbers never pass through a double.
import { pathToFileURL } from "node:url";
import { pieces } from "./query.mjs";

const ROWS = 10_000;
const TIMEOUT_MS = 30_000;

// Only one of them is installed; a name in a variable keeps bundlers from looking for the other.
const DRIVERS = { sqlite: "libsql", postgres: "pg" };

/** Opens postgres://…, postgresql://… or sqlite:///absolute/path.db. */
export async function open(url) {
  if (!url) throw new Error("DATABASE_URL is not set: copy .env.example to .env and fill it in.");
  if (/^postgres(ql)?:/.test(url)) return postgres(url);
  if (/^(sqlite|file):/.test(url)) return sqlite(url);
  throw new Error("DATABASE_URL begins with postgres:// or sqlite://");
}

const exact = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : String(text));

// ---- SQLite -------------------------------------------------------------------------------------

async function sqlite(url) {
  const { default: Database } = await import(DRIVERS.sqlite);
  // `mode=ro` is SQLite's own: the file is neither made nor written.
  const file = pathToFileURL(decodeURIComponent(url.replace(/^\w+:(\/\/)?/, "")));
  const database = new Database(`${file.href}?mode=ro`);
  database.pragma("query_only = on");
  const kinds = { INT: "integer", INTEGER: "integer", BIGINT: "integer", REAL: "float", DOUBLE: "float", FLOAT: "float", BOOLEAN: "boolean", DATE: "date", DATETIME: "timestamp", TIMESTAMP: "timestamp", BLOB: "binary", JSON: "json" };
  const kind = (type, value) => {
    const name = (type ?? "").toUpperCase().replace(/\(.*$/, "").trim();
    if (kinds[name]) return kinds[name];
    if (/^(DECIMAL|NUMERIC)$/.test(name)) return "decimal";
    return typeof value === "bigint" ? "integer" : typeof value === "number" ? "float" : Buffer.isBuffer(value) ? "binary" : "text";
  };
  const cell = (value, of) => {
    if (value === null) return null;
    if (Buffer.isBuffer(value)) return value.toString("base64");
    if (of === "boolean") return Boolean(Number(value));
    if (of === "decimal") return String(value);
    if (of === "timestamp" && typeof value === "string") return value.replace(" ", "T");
    if (of === "json" && typeof value === "string") return JSON.parse(value);
    return typeof value === "bigint" ? exact(value) : value;
  };
  const bound = (value) => (typeof value === "boolean" ? Number(value) : value !== null && typeof value === "object" ? JSON.stringify(value) : value ?? null);
  return {
    run({ text, parameters }, params) {
      const statement = database.prepare(text);
      if (!statement.reader) throw new Error("Only statements that read are run.");
      const values = Object.fromEntries(parameters.map(({ name, type }) => {
        const value = params[name];
        return [name, type === "int" && value !== undefined && value !== null ? BigInt(value) : bound(value)];
      }));
      const rows = [];
      let truncated = false;
      for (const row of statement.raw().safeIntegers().iterate(values)) {
        if (rows.length === ROWS) { truncated = true; break; }
        rows.push(row);
      }
      const columns = statement.columns().map(({ name, type }, index) => {
        const some = rows.find((row) => row[index] !== null)?.[index];
        return { name, type: type ?? "", kind: kind(type, some) };
      });
      return { columns, rows: rows.map((row) => row.map((value, index) => cell(value, columns[index].kind))), truncated, rowCount: rows.length };
    },
  };
}

// ---- PostgreSQL ---------------------------------------------------------------------------------

async function postgres(url) {
  const { default: pg } = await import(DRIVERS.postgres);
  const pool = new pg.Pool({ connectionString: url, max: 4, statement_timeout: TIMEOUT_MS, options: "-c default_transaction_read_only=on" });
  const asText = { getTypeParser: () => (value) => value };
  const kinds = { 16: "boolean", 20: "integer", 21: "integer", 23: "integer", 26: "integer", 700: "float", 701: "float", 1700: "decimal", 17: "binary", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "instant", 2950: "uuid", 114: "json", 3802: "json", 25: "text", 1042: "text", 1043: "text", 18: "text", 19: "text" };
  const cell = (value, kind) => {
    if (value === null) return null;
    switch (kind) {
      case "boolean": return value === "t";
      case "integer": return exact(value);
      case "float": return Number.isFinite(Number(value)) ? Number(value) : value;
      case "binary": return Buffer.from(value.replace(/^\\x/, ""), "hex").toString("base64");
      case "timestamp": return value.replace(" ", "T");
      case "instant": return value.replace(" ", "T").replace(/\+00$/, "Z");
      case "json": return JSON.parse(value);
      default: return value;
    }
  };
  return {
    async run({ text }, params) {
      const names = [], values = [];
      const statement = pieces(text).map((piece) => {
        if (piece.name === undefined) return piece.text;
        if (!names.includes(piece.name)) {
          names.push(piece.name);
          values.push(params[piece.name] ?? null);
        }
        return `$${names.indexOf(piece.name) + 1}`;
      }).join("");
      const client = await pool.connect();
      try {
        await client.query("BEGIN READ ONLY");
        await client.query("SET LOCAL TIME ZONE 'UTC'");
        // The extended protocol takes one statement only, so that none can end the transaction first.
        const result = await client.query({ text: statement, values, rowMode: "array", types: asText, queryMode: "extended" });
        await client.query("COMMIT");
        const columns = result.fields.map(({ name, dataTypeID }) => ({ name, type: String(dataTypeID), kind: kinds[dataTypeID] ?? "other" }));
        const rows = result.rows.slice(0, ROWS).map((row) => row.map((value, index) => cell(value, columns[index].kind)));
        return { columns, rows, truncated: result.rows.length > ROWS, rowCount: rows.length };
      } catch (error) {
        await client.query("ROLLBACK").catch(() => {});
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
