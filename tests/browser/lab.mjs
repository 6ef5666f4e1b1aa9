// A browser as a person has it, signed in at a real daemon, and what must hold while it is used.
//
// A scenario is one file that calls `scenario`. `labd_tests::browser` starts it and says in the
// environment what it needs:
//
// | variable | meaning |
// | --- | --- |
// | `LABD_SIGN_IN` | a link that signs in once |
// | `LABD_INPUT` | JSON for the scenario, `lab.input` |
// | `LABD_PICTURES` | a folder for pictures of what was seen |
//
// What a scenario returns is printed as JSON, the last line of standard output.
//
// In every scenario, without asking for it:
// - no request leaves the daemon's own sites;
// - nothing is written to the browser's console as an error, and no script fails, but what the
//   scenario said it would cause (`lab.willFail`).

import assert from "node:assert/strict";
import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** Milliseconds that one thing may take to appear; much, for a machine that does much else. */
const PATIENCE = 60_000;
/** Milliseconds for a whole scenario; the test is ended by force a little later. */
const WHOLE = 300_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Debian's browser, or another that speaks the same protocol. */
function browserProgram() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // The next folder may have it.
      }
    }
  }
  throw new Error("there is no Chromium; `cargo xtask setup` installs it");
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: scenarios are started by \`cargo xtask test\``);
  return value;
}

/** A new browser, without anything of the user's own. Timing starts when it is there. */
export function launch() {
  return chromium.launch({ executablePath: browserProgram(), args: FLAGS });
}

class Lab {
  #pictures = setting("LABD_PICTURES");
  #taken = 0;
  #expected = [];
  #faults = [];
  #foreign = [];
  signIn = setting("LABD_SIGN_IN");
  input = JSON.parse(process.env.LABD_INPUT || "null");

  constructor(name, context, page) {
    Object.assign(this, { name, context, page });
    const own = new URL(this.signIn);
    this.origin = own.origin;
    context.on("request", (request) => {
      const { protocol, hostname, port } = new URL(request.url());
      const inside = protocol === "data:" || protocol === "blob:";
      const ours = hostname.endsWith(".labd.localhost") && port === own.port;
      if (!inside && !ours) this.#foreign.push(request.url());
    });
    context.on("console", (message) => {
      if (message.type() === "error") this.#faults.push(`${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.#faults.push(String(error.error())));
  }

  /** The app in the preview. */
  get app() {
    return this.page.frameLocator('iframe[title^="Preview of"]');
  }

  /** Says that an error with such a text is part of the scenario. */
  willFail(pattern) {
    this.#expected.push(pattern);
  }

  /** A picture of the page, for whoever wants to see what was tested. */
  async look(name) {
    this.#taken += 1;
    mkdirSync(this.#pictures, { recursive: true });
    const path = join(this.#pictures, `${this.name}-${String(this.#taken).padStart(2, "0")}-${name}.png`);
    await this.page.screenshot({ path, animations: "disabled" });
    return path;
  }

  /** Opens the console by the link. */
  async enter() {
    await this.page.goto(this.signIn);
    await this.page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
  }

  /** A route of the API, called as the console calls it. */
  api(route, body, method = body === undefined ? "GET" : "POST") {
    return this.page.evaluate(
      async ([route, body, method]) => {
        const answer = await fetch(`/api/v1${route}`, {
          method,
          headers: { "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : null;
      },
      [route, body, method],
    );
  }

  /** Opens a place of the main navigation. */
  async visit(place) {
    await this.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: place }).first().click();
  }

  /** Makes a project on a source by its dialog and opens it; its id. */
  async newProject(name, source) {
    await this.visit("Projects");
    await this.page.getByRole("button", { name: "New project" }).click();
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Data source").selectOption({ label: source });
    await dialog.getByRole("button", { name: "Create" }).click();
    await this.page.waitForURL("**/projects/*");
    return new URL(this.page.url()).pathname.split("/").at(-1);
  }

  /** Sends a request in the chat; its card. */
  async ask(text) {
    await this.page.getByLabel("Your request").fill(text);
    await this.page.getByLabel("Your request").press("Enter");
    return this.page.getByRole("article", { name: `Request: ${text}` }).last();
  }

  /** Replaces what is in the code editor. */
  async type(text) {
    const editor = this.page.locator(".cm-content").first();
    await editor.click();
    await this.page.keyboard.press("Control+A");
    // As one insertion: typing would close brackets and indent by itself.
    await this.page.keyboard.insertText(text);
  }

  /** What must hold at the end of every scenario. */
  check() {
    assert.deepEqual(this.#foreign, [], "requests to other hosts");
    const unexpected = this.#faults.filter((fault) => !this.#expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(unexpected, [], "errors in the browser's console");
  }
}

/** Looks until what is seen is as expected; says what was seen last when it never is. */
export async function eventually(what, look, expected) {
  const deadline = Date.now() + PATIENCE;
  let seen;
  for (;;) {
    seen = await look();
    try {
      if (typeof expected === "function") assert.ok(expected(seen), JSON.stringify(seen));
      else assert.deepEqual(seen, expected);
      return seen;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what}: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The texts of all cells of a table, row by row. */
export function cells(table) {
  return table
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
}

/** Runs a scenario in a fresh browser. `options` are those of Playwright's browser context. */
export async function scenario(name, run, options = {}) {
  let browser, lab;
  const end = async (code) => {
    await browser?.close();
    process.exit(code);
  };
  const fail = async (error) => {
    console.error(error.stack ?? String(error));
    if (lab) {
      const picture = await lab.look("failed").catch(() => "none");
      console.error(`\nat ${lab.page.url()}\npicture: ${picture}`);
    }
    await end(1);
  };
  const late = setTimeout(() => void fail(new Error("the scenario takes too long")), WHOLE);
  try {
    browser = await launch();
    const context = await browser.newContext({
      viewport: { width: 1360, height: 850 },
      locale: "en-GB",
      timezoneId: "Europe/Vienna",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    lab = new Lab(name, context, await context.newPage());
    const result = await run(lab);
    lab.check();
    clearTimeout(late);
    console.log(JSON.stringify(result ?? null));
    await end(0);
  } catch (error) {
    clearTimeout(late);
    await fail(error);
  }
}
