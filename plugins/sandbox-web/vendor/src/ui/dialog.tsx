import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Button } from "./button";
import { Glyph } from "./icons";
import { cx } from "./util";

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons at the bottom; a `Form` brings its own. */
  footer?: ReactNode;
  size?: "sm" | "md" | "lg";
}

/** A window above the page. The browser's own `<dialog>` keeps the focus in it and closes on Escape. */
export function Dialog({ open, onClose, title, description, children, footer, size = "md" }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (open && !dialog.open) {
      dialog.showModal();
      // The first field rather than the button that closes.
      dialog.querySelector<HTMLElement>("input, select, textarea")?.focus();
    }
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    <dialog
      ref={ref} aria-labelledby={id}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => { if (event.target === ref.current) onClose(); }}
      className={cx("m-auto w-[calc(100%-2rem)] rounded-2xl border border-line bg-raised p-0 text-ink shadow-float backdrop:bg-black/45", { sm: "max-w-sm", md: "max-w-lg", lg: "max-w-3xl" }[size])}
    >
      {open && (
        <div className="p-5 sm:p-6">
          <div className="mb-4 flex items-start justify-between gap-4">
            <div>
              <h2 id={id} className="text-base font-semibold">{title}</h2>
              {description && <p className="mt-1 text-sm text-muted">{description}</p>}
            </div>
            <Button variant="ghost" size="sm" aria-label="Close" onClick={onClose} icon={<Glyph name="close" />} className="-mt-1 -mr-1" />
          </div>
          {children}
          {footer && <div className="mt-5 flex justify-end gap-2">{footer}</div>}
        </div>
      )}
    </dialog>
  );
}

export interface Tab { id: string; label: ReactNode; content: ReactNode }

/** Several views in one place; arrow keys move between them. */
export function Tabs({ tabs, initial, onChange, className }: { tabs: Tab[]; initial?: string; onChange?: (id: string) => void; className?: string }) {
  const [chosen, setChosen] = useState(initial ?? tabs[0]?.id);
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find((one) => one.id === chosen) ?? tabs[0];
  if (!current) return null;
  const choose = (id: string) => { setChosen(id); onChange?.(id); };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = tabs.indexOf(current);
    const to = step === -Infinity ? 0 : step === Infinity ? tabs.length - 1 : (at + step + tabs.length) % tabs.length;
    choose(tabs[to].id);
    (list.current?.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <div className={cx("flex flex-col gap-4", className)}>
      <div ref={list} role="tablist" onKeyDown={move} className="flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map((one) => {
          const here = one === current;
          return (
            <button
              key={one.id} type="button" role="tab" id={`${base}-${one.id}`} aria-selected={here} aria-controls={`${base}-panel`} tabIndex={here ? 0 : -1} onClick={() => choose(one.id)}
              className={cx("-mb-px border-b-2 px-3 py-2 text-sm whitespace-nowrap transition-colors", here ? "border-accent font-medium text-ink" : "border-transparent text-muted hover:text-ink")}
            >
              {one.label}
            </button>
          );
        })}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${current.id}`}>{current.content}</div>
    </div>
  );
}
