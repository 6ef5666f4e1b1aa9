/**
 * All streams of all tabs, over as few connections as there are things to follow: one for notices
 * and one for each running turn that is on screen somewhere. Lives in a shared worker, or in the
 * page where browsers have none.
 *
 * A client says what it wants, whole, and again every so often: that is also its sign of life.
 */
import { noticesUrl, turnStreamUrl } from "../../api/labd";
import type { ApiErrorBody, Notice, TurnEventRecord } from "../../api/types";
import { type Connect, type Later, NoticeFollower, TurnFollower } from "./follower";

export interface TurnTopic {
  project: string;
  turn: string;
  /** The last number that the client saw. */
  after: number;
}

export interface Wants {
  notices: boolean;
  turns: TurnTopic[];
}

export type HubMessage =
  | { type: "record"; turn: string; record: TurnEventRecord }
  | { type: "refused"; turn: string; error: ApiErrorBody }
  | { type: "notice"; notice: Notice }
  | { type: "resync" }
  | { type: "linked"; connected: boolean };

export type Send = (message: HubMessage) => void;

interface TurnStream {
  follower: TurnFollower;
  records: TurnEventRecord[];
  clients: Set<Send>;
}

export class Hub {
  private readonly turns = new Map<string, TurnStream>();
  private readonly clients = new Map<Send, { wants: Wants; seen: number }>();
  private notices: NoticeFollower | undefined;
  private connected = true;

  constructor(
    private readonly connect: Connect,
    private readonly later: Later,
    private readonly now: () => number,
  ) {}

  want(client: Send, wants: Wants): void {
    const isNew = !this.clients.has(client);
    this.clients.set(client, { wants, seen: this.now() });
    for (const topic of wants.turns) this.join(client, topic);
    for (const [turn, stream] of this.turns) {
      if (!wants.turns.some((topic) => topic.turn === turn)) this.leave(client, turn, stream);
    }
    this.followNotices();
    if (isNew) client({ type: "linked", connected: this.connected });
  }

  /** The network is back: nothing waits any longer. */
  hurry(): void {
    this.notices?.hurry();
    for (const { follower } of this.turns.values()) follower.hurry();
  }

  /** Drops clients that gave no sign of life for so long. */
  dropSilent(milliseconds: number): void {
    for (const [client, { seen }] of this.clients) {
      if (this.now() - seen > milliseconds) this.drop(client);
    }
  }

  drop(client: Send): void {
    this.clients.delete(client);
    for (const [turn, stream] of this.turns) this.leave(client, turn, stream);
    this.followNotices();
  }

  private join(client: Send, topic: TurnTopic): void {
    const { project, turn, after } = topic;
    const known = this.turns.get(turn);
    if (known) {
      if (known.clients.has(client)) return;
      known.clients.add(client);
      for (const record of known.records) {
        if (record.seq > after) client({ type: "record", turn, record });
      }
      return;
    }
    const clients = new Set([client]);
    const records: TurnEventRecord[] = [];
    const tell = (message: HubMessage) => {
      for (const each of [...clients]) each(message);
    };
    // From the first event on, since another tab may come that has seen none.
    const follower = new TurnFollower(
      (last) => turnStreamUrl(project, turn, last),
      0,
      {
        record: (record) => {
          records.push(record);
          tell({ type: "record", turn, record });
        },
        // The notices, which are always followed, say whether labd can be reached.
        linked: () => {},
        refused: (error) => tell({ type: "refused", turn, error }),
      },
      this.connect,
      this.later,
    );
    this.turns.set(turn, { follower, records, clients });
    follower.start();
  }

  private leave(client: Send, turn: string, stream: TurnStream): void {
    stream.clients.delete(client);
    if (stream.clients.size > 0) return;
    stream.follower.close();
    this.turns.delete(turn);
  }

  private followNotices(): void {
    const wanted = [...this.clients.values()].some(({ wants }) => wants.notices);
    if (!wanted) {
      this.notices?.close();
      this.notices = undefined;
    } else if (!this.notices) {
      this.notices = new NoticeFollower(
        noticesUrl,
        {
          notice: (notice) => this.broadcast({ type: "notice", notice }),
          linked: (connected) => this.linked(connected),
          resync: () => this.broadcast({ type: "resync" }),
        },
        this.connect,
        this.later,
      );
      this.notices.start();
    }
  }

  private linked(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.broadcast({ type: "linked", connected });
  }

  private broadcast(message: HubMessage): void {
    for (const [client, { wants }] of this.clients) {
      if (wants.notices) client(message);
    }
  }
}
