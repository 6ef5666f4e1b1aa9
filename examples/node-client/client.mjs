#!/usr/bin/env node
// labd from JavaScript in one file, without dependencies: makes a project, asks for an app,
// follows what happens, loses its connection on the way, and comes back without missing anything.
//
//     labd serve &
//     node examples/node-client/client.mjs "Revenue by month as a chart"
//
// The socket is LABD_SOCKET, or where `labd` itself looks for it (`socketPath`).
//
// What to look at:
// - `Labd`: the whole protocol. A frame is a length (4 bytes, big-endian) and JSON; a call has an
//   id and one method with its arguments; answers come in any order. The module `transport` of the
//   crate labd-protocol says what the daemon does with every kind of frame.
// - `follow`: events are numbered; whoever comes back passes the last number it saw.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";

// After so many events the connection is dropped, once, to show that it does no harm.
const DROP_AFTER = 5;
const MAX_FRAME = 8 * 1024 * 1024;

class LabdError extends Error {
  constructor(error) {
    super(error.message);
    Object.assign(this, error); // code, hint, fields, …
  }
}

// One connection to the daemon.
class Labd {
  #socket;
  #next = 0;
  #calls = new Map();
  #rest = Buffer.alloc(0);

  static open(path) {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new Labd(socket)));
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => this.#failAll("unreachable", "The connection to the daemon ended."));
  }

  // Calls a method: call("Source", { source: "01K…" }). The result, or a LabdError.
  call(method, args = {}, { seconds = 10 } = {}) {
    const id = this.#next++;
    const json = Buffer.from(
      JSON.stringify({
        Request: {
          id,
          context: { deadline: { secs: seconds, nanos: 0 } },
          message: { [method]: args },
        },
      }),
    );
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new LabdError({ code: "unreachable", message: "The connection has ended." }));
        return;
      }
      this.#calls.set(id, { method, resolve, reject });
      this.#socket.write(Buffer.concat([length, json]));
    });
  }

  close() {
    this.#socket.destroy();
  }

  #receive(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length > MAX_FRAME) return this.close();
      if (this.#rest.length < 4 + length) return;
      const json = this.#rest.subarray(4, 4 + length).toString();
      this.#rest = this.#rest.subarray(4 + length);
      this.#answer(JSON.parse(json));
    }
  }

  #answer({ request_id: id, message }) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    // `message` is the daemon's own Result, and within it the method's.
    if ("Err" in message) {
      call.reject(new LabdError(parse(message.Err.detail)));
      return;
    }
    const result = message.Ok[call.method];
    if ("Err" in result) call.reject(new LabdError(result.Err));
    else call.resolve(result.Ok);
  }

  #failAll(code, message) {
    for (const call of this.#calls.values()) call.reject(new LabdError({ code, message }));
    this.#calls.clear();
  }
}

// What the daemon says before a method is reached is an error as JSON.
function parse(detail) {
  try {
    return JSON.parse(detail);
  } catch {
    return { code: "internal", message: detail };
  }
}

// An id: 48 bits of time and 80 random bits, in Crockford's base 32 (a ULID).
function ulid() {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let number = (BigInt(Date.now()) << 80n) | BigInt(`0x${randomBytes(10).toString("hex")}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = digits[Number(number & 31n)] + text;
    number >>= 5n;
  }
  return text;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// A new connection, for as long as a restart of the daemon may take.
async function reconnect(path) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await Labd.open(path);
    } catch (error) {
      if (attempt === 50) throw error;
      await pause(200);
    }
  }
}

// Prints a turn's events to their end, over as many connections as it takes.
async function follow(path, labd, project, turn) {
  let seen = 0;
  let dropped = false;
  for (;;) {
    let page;
    try {
      const args = { project, turn, after: seen, max: dropped ? 100 : DROP_AFTER, wait_ms: 30_000 };
      page = await labd.call("TurnEvents", args, { seconds: 30 });
    } catch (error) {
      if (error.code !== "unreachable") throw error;
      labd = await reconnect(path);
      continue;
    }
    for (const { seq, event } of page.events) {
      seen = seq;
      print(event);
      if (event.type === "finished") return { state: event.state, labd };
    }
    if (seen >= DROP_AFTER && !dropped) {
      dropped = true;
      console.error(`\n[dropping the connection after event ${seen}]`);
      labd.close();
      labd = await reconnect(path);
    }
  }
}

function print(event) {
  switch (event.type) {
    case "text":
      process.stdout.write(event.text);
      break;
    case "file_started":
      console.log(`\n${event.action} ${event.path}`);
      break;
    case "file_finished":
      console.log(`  ${event.path}: ${event.fault ?? `${event.size} bytes`}`);
      break;
    case "candidate":
      console.log(`shown as ${event.revision}`);
      break;
    case "check":
      console.log(`check ${event.name}: ${event.state}`);
      break;
    case "problems":
      for (const problem of event.problems) console.log(`${problem.path ?? "app"}: ${problem.message}`);
      break;
    case "snapshot":
      console.log(`saved: ${event.message} (${event.changed.length} files)`);
      break;
    case "draft":
      console.log(`kept as a draft: ${event.reason}`);
      break;
    case "finished":
      if (event.error) console.log(event.error.message);
      break;
    // Reasoning and the pieces of files come fast; an editor would show them in place.
  }
}

// With a data directory of one's own the socket lies in it; else in the folder that the system
// keeps for the user's sockets, where there is one.
function socketPath() {
  const { LABD_SOCKET, LABD_DATA_DIR, XDG_RUNTIME_DIR, XDG_DATA_HOME } = process.env;
  if (LABD_SOCKET) return LABD_SOCKET;
  if (XDG_RUNTIME_DIR && !LABD_DATA_DIR) return join(XDG_RUNTIME_DIR, "labd/labd.sock");
  const data = LABD_DATA_DIR || join(XDG_DATA_HOME || join(homedir(), ".local/share"), "labd");
  return join(data, "run/labd.sock");
}

async function main() {
  const text = process.argv.slice(2).join(" ") || "An overview of the data";
  const path = socketPath();
  let labd = await Labd.open(path).catch((error) => {
    throw new Error(
      `${path}: ${error.message}; is \`labd serve\` running? LABD_SOCKET names another socket.`,
    );
  });

  const status = await labd.call("Status");
  console.log(`labd ${status.version}, console at ${status.console_url}`);

  // The sample database when it is there, else the first source.
  const sources = await labd.call("Sources");
  const source = sources.find((source) => source.sample) ?? sources[0];
  if (!source) throw new Error("there is no data source; add one with `labd source add`");
  console.log(`on ${source.name} (${source.connector}, ${source.location})`);

  const create = { id: ulid(), name: text, source: source.id };
  const project = await labd.call("ProjectCreate", { create });

  // The client chooses the turn's id: sending this again after a lost answer starts nothing twice.
  const turn = ulid();
  const start = { id: turn, text };
  const started = await labd.call("TurnStart", { project: project.id, start });
  console.log(`asking ${started.provider} (${started.model})\n`);

  let state;
  ({ state, labd } = await follow(path, labd, project.id, turn));
  console.log(`\n\nthe turn is ${state}`);

  for (const problem of await labd.call("Problems", { project: project.id })) {
    console.log(`problem: ${problem.path ?? ""} ${problem.message}`);
  }
  const preview = await labd.call("Preview", { project: project.id }, { seconds: 30 });
  console.log(`open within 30 seconds: ${preview.url}`);
  labd.close();
  if (state !== "done") throw new Error("the app was not finished; see the console for its draft");
}

main().catch((error) => {
  console.error(error.hint ? `${error.message} ${error.hint}` : error.message);
  process.exitCode = 1;
});
