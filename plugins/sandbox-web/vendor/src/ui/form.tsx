import { useEffect, useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes } from "react";
import { Button } from "./button";
import { Glyph } from "./icons";
import { cx } from "./util";

export interface FormProps {
  /** Gets the fields by name. A rejected promise is shown in the form. */
  onSubmit: (values: Record<string, string>) => void | boolean | Promise<void | boolean>;
  submitLabel?: string;
  onCancel?: () => void;
  /** A fault to show, such as that of `useMutation`. */
  error?: Error | string | null;
  children?: ReactNode;
  className?: string;
}

/** Fields with one button. Fields are ordinary inputs with a `name`. */
export function Form({ onSubmit, submitLabel = "Save", onCancel, error, children, className }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [own, setOwn] = useState<string | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const values: Record<string, string> = {};
    new FormData(event.currentTarget).forEach((value, key) => { if (typeof value === "string") values[key] = value; });
    setBusy(true);
    setOwn(null);
    try {
      await onSubmit(values);
    } catch (fault) {
      setOwn(fault instanceof Error ? fault.message : String(fault));
    } finally {
      setBusy(false);
    }
  };
  const message = own ?? (typeof error === "string" ? error : error?.message);
  return (
    <form onSubmit={submit} className={cx("flex flex-col gap-4", className)}>
      {children}
      {message && <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">{message}</p>}
      <div className="flex justify-end gap-2">
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        <Button type="submit" variant="primary" loading={busy}>{submitLabel}</Button>
      </div>
    </form>
  );
}

export interface FieldProps { label: ReactNode; hint?: ReactNode; error?: ReactNode; children: (id: string) => ReactNode; className?: string }

/** A label with its control: `<Field label="Name">{(id) => <Input id={id} name="name" />}</Field>`. */
export function Field({ label, hint, error, children, className }: Omit<FieldProps, "children"> & { children: ReactNode | ((id: string) => ReactNode) }) {
  const id = useId();
  const note = error ?? hint;
  const text = <span className="text-sm font-medium text-ink">{label}</span>;
  const below = note && <span className={cx("text-xs", error ? "text-bad" : "text-faint")}>{note}</span>;
  if (typeof children === "function") {
    return <div className={cx("flex flex-col gap-1.5", className)}><label htmlFor={id}>{text}</label>{children(id)}{below}</div>;
  }
  return <label className={cx("flex flex-col gap-1.5", className)}>{text}{children}{below}</label>;
}

const CONTROL = "h-9 w-full rounded-lg border border-line-strong bg-surface px-3 text-sm text-ink placeholder:text-faint disabled:opacity-50 aria-invalid:border-bad";

export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input className={cx(CONTROL, className)} {...rest} />;
}

export function Textarea({ className, rows = 4, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea rows={rows} className={cx(CONTROL, "h-auto py-2", className)} {...rest} />;
}

export interface SelectProps extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange"> {
  options: (string | number | { value: string | number; label: string })[];
  /** A first choice that stands for none. */
  placeholder?: string;
  onChange?: (value: string) => void;
}

/** A choice of the list. `onChange` gets the value. */
export function Select({ options, placeholder, onChange, className, ...rest }: SelectProps) {
  return (
    <span className={cx("relative inline-flex", className ?? "w-full")}>
      <select className={cx(CONTROL, "appearance-none pr-8")} onChange={(event) => onChange?.(event.target.value)} {...rest}>
        {placeholder !== undefined && <option value="">{placeholder}</option>}
        {options.map((one) => {
          const option = typeof one === "object" ? one : { value: one, label: String(one) };
          return <option key={option.value} value={option.value}>{option.label}</option>;
        })}
      </select>
      <Glyph name="chevron" className="pointer-events-none absolute top-2.5 right-2.5 size-4 text-faint" />
    </span>
  );
}

export function Checkbox({ label, className, ...rest }: InputHTMLAttributes<HTMLInputElement> & { label: ReactNode }) {
  return (
    <label className={cx("flex items-center gap-2 text-sm text-ink", className)}>
      <input type="checkbox" className="size-4 accent-accent" {...rest} />
      {label}
    </label>
  );
}

export interface DateRangeValue { from: string; to: string }

const day = (date: Date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

const PRESETS: [string, (today: Date) => Date][] = [
  ["7 days", (today) => new Date(today.getFullYear(), today.getMonth(), today.getDate() - 6)],
  ["30 days", (today) => new Date(today.getFullYear(), today.getMonth(), today.getDate() - 29)],
  ["12 months", (today) => new Date(today.getFullYear() - 1, today.getMonth(), today.getDate() + 1)],
  ["This year", (today) => new Date(today.getFullYear(), 0, 1)],
];

/** Two days, `YYYY-MM-DD`, both included. */
export function DateRange({ value, onChange, presets = true, className }: { value: DateRangeValue; onChange: (value: DateRangeValue) => void; presets?: boolean; className?: string }) {
  const [from, setFrom] = useState(value.from);
  const [to, setTo] = useState(value.to);
  useEffect(() => { setFrom(value.from); setTo(value.to); }, [value.from, value.to]);
  const change = (next: DateRangeValue) => {
    setFrom(next.from);
    setTo(next.to);
    // Half a date while somebody types is no range yet.
    if (next.from && next.to) onChange(next.from <= next.to ? next : { from: next.to, to: next.from });
  };
  const input = "h-9 rounded-lg border border-line-strong bg-surface px-2.5 text-sm text-ink tabular-nums";
  return (
    <div className={cx("flex flex-wrap items-center gap-2", className)}>
      {presets && <Select aria-label="Period" className="w-32" placeholder="Custom" value="" options={PRESETS.map(([label]) => label)} onChange={(label) => {
        const start = PRESETS.find((one) => one[0] === label)?.[1];
        if (start) change({ from: day(start(new Date())), to: day(new Date()) });
      }} />}
      <input type="date" aria-label="From" className={input} value={from} onChange={(event) => change({ from: event.target.value, to })} />
      <span className="text-faint" aria-hidden="true">–</span>
      <input type="date" aria-label="To" className={input} value={to} onChange={(event) => change({ from, to: event.target.value })} />
    </div>
  );
}
