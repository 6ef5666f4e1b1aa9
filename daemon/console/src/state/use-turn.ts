/** The view of a turn: read whole when it has ended, followed while it runs. */
import { useEffect, useState } from "react";
import * as labd from "../api/labd";
import { type ApiError, errorFromFailure } from "../api/errors";
import type { Turn, TurnEventRecord } from "../api/types";
import { followTurn } from "./streams";
import { applyEvents, EMPTY_VIEW, type TurnView, withRecord } from "./turn-view";

/** Turns that have ended never change. */
const ended = new Map<string, TurnView>();
const KEPT = 200;

function keep(turn: string, view: TurnView): void {
  ended.set(turn, view);
  const oldest = ended.size > KEPT ? ended.keys().next().value : undefined;
  if (oldest !== undefined) ended.delete(oldest);
}

export interface FollowedTurn {
  view: TurnView;
  loading: boolean;
  error: ApiError | undefined;
}

export function useTurn(project: string, turn: Turn): FollowedTurn {
  const [view, setView] = useState<TurnView>(() => ended.get(turn.id) ?? EMPTY_VIEW);
  const [loading, setLoading] = useState(() => !ended.has(turn.id));
  const [error, setError] = useState<ApiError>();
  const running = turn.state === "running";
  const complete = view.state !== "running";

  useEffect(() => {
    if (complete || !running) return;
    setLoading(false);
    let waiting: TurnEventRecord[] = [];
    let frame = 0;
    // Many events of one moment are drawn once.
    const draw = () => {
      frame = 0;
      const records = waiting;
      waiting = [];
      setView((now) => applyEvents(now, records));
    };
    const stop = followTurn(project, turn.id, 0, {
      record: (record) => {
        waiting.push(record);
        if (document.hidden) draw();
        else frame ||= requestAnimationFrame(draw);
      },
      refused: (refusal) => setError(errorFromFailure(new Error(refusal.message))),
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
      if (waiting.length > 0) draw();
    };
  }, [project, turn.id, running, complete]);

  useEffect(() => {
    if (running || complete) return;
    let current = true;
    const read = async () => {
      let whole = EMPTY_VIEW;
      for (;;) {
        const page = await labd.turnEvents(project, turn.id, whole.lastSeq);
        whole = applyEvents(whole, page.events);
        if (page.end || page.events.length === 0) break;
      }
      whole = withRecord(whole, turn);
      keep(turn.id, whole);
      if (current) setView(whole);
    };
    read()
      .catch((failure: unknown) => current && setError(errorFromFailure(failure)))
      .finally(() => current && setLoading(false));
    return () => {
      current = false;
    };
  }, [project, turn.id, running, complete]);

  useEffect(() => {
    if (complete) keep(turn.id, view);
  }, [complete, turn.id, view]);

  return { view, loading, error };
}
