// The promises of @labd/data and of the CSV export, without a browser.
import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));

/** Bundles a source file and imports it. */
async function load(file) {
  const result = await build({
    entryPoints: [path.join(here, "../src", file)], bundle: true, format: "esm", write: false, logLevel: "error", platform: "node",
    external: ["react"], alias: { "@labd/data": path.join(here, "../src/data/format.ts") },
  });
  return import(`data:text/javascript,${encodeURIComponent(result.outputFiles[0].text)}`);
}

let exact, format, wire, client, csv;
before(async () => {
  [exact, format, wire, client, csv] = await Promise.all(["data/exact.ts", "data/format.ts", "data/wire.ts", "data/client.ts", "ui/csv.ts"].map(load));
});

test("numbers are ordered exactly, whatever their length", () => {
  const sorted = ["9007199254740993", 9007199254740992, "-0.10", "0.1", "12.5", 12.4, "-3", null, "1000000000000000000000.01", "1000000000000000000000.001", "007"];
  sorted.sort(exact.compareExact);
  assert.deepEqual(sorted, ["-3", "-0.10", "0.1", "007", 12.4, "12.5", 9007199254740992, "9007199254740993", "1000000000000000000000.001", "1000000000000000000000.01", null]);
  assert.equal(exact.compareExact("1.50", "1.5"), 0);
  assert.equal(exact.compareExact("-0", "0"), 0);
});

test("num gives doubles for charts", () => {
  assert.equal(exact.num("12.50"), 12.5);
  assert.equal(exact.num(null), null);
  assert.equal(exact.num("NaN"), null);
  assert.equal(exact.num("Infinity"), Infinity);
});

test("exact digits survive formatting", () => {
  assert.equal(format.formatNumber("9007199254740993"), "9,007,199,254,740,993");
  assert.equal(format.formatCurrency("1234.5"), "$1,234.50");
  assert.equal(format.formatPercent(0.125), "12.5%");
  assert.equal(format.formatNumber(null), "–");
});

test("calendar dates are the same day for every viewer", () => {
  assert.equal(format.formatDate("2025-03-01"), "Mar 1, 2025");
  assert.equal(format.formatDate("2025-03"), "Mar 2025");
  assert.equal(format.formatDate("2025-03-01T23:30:00", "date"), "Mar 1, 2025");
  assert.equal(format.formatDate("no date"), "no date");
});

test("rows become objects and repeated names get a number", () => {
  const column = (name) => ({ name, type: "int", kind: "integer" });
  const result = wire.decode({ columns: [column("id"), column("id")], rows: [[1, 2]], truncated: false, rowCount: 1 });
  assert.deepEqual(result.rows, [{ id: 1, id_2: 2 }]);
});

test("the order of parameters does not make another call", () => {
  assert.equal(client.keyOf("q", { a: 1, b: undefined, c: 2n }), client.keyOf("q", { c: 2n, a: 1 }));
  assert.notEqual(client.keyOf("q", { a: 1 }), client.keyOf("q", { a: "1" }));
});

test("the same call at a time is sent once, and a refusal says why", async () => {
  const sent = [];
  globalThis.fetch = async (url, init) => {
    sent.push([url, init.body]);
    return url.endsWith("bad")
      ? new Response(JSON.stringify({ code: "invalid-request", message: "no such column", position: 8 }), { status: 422 })
      : new Response(JSON.stringify({ columns: [], rows: [], truncated: false, rowCount: 0 }));
  };
  await Promise.all([client.query("sales", { year: 1 }), client.query("sales", { year: 1 })]);
  assert.deepEqual(sent, [["/_lab/q/sales", '{"params":{"year":1}}']]);
  await assert.rejects(client.query("bad"), { name: "QueryError", code: "invalid-request", message: "no such column", query: "bad", position: 8 });
});

test("CSV keeps exact values, quotes, and disarms formulas", () => {
  assert.equal(csv.toCsv([{ key: "a", label: "A" }, { key: "b" }], [{ a: 'x"y,z', b: "-12.50" }, { a: "=1+1", b: null }]), 'A,b\r\n"x""y,z",-12.50\r\n\'=1+1,\r\n');
});
