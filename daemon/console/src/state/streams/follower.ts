/**
 * Follows a stream of server-sent events through lost connections.
 *
 * - A turn is followed from the last number that was seen; what comes twice is dropped, and a gap
 *   makes it connect anew, so that whoever listens gets each event once and in order. It ends
 *   after `finished`.
 * - Notices are not kept. After every reconnection `resync` says that some may have been missed.
 */
import type { ApiErrorBody, Notice, TurnEventRecord } from "../../api/types";

export interface Connection {
  close(): void;
}

export interface ConnectionHandlers {
  opened(): void;
  message(type: string, data: string): void;
  failed(): void;
}

export type Connect = (url: string, handlers: ConnectionHandlers) => Connection;

/** Runs something later; the answer withdraws it. */
export type Later = (milliseconds: number, run: () => void) => () => void;

/** Milliseconds before each attempt to connect again: a daemon that was started anew is soon found. */
const BACKOFF = [500, 1_000, 2_000, 4_000];
const LONGEST_BACKOFF = 5_000;

/** Errors after which coming back makes no sense. */
const FINAL = new Set(["not_found", "forbidden", "invalid_request"]);

abstract class Follower {
  private connection: Connection | undefined;
  private withdraw: (() => void) | undefined;
  private attempts = 0;
  private closed = false;
  protected wasOpen = false;

  constructor(
    private readonly connect: Connect,
    private readonly later: Later,
    private readonly linked: (connected: boolean) => void,
  ) {}

  protected abstract url(): string;
  protected abstract take(type: string, data: string): void;
  protected abstract reopened(): void;

  start(): void {
    if (this.closed) return;
    this.connection = this.connect(this.url(), {
      opened: () => {
        if (this.closed) return;
        this.attempts = 0;
        this.linked(true);
        if (this.wasOpen) this.reopened();
        this.wasOpen = true;
      },
      message: (type, data) => {
        if (!this.closed) this.take(type, data);
      },
      failed: () => this.again(),
    });
  }

  /** Drops the connection and comes back after a while. */
  protected again(): void {
    if (this.closed || this.withdraw) return;
    this.connection?.close();
    this.connection = undefined;
    this.linked(false);
    const wait = BACKOFF[this.attempts] ?? LONGEST_BACKOFF;
    this.attempts += 1;
    this.withdraw = this.later(wait, () => {
      this.withdraw = undefined;
      this.start();
    });
  }

  /** Comes back at once instead of after a while. */
  hurry(): void {
    if (!this.withdraw) return;
    this.withdraw();
    this.withdraw = undefined;
    this.start();
  }

  close(): void {
    this.closed = true;
    this.withdraw?.();
    this.connection?.close();
  }
}

export interface TurnListener {
  record(record: TurnEventRecord): void;
  linked(connected: boolean): void;
  refused(error: ApiErrorBody): void;
}

export class TurnFollower extends Follower {
  constructor(
    private readonly address: (after: number) => string,
    private last: number,
    private readonly listener: TurnListener,
    connect: Connect,
    later: Later,
  ) {
    super(connect, later, (connected) => listener.linked(connected));
  }

  protected url(): string {
    return this.address(this.last);
  }

  protected reopened(): void {}

  protected take(type: string, data: string): void {
    if (type === "error") {
      const error = parsed<ApiErrorBody>(data);
      if (error && FINAL.has(error.code)) {
        this.close();
        this.listener.refused(error);
      } else {
        this.again();
      }
      return;
    }
    const record = parsed<TurnEventRecord>(data);
    if (!record || typeof record.seq !== "number" || record.seq <= this.last) return;
    if (record.seq > this.last + 1) {
      this.again();
      return;
    }
    this.last = record.seq;
    if (record.event.type === "finished") this.close();
    this.listener.record(record);
  }
}

export interface NoticeListener {
  notice(notice: Notice): void;
  linked(connected: boolean): void;
  /** Notices may have been missed: read everything anew. */
  resync(): void;
}

export class NoticeFollower extends Follower {
  constructor(
    private readonly address: string,
    private readonly listener: NoticeListener,
    connect: Connect,
    later: Later,
  ) {
    super(connect, later, (connected) => listener.linked(connected));
  }

  protected url(): string {
    return this.address;
  }

  protected reopened(): void {
    this.listener.resync();
  }

  protected take(type: string, data: string): void {
    if (type === "resync") {
      this.listener.resync();
      return;
    }
    const notice = parsed<Notice>(data);
    if (notice && typeof notice.type === "string") this.listener.notice(notice);
  }
}

function parsed<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T;
  } catch {
    return undefined;
  }
}
