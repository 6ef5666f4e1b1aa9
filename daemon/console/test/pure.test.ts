import { describe, expect, test } from "vitest";
import type { SourceSchema } from "../src/api/types";
import { ulid } from "../src/api/ulid";
import { configOf, fieldsOf, initialValues } from "../src/state/config-form";
import { folderOf } from "../src/state/file-tree";
import { bytes, count, duration, plural, relativeTime } from "../src/state/format";
import { messageFrom } from "../src/state/preview-messages";
import { parseBlocks } from "../src/state/prose";
import { keysOf } from "../src/state/resources";
import { parseRoute } from "../src/state/router";
import { findRelations } from "../src/state/schema-search";
import { tokenIn } from "../src/state/session";
import { cellText, firstRows, parameters, placeOf, statementsIn } from "../src/state/sql";
import { suggestions } from "../src/state/suggestions";
import { schema as shop } from "../mock/data.ts";

test("ids are ULIDs that sort by age", () => {
  expect(ulid(0)).toMatch(/^0000000000[0-9A-HJKMNP-TV-Z]{16}$/);
  expect(ulid(1_469_918_176_385).slice(0, 10)).toBe("01ARYZ6S41");
  expect(ulid() === ulid()).toBe(false);
});

test("a sign-in token is taken from the fragment only", () => {
  expect(tokenIn("#sign-in=abc")).toBe("abc");
  expect(tokenIn("#token=abc")).toBe("abc");
  expect(tokenIn("")).toBeUndefined();
  expect(tokenIn("#/projects")).toBeUndefined();
});

test("addresses become pages", () => {
  expect(parseRoute("/")).toEqual({ page: "projects" });
  expect(parseRoute("/projects/01K")).toEqual({ page: "project", id: "01K" });
  expect(parseRoute("/sources/new")).toEqual({ page: "source-new" });
  expect(parseRoute("/plugins/labd.postgres/")).toEqual({ page: "plugin", id: "labd.postgres" });
  expect(parseRoute("/settings")).toEqual({ page: "settings", section: "providers" });
  expect(parseRoute("/projects/a/b")).toEqual({ page: "unknown" });
  expect(parseRoute("/plugins/%E0%A4%A")).toEqual({ page: "plugin", id: "%E0%A4%A" });
});

test("a notice makes stale what it is about", () => {
  expect(keysOf({ type: "preview", project: "P" })).toEqual(["project/P/problems"]);
  expect(keysOf({ type: "turn", project: "P", turn: "T" })).toContain("project/P");
});

test("the preview is believed nothing but a path", () => {
  expect(messageFrom({ type: "labd:route", path: "/orders" })).toEqual({ type: "route", path: "/orders" });
  expect(messageFrom({ type: "labd:problem", message: "x" })).toEqual({ type: "problem" });
  expect(messageFrom({ type: "labd:painted", revision: "r" })).toEqual({ type: "painted" });
  for (const other of [null, "labd:route", { type: "labd:route" }, { type: "labd:route", path: "https://x" }, { type: "navigate" }]) {
    expect(messageFrom(other)).toBeUndefined();
  }
  expect(messageFrom({ type: "labd:route", path: `/${"x".repeat(9_000)}` })).toMatchObject({ path: expect.toSatisfy((path: string) => path.length === 2_000) });
});

describe("statements", () => {
  test("a table is read whatever it is called", () => {
    expect(firstRows("public", 'or"der', 5)).toBe('SELECT * FROM "public"."or""der" LIMIT 5');
  });

  test("statements at the end of a sentence are taken out of it", () => {
    expect(statementsIn("A role that can only read: CREATE ROLE r LOGIN; GRANT SELECT ON t TO r;")).toEqual({
      lead: "A role that can only read:",
      statements: ["CREATE ROLE r LOGIN;", "GRANT SELECT ON t TO r;"],
    });
    expect(statementsIn('The role "r" may write: INSERT on t.')).toBeUndefined();
  });

  test("parameters are found, and what only looks like them is not", () => {
    const text = `select ':a', "b:c", x::text, $$ :d $$ -- :e
      /* :f */ from t where y = :year and z > :least and y < :year`;
    expect(parameters(text)).toEqual(["year", "least"]);
    expect(parameters("select 'it''s :no' , :yes")).toEqual(["yes"]);
    expect(parameters("select $q$ :no $q$ || :yes")).toEqual(["yes"]);
  });

  test("a place is counted in characters, not in UTF-16", () => {
    expect(placeOf("select\n '🧪', totals", 14)).toEqual({ line: 2, column: 7 });
    expect(placeOf("x", 1)).toEqual({ line: 1, column: 1 });
    expect(placeOf("a\n", 3)).toEqual({ line: 2, column: 1 });
  });

  test("values stay as they are", () => {
    expect(cellText("9007199254740993")).toBe("9007199254740993");
    expect(cellText("1.10")).toBe("1.10");
    expect(cellText(true)).toBe("true");
    expect(cellText({ a: [1, null] })).toBe('{"a":[1,null]}');
  });
});

describe("a plugin's configuration", () => {
  const fields = fieldsOf({
    type: "object",
    required: ["base_url"],
    properties: {
      stream_usage: { type: "boolean", default: true },
      max_retries: { type: ["integer", "null"] },
      headers: { type: "object" },
      base_url: { type: "string", format: "uri", title: "Base URL", examples: ["https://a"] },
      mode: { enum: ["fast", "slow"], default: "fast" },
    },
  });

  test("its schema becomes fields, the needed ones first", () => {
    expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
      ["base_url", "url"],
      ["stream_usage", "boolean"],
      ["max_retries", "number"],
      ["headers", "json"],
      ["mode", "choice"],
    ]);
    expect(fields[0]).toMatchObject({ label: "Base URL", required: true, example: "https://a" });
    expect(fields[1]).toMatchObject({ label: "Stream usage", initial: true });
  });

  test("what was typed becomes the configuration, and what is empty is left out", () => {
    const before = { unknown: 7, base_url: "https://old", max_retries: 3, stream_usage: false };
    const values = { ...initialValues(fields, before), base_url: " https://new ", max_retries: "", headers: '{"x": 1}' };
    expect(configOf(fields, values, before)).toEqual({
      config: { unknown: 7, base_url: "https://new", stream_usage: false, headers: { x: 1 }, mode: "fast" },
      errors: {},
    });
  });

  test("what is wrong is said at its field", () => {
    const values = { base_url: "", max_retries: "many", headers: "{" };
    expect(Object.keys(configOf(fields, values, {}).errors)).toEqual(["base_url", "max_retries", "headers"]);
  });

  test("a plugin without configuration has no fields", () => {
    expect(fieldsOf({})).toEqual([]);
  });
});

describe("suggestions", () => {
  test("they name what the schema has", () => {
    const ideas = suggestions(shop("postgresql"));
    expect(ideas[0]).toBe("Show total of orders by month and the top ten customers");
    expect(ideas.some((idea) => idea.includes("inventory"))).toBe(true);
    expect(ideas).toHaveLength(4);
  });

  test("an empty schema gives none", () => {
    expect(suggestions({ relations: [] } as unknown as SourceSchema)).toEqual([]);
  });
});

test("tables are found by name first, then by what is in them", () => {
  const { relations } = shop("postgresql");
  const names = (words: string) => findRelations(relations, words).map((relation) => relation.name);
  expect(names("order")).toEqual(["order_lines", "orders", "customers", "inventory", "payments"]);
  expect(names("returned")).toEqual(["orders"]);
  expect(names("nothing")).toEqual([]);
  expect(names(" ")).toHaveLength(relations.length);
});

describe("prose", () => {
  test("blocks are told apart", () => {
    expect(parseBlocks("# Title\nOne\ntwo\n\n- a\n- b\n  more\n1. c\n```ts\n# no\n```\nend")).toEqual([
      { kind: "heading", text: "Title" },
      { kind: "paragraph", text: "One\ntwo" },
      { kind: "list", ordered: false, items: ["a", "b more"] },
      { kind: "list", ordered: true, items: ["c"] },
      { kind: "code", text: "# no" },
      { kind: "paragraph", text: "end" },
    ]);
  });

  test("a fence that is still open is code", () => {
    expect(parseBlocks("```\nselect")).toEqual([{ kind: "code", text: "select" }]);
    expect(parseBlocks("```")).toEqual([]);
  });

  test("markup stays text", () => {
    expect(parseBlocks("<img src=x onerror=alert(1)>")).toEqual([{ kind: "paragraph", text: "<img src=x onerror=alert(1)>" }]);
  });
});

test("paths become folders, and lone folders one line", () => {
  const root = folderOf(["src/main.tsx", "app.json", "public/img/icons/a.svg", "src/pages/x.tsx"]);
  expect(root.files.map((file) => file.name)).toEqual(["app.json"]);
  expect(root.folders.map((folder) => folder.name)).toEqual(["public/img/icons", "src"]);
  expect(root.folders[1]?.folders[0]?.files[0]).toEqual({ name: "x.tsx", path: "src/pages/x.tsx" });
});

test("numbers and times are the same in every browser", () => {
  const now = Date.parse("2026-11-22T16:00:00Z");
  const ago = (seconds: number) => relativeTime(new Date(now - seconds * 1_000).toISOString(), now);
  expect([ago(5), ago(300), ago(7_200), ago(86_400), ago(3 * 86_400)]).toEqual(["just now", "5 min ago", "2 h ago", "1 day ago", "3 days ago"]);
  expect(ago(-3_600)).toBe("in 1 h");
  expect(relativeTime("nonsense", now)).toBe("nonsense");
  expect(count(1_234_567)).toBe("1\u202f234\u202f567");
  expect([bytes(12), bytes(2_048), bytes(50 * 1_048_576)]).toEqual(["12 B", "2.0 KiB", "50 MiB"]);
  expect([duration(0.5), duration(12), duration(1_500), duration(125_000)]).toEqual(["0.50 ms", "12 ms", "1.5 s", "2 min 5 s"]);
  expect([plural(1, "row"), plural(2, "row")]).toEqual(["1 row", "2 rows"]);
});
