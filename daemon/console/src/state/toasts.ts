/** Short messages about what was done. */
import { useSyncExternalStore } from "react";
import { errorFromFailure } from "../api/errors";

export interface Toast {
  id: number;
  tone: "done" | "error";
  text: string;
  /** What it is about; a later message about the same takes its place. */
  about: string | undefined;
}

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function publish(now: Toast[]): void {
  toasts = now;
  for (const listener of listeners) listener();
}

export function toast(text: string, tone: Toast["tone"] = "done", about?: string): void {
  const id = next;
  next += 1;
  const others = about === undefined ? toasts : toasts.filter((each) => each.about !== about);
  publish([...others.slice(-2), { id, tone, text, about }]);
  setTimeout(() => dismiss(id), tone === "error" ? 9_000 : 4_000);
}

export function toastError(failure: unknown): void {
  const error = errorFromFailure(failure);
  if (error.code === "unauthenticated") return;
  toast([error.message, error.hint].filter(Boolean).join(" "), "error");
}

export function dismiss(id: number): void {
  publish(toasts.filter((each) => each.id !== id));
}

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}
