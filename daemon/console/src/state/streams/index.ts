/** The page's end of the streams. */
import type { ApiErrorBody, Notice, TurnEventRecord } from "../../api/types";
import { connect, later } from "./event-source";
import { Hub, type HubMessage, type Send, type Wants } from "./hub";

/** Often enough for the worker, also from a tab in the background. */
const SIGN_OF_LIFE = 20_000;

export interface TurnHandlers {
  record(record: TurnEventRecord): void;
  refused(error: ApiErrorBody): void;
}

const turns = new Map<string, { project: string; after: number; handlers: Set<TurnHandlers> }>();
const noticeHandlers = new Set<(notice: Notice | "resync") => void>();
const linkHandlers = new Set<() => void>();
let connected = true;
let post: ((wants: Wants | "bye") => void) | undefined;

function wants(): Wants {
  return {
    notices: noticeHandlers.size > 0,
    turns: [...turns].map(([turn, { project, after }]) => ({ project, turn, after })),
  };
}

function announce(): void {
  post ??= open();
  post(wants());
}

function open(): (wants: Wants | "bye") => void {
  setInterval(announce, SIGN_OF_LIFE);
  window.addEventListener("pagehide", () => post?.("bye"));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) announce();
  });
  if (typeof SharedWorker === "undefined") return local();
  try {
    const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: "labd streams",
    });
    worker.port.onmessage = ({ data }: MessageEvent<HubMessage>) => receive(data);
    worker.onerror = () => {
      post = local();
      announce();
    };
    return (message) => worker.port.postMessage(message);
  } catch {
    return local();
  }
}

function local(): (wants: Wants | "bye") => void {
  const hub = new Hub(connect, later, () => Date.now());
  const send: Send = receive;
  window.addEventListener("online", () => hub.hurry());
  return (message) => {
    if (message === "bye") hub.drop(send);
    else hub.want(send, message);
  };
}

function receive(message: HubMessage): void {
  switch (message.type) {
    case "record": {
      const topic = turns.get(message.turn);
      if (!topic || message.record.seq <= topic.after) return;
      topic.after = message.record.seq;
      for (const handler of topic.handlers) handler.record(message.record);
      return;
    }
    case "refused":
      for (const handler of turns.get(message.turn)?.handlers ?? []) handler.refused(message.error);
      return;
    case "notice":
      for (const handler of noticeHandlers) handler(message.notice);
      return;
    case "resync":
      for (const handler of noticeHandlers) handler("resync");
      return;
    case "linked":
      connected = message.connected;
      for (const handler of linkHandlers) handler();
  }
}

/** Follows a turn from after `after`, to its end or until the answer is called. */
export function followTurn(
  project: string,
  turn: string,
  after: number,
  handlers: TurnHandlers,
): () => void {
  const topic = { project, after, handlers: new Set([handlers]) };
  turns.set(turn, topic);
  announce();
  return () => {
    topic.handlers.delete(handlers);
    if (turns.get(turn) === topic) {
      turns.delete(turn);
      announce();
    }
  };
}

export function onNotice(handler: (notice: Notice | "resync") => void): () => void {
  noticeHandlers.add(handler);
  announce();
  return () => {
    noticeHandlers.delete(handler);
    announce();
  };
}

/** Whether events arrive, for `useSyncExternalStore`. */
export const link = {
  subscribe(handler: () => void): () => void {
    linkHandlers.add(handler);
    return () => linkHandlers.delete(handler);
  },
  connected: () => connected,
};
