import { describe, expect, test } from "vitest";
import type { Turn, TurnEvent, TurnEventRecord } from "../src/api/types";
import { announcement, applyEvents, EMPTY_VIEW, runsOf, withRecord } from "../src/state/turn-view";

const records = (...events: TurnEvent[]): TurnEventRecord[] =>
  events.map((event, index) => ({ seq: index + 1, at: "2026-11-22T16:00:00Z", event }));

const WHOLE = records(
  { type: "started", text: "Show revenue", provider: "Offline", model: "templates" },
  { type: "text", text: "I'll show " },
  { type: "text", text: "revenue." },
  { type: "file_started", path: "src/a.tsx", action: "write" },
  { type: "file_text", path: "src/a.tsx", text: "export " },
  { type: "file_text", path: "src/a.tsx", text: "{};" },
  { type: "file_finished", path: "src/a.tsx", size: 10 },
  { type: "text", text: "Done." },
  { type: "candidate", revision: "r1" },
  { type: "check", name: "compile", state: "running" },
  { type: "check", name: "compile", state: "passed" },
  { type: "snapshot", id: "S", message: "Revenue", changed: ["src/a.tsx"] },
  { type: "finished", state: "done" },
);

describe("the view of a turn", () => {
  test("files that follow one another are one run", () => {
    const file = (path: string): TurnEvent => ({ type: "file_started", path, action: "write" });
    const { parts } = applyEvents(EMPTY_VIEW, records({ type: "text", text: "First." }, file("a"), file("b"), { type: "text", text: "Then." }, file("c")));
    const names = runsOf(parts).map((run) => (Array.isArray(run) ? run.map(({ path }) => path) : run.kind));
    expect(names).toEqual(["prose", ["a", "b"], "prose", ["c"]]);
  });

  test("prose that follows prose is one part, and files stand where they came", () => {
    const view = applyEvents(EMPTY_VIEW, WHOLE);
    expect(view.parts).toEqual([
      { kind: "prose", text: "I'll show revenue." },
      { kind: "file", path: "src/a.tsx", action: "write", text: "export {};", finished: true, size: 10, fault: undefined },
      { kind: "prose", text: "Done." },
    ]);
    expect(view).toMatchObject({ state: "done", candidate: "r1", lastSeq: 13 });
    expect(view.checks).toEqual([{ name: "compile", state: "passed" }]);
  });

  test("events that come twice change nothing", () => {
    const once = applyEvents(EMPTY_VIEW, WHOLE);
    expect(applyEvents(once, WHOLE)).toBe(once);
  });

  test("any split of the events gives the same view", () => {
    const whole = applyEvents(EMPTY_VIEW, WHOLE);
    for (let at = 0; at <= WHOLE.length; at += 1) {
      const first = applyEvents(EMPTY_VIEW, WHOLE.slice(0, at));
      expect(applyEvents(first, WHOLE.slice(at))).toEqual(whole);
    }
  });

  test("a file that is written twice grows in its later part", () => {
    const view = applyEvents(
      EMPTY_VIEW,
      records(
        { type: "file_started", path: "a.ts", action: "write" },
        { type: "file_text", path: "a.ts", text: "1" },
        { type: "file_started", path: "a.ts", action: "edit" },
        { type: "file_text", path: "a.ts", text: "2" },
        { type: "file_finished", path: "a.ts", size: 0, fault: "The text was not found." },
      ),
    );
    expect(view.parts).toMatchObject([
      { text: "1", finished: false },
      { text: "2", finished: true, fault: "The text was not found." },
    ]);
  });

  test("text of a file that never began is no reason to fail", () => {
    const view = applyEvents(EMPTY_VIEW, records({ type: "file_text", path: "a.ts", text: "x" }));
    expect(view.parts).toEqual([]);
  });

  test("an event that is not known here is passed over", () => {
    const odd = [{ seq: 1, at: "", event: { type: "plan" } as unknown as TurnEvent }];
    expect(applyEvents(EMPTY_VIEW, odd)).toMatchObject({ lastSeq: 1, state: "running" });
  });

  test("a turn whose events were cut ends as its record says", () => {
    const cut = applyEvents(EMPTY_VIEW, WHOLE.slice(0, 4));
    const turn = { state: "interrupted", error: null } as Turn;
    expect(withRecord(cut, turn).state).toBe("interrupted");
    expect(withRecord(applyEvents(EMPTY_VIEW, WHOLE), turn).state).toBe("done");
  });

  test("what goes on is said in a sentence", () => {
    const said = (count: number) => announcement(applyEvents(EMPTY_VIEW, WHOLE.slice(0, count)));
    expect([said(1), said(2), said(4), said(10), said(13)]).toEqual([
      "Waiting for the answer.",
      "Answering.",
      "Writing src/a.tsx.",
      "Checking: compile.",
      "Done: Revenue",
    ]);
  });
});
