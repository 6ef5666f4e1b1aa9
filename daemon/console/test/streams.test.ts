import { beforeEach, describe, expect, test } from "vitest";
import type { ApiErrorBody, Notice, TurnEvent } from "../src/api/types";
import { type Connect, type ConnectionHandlers, type Later, NoticeFollower, TurnFollower } from "../src/state/streams/follower";
import { Hub, type HubMessage } from "../src/state/streams/hub";

interface Opened extends ConnectionHandlers {
  url: string;
  closed: boolean;
}

let connections: Opened[];
let timers: { milliseconds: number; run: () => void }[];

const connect: Connect = (url, handlers) => {
  const opened: Opened = { ...handlers, url, closed: false };
  connections.push(opened);
  return { close: () => (opened.closed = true) };
};

const later: Later = (milliseconds, run) => {
  const timer = { milliseconds, run };
  timers.push(timer);
  return () => timers.splice(timers.indexOf(timer), 1);
};

const latest = (): Opened => {
  const connection = connections.at(-1);
  if (!connection) throw new Error("nothing was opened");
  return connection;
};

const elapse = () => timers.shift()?.run();

const record = (seq: number, event: TurnEvent = { type: "text", text: String(seq) }) =>
  JSON.stringify({ seq, at: "2026-11-22T16:00:00Z", event });

/** To the turn's connection, whatever else was opened since. */
const send = (...numbers: number[]) => {
  const to = connections.findLast((connection) => connection.url !== "/api/v1/events") ?? latest();
  for (const seq of numbers) to.message("text", record(seq));
};

beforeEach(() => {
  connections = [];
  timers = [];
});

describe("following a turn", () => {
  let seen: number[];
  let refusals: ApiErrorBody[];
  let links: boolean[];
  const follow = (after = 0) => {
    seen = [];
    refusals = [];
    links = [];
    const follower = new TurnFollower(
      (last) => `/events?after=${last}`,
      after,
      {
        record: ({ seq }) => seen.push(seq),
        refused: (error) => refusals.push(error),
        linked: (connected) => links.push(connected),
      },
      connect,
      later,
    );
    follower.start();
    return follower;
  };

  test("a lost connection goes on after the last number that was seen", () => {
    follow(4);
    expect(latest().url).toBe("/events?after=4");
    latest().opened();
    send(5, 6);
    latest().failed();
    expect(latest().closed).toBe(true);
    elapse();
    expect(latest().url).toBe("/events?after=6");
    send(7);
    expect(seen).toEqual([5, 6, 7]);
    expect(links).toEqual([true, false]);
  });

  test("what comes twice is told once", () => {
    follow();
    send(1, 2, 1, 2, 3);
    expect(seen).toEqual([1, 2, 3]);
  });

  test("a gap is closed by asking again", () => {
    follow();
    send(1, 3);
    expect(seen).toEqual([1]);
    elapse();
    expect(latest().url).toBe("/events?after=1");
    send(2, 3);
    expect(seen).toEqual([1, 2, 3]);
  });

  test("each attempt waits longer, and success begins anew", () => {
    follow();
    const waits = Array.from({ length: 7 }, () => {
      latest().failed();
      const wait = timers[0]?.milliseconds;
      elapse();
      return wait;
    });
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    latest().opened();
    latest().failed();
    expect(timers[0]?.milliseconds).toBe(500);
  });

  test("two failures of one connection are one", () => {
    follow();
    latest().failed();
    latest().failed();
    expect(timers).toHaveLength(1);
  });

  test("it ends after the last event, and never comes back", () => {
    follow();
    latest().message("finished", record(1, { type: "finished", state: "done" }));
    expect(latest().closed).toBe(true);
    latest().failed();
    expect(timers).toHaveLength(0);
    expect(seen).toEqual([1]);
  });

  test("a turn that is not there is not asked for again; a passing fault is", () => {
    follow();
    latest().message("error", JSON.stringify({ code: "overloaded", message: "Busy." }));
    expect(timers).toHaveLength(1);
    elapse();
    latest().message("error", JSON.stringify({ code: "not_found", message: "Gone." }));
    expect(timers).toHaveLength(0);
    expect(refusals).toEqual([{ code: "not_found", message: "Gone." }]);
  });

  test("what is no record is passed over", () => {
    follow();
    latest().message("text", "{");
    latest().message("text", "7");
    send(1);
    expect(seen).toEqual([1]);
  });

  test("when the network is back it does not wait", () => {
    const follower = follow();
    latest().failed();
    follower.hurry();
    follower.hurry();
    expect(connections).toHaveLength(2);
    expect(timers).toHaveLength(0);
  });

  test("closing it withdraws the next attempt", () => {
    const follower = follow();
    latest().failed();
    follower.close();
    expect(timers).toHaveLength(0);
  });
});

test("after a reconnection notices may have been missed", () => {
  const told: (Notice | "resync")[] = [];
  const listener = { notice: (notice: Notice) => told.push(notice), resync: () => told.push("resync"), linked: () => {} };
  new NoticeFollower("/events", listener, connect, later).start();
  latest().opened();
  latest().message("settings", '{"type":"settings"}');
  latest().failed();
  elapse();
  latest().opened();
  latest().message("resync", "{}");
  expect(told).toEqual([{ type: "settings" }, "resync", "resync"]);
});

describe("one hub for all tabs", () => {
  let now: number;
  let hub: Hub;
  const client = () => {
    const messages: HubMessage[] = [];
    const sendTo = (message: HubMessage) => messages.push(message);
    const numbers = () => messages.flatMap((message) => (message.type === "record" ? [message.record.seq] : []));
    return { sendTo, messages, numbers };
  };
  const turn = (after: number) => ({ project: "P", turn: "T", after });
  const open = () => connections.filter((connection) => !connection.closed);

  beforeEach(() => {
    now = 0;
    hub = new Hub(connect, later, () => now);
  });

  test("two tabs on one turn share a connection, and the later one gets what it missed", () => {
    const [first, second] = [client(), client()];
    hub.want(first.sendTo, { notices: true, turns: [turn(0)] });
    send(1, 2);
    hub.want(second.sendTo, { notices: true, turns: [turn(1)] });
    send(3);
    expect(open()).toHaveLength(1 + 1);
    expect(first.numbers()).toEqual([1, 2, 3]);
    expect(second.numbers()).toEqual([2, 3]);
  });

  test("saying the same again changes nothing", () => {
    const tab = client();
    hub.want(tab.sendTo, { notices: true, turns: [turn(0)] });
    send(1);
    hub.want(tab.sendTo, { notices: true, turns: [turn(1)] });
    expect(tab.numbers()).toEqual([1]);
    expect(open()).toHaveLength(2);
  });

  test("what nobody wants any more is closed", () => {
    const tab = client();
    hub.want(tab.sendTo, { notices: true, turns: [turn(0)] });
    hub.want(tab.sendTo, { notices: true, turns: [] });
    expect(open()).toHaveLength(1);
    hub.drop(tab.sendTo);
    expect(open()).toHaveLength(0);
  });

  test("a tab that fell silent is dropped, and comes back by saying what it wants", () => {
    const tab = client();
    hub.want(tab.sendTo, { notices: true, turns: [turn(0)] });
    now = 100;
    hub.dropSilent(50);
    expect(open()).toHaveLength(0);
    hub.want(tab.sendTo, { notices: true, turns: [turn(0)] });
    expect(open()).toHaveLength(2);
  });

  test("whether labd answers is told to all, and to those who come later", () => {
    const [first, second] = [client(), client()];
    hub.want(first.sendTo, { notices: true, turns: [] });
    latest().failed();
    hub.want(second.sendTo, { notices: true, turns: [] });
    const state = (messages: HubMessage[]) => messages.filter((message) => message.type === "linked").at(-1);
    expect(state(first.messages)).toEqual({ type: "linked", connected: false });
    expect(state(second.messages)).toEqual({ type: "linked", connected: false });
  });
});
