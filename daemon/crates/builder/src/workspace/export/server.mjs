// The app's small server: it runs the named queries, read-only, and the code in server/.
//   POST /_lab/q/<name>   {"params": {…}} → {columns, rows, truncated, rowCount}
//   /api/<route>          server/<route>.ts
// Nothing here asks who is calling: put it behind your own sign-in before others can reach it.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { open } from "./database.mjs";
import { parse } from "./query.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const BODY_LIMIT = 1024 * 1024;
let database;

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** Runs a named query; the answer is what @labd/data expects. */
async function query(name, params = {}) {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Refusal(404, "not_found", `There is no query ${name}.`);
  let source;
  try {
    source = fs.readFileSync(path.join(root, "queries", `${name}.sql`), "utf8");
  } catch {
    throw new Refusal(404, "not_found", `There is no query ${name}.`);
  }
  const contract = parse(source);
  if (contract.effect !== "read") throw new Refusal(403, "write_refused", `The query ${name} writes; this server only reads.`);
  for (const { name: parameter, required } of contract.parameters) {
    if (required && (params[parameter] === undefined || params[parameter] === null)) {
      throw new Refusal(400, "invalid_request", `The query ${name} needs the parameter ${parameter}.`);
    }
  }
  database ??= open(process.env.DATABASE_URL);
  const connection = await database;
  try {
    return await connection.run(contract, params);
  } catch (error) {
    throw new Refusal(422, "query_failed", error.message);
  }
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_LIMIT) throw new Refusal(413, "too_large", "The request is too large.");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

/** `orders/[id]` against `orders/7` gives {id: "7"}; null when it does not match. */
function match(pattern, route) {
  const want = pattern.split("/"), have = route.split("/");
  if (want.length !== have.length) return null;
  const params = {};
  for (const [index, part] of want.entries()) {
    const name = /^\[(\w+)\]$/.exec(part)?.[1];
    if (name) params[name] = decodeURIComponent(have[index]);
    else if (part !== have[index]) return null;
  }
  return params;
}

async function handle(request, response, url, routes) {
  const route = url.pathname.slice("/api/".length).replace(/\/+$/, "");
  for (const [file, module] of Object.entries(await routes())) {
    const pattern = file.replace(/^\.\.\/server\//, "").replace(/\.ts$/, "").replace(/(^|\/)index$/, "");
    const params = match(pattern, route);
    const handler = params && module[request.method];
    if (typeof handler !== "function") continue;
    const body = ["GET", "HEAD"].includes(request.method) ? undefined : await read(request);
    const asked = new Request(url, { method: request.method, headers: new Headers(Object.entries(request.headers).filter(([, value]) => typeof value === "string")), body });
    const rows = async (name, values) => {
      const { columns, rows } = await query(name, values);
      return { columns, rows: rows.map((cells) => Object.fromEntries(columns.map((column, index) => [column.name, cells[index]]))) };
    };
    const result = await handler(asked, { query: rows, params, url, user: { id: "local", name: "local" } });
    if (!(result instanceof Response)) return json(response, 200, result ?? null);
    response.writeHead(result.status, Object.fromEntries(result.headers));
    return response.end(Buffer.from(await result.arrayBuffer()));
  }
  throw new Refusal(404, "not_found", `Nothing answers ${request.method} /api/${route}.`);
}

/** Answers queries and server code; false when the request is for something else. */
export async function answer(request, response, routes) {
  const url = new URL(request.url, `http://${request.headers.host ?? "localhost"}`);
  try {
    if (request.method === "POST" && url.pathname.startsWith("/_lab/q/")) {
      // Only pages of this origin may ask: a form of another site cannot send this type.
      if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Refusal(415, "invalid_request", "Send JSON.");
      const { params } = JSON.parse((await read(request)).toString() || "{}");
      json(response, 200, await query(decodeURIComponent(url.pathname.slice("/_lab/q/".length)), params));
    } else if (url.pathname.startsWith("/api/")) {
      await handle(request, response, url, routes);
    } else return false;
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    json(response, error.status ?? 500, { code: error.code ?? "internal", message: error instanceof Refusal ? error.message : "The server failed; its log has more." });
  }
  return true;
}

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".ico": "image/x-icon", ".woff2": "font/woff2" };

function file(response, pathname) {
  const dist = path.join(root, "dist");
  const wanted = path.normalize(path.join(dist, decodeURIComponent(pathname)));
  const inside = wanted.startsWith(dist + path.sep) && fs.existsSync(wanted) && fs.statSync(wanted).isFile();
  const found = inside ? wanted : path.join(dist, "index.html");
  response.writeHead(200, { "content-type": TYPES[path.extname(found)] ?? "application/octet-stream", "x-content-type-options": "nosniff" });
  fs.createReadStream(found).pipe(response);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const built = path.join(root, "dist-server", "routes.js");
  const routes = async () => (fs.existsSync(built) ? (await import(pathToFileURL(built).href)).routes : {});
  const port = Number(process.env.PORT ?? 3000), host = process.env.HOST ?? "127.0.0.1";
  http.createServer(async (request, response) => {
    if (!(await answer(request, response, routes))) file(response, new URL(request.url, "http://localhost").pathname);
  }).listen(port, host, () => console.log(`http://${host}:${port}`));
}
