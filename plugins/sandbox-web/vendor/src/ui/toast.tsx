import { useSyncExternalStore } from "react";
import { Glyph } from "./icons";
import { cx } from "./util";

interface Notice { id: number; text: string; tone: "good" | "bad" | "neutral" }

let notices: Notice[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(list: Notice[]): void {
  notices = list;
  for (const listener of [...listeners]) listener();
}

/** Tells the viewer something in passing: `toast("Saved")`, `toast.error("…")`. */
export function toast(text: string, tone: Notice["tone"] = "good"): void {
  const id = next++;
  set([...notices.slice(-3), { id, text, tone }]);
  setTimeout(() => set(notices.filter((one) => one.id !== id)), tone === "bad" ? 8000 : 4000);
}
toast.success = (text: string) => toast(text, "good");
toast.error = (text: string) => toast(text, "bad");
toast.info = (text: string) => toast(text, "neutral");

/** Where notices appear; `AppShell` has one. */
export function ToastRegion() {
  const shown = useSyncExternalStore((changed) => { listeners.add(changed); return () => { listeners.delete(changed); }; }, () => notices, () => notices);
  return (
    <div aria-live="polite" role="status" className="pointer-events-none fixed inset-x-4 bottom-4 z-50 flex flex-col items-center gap-2 sm:inset-x-auto sm:right-6 sm:bottom-6 sm:items-end">
      {shown.map((one) => (
        <div key={one.id} className="pointer-events-auto flex max-w-sm items-start gap-2.5 rounded-xl border border-line bg-raised py-2.5 pr-2 pl-3.5 text-sm text-ink shadow-float">
          <Glyph name={one.tone === "bad" ? "alert" : one.tone === "good" ? "check" : "info"} className={cx("mt-0.5 size-4", one.tone === "bad" ? "text-bad" : one.tone === "good" ? "text-good" : "text-muted")} />
          <span className="min-w-0 break-words">{one.text}</span>
          <button type="button" aria-label="Dismiss" className="rounded p-0.5 text-faint hover:text-ink" onClick={() => set(notices.filter((other) => other.id !== one.id))}><Glyph name="close" className="size-3.5" /></button>
        </div>
      ))}
    </div>
  );
}
