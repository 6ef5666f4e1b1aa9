import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "./cx";

export const INPUT =
  "w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-sm text-ink transition-colors hover:border-faint focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent disabled:opacity-60 aria-invalid:border-danger";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  optional?: boolean;
  className?: string;
  children: (attributes: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
  }) => ReactNode;
}

/** A label, a control, what helps, and what is wrong, tied together for everyone. */
export function Field({ label, hint, error, optional, className, children }: FieldProps) {
  const id = useId();
  const about = [error ? `${id}-error` : "", hint ? `${id}-hint` : ""].filter(Boolean).join(" ");
  return (
    <div className={cx("space-y-1", className)}>
      <label htmlFor={id} className="flex items-baseline gap-1.5 text-sm font-medium">
        {label}
        {optional && <span className="text-xs font-normal text-faint">optional</span>}
      </label>
      {children({
        id,
        "aria-describedby": about || undefined,
        "aria-invalid": error ? true : undefined,
      })}
      {error && (
        <p id={`${id}-error`} className="text-xs text-danger">
          {error}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-faint">
          {hint}
        </p>
      )}
    </div>
  );
}

type Common = Omit<FieldProps, "children">;

export function TextField({ label, hint, error, optional, className, ...input }: Common & ComponentProps<"input">) {
  return (
    <Field {...{ label, hint, error, optional, className }}>
      {(tied) => <input autoComplete="off" {...input} {...tied} className={cx(INPUT, "h-8")} />}
    </Field>
  );
}

export function AreaField({ label, hint, error, optional, className, ...input }: Common & ComponentProps<"textarea">) {
  return (
    <Field {...{ label, hint, error, optional, className }}>
      {(tied) => (
        <textarea rows={4} {...input} {...tied} className={cx(INPUT, "scroll-thin py-1.5 font-mono text-xs")} />
      )}
    </Field>
  );
}

export function SelectField({ label, hint, error, optional, className, children, ...select }: Common & ComponentProps<"select">) {
  return (
    <Field {...{ label, hint, error, optional, className }}>
      {(tied) => (
        <select {...select} {...tied} className={cx(INPUT, "h-8 pr-1")}>
          {children}
        </select>
      )}
    </Field>
  );
}

export function Check({ label, hint, ...input }: { label: string; hint?: ReactNode } & ComponentProps<"input">) {
  const id = useId();
  return (
    <div className="flex gap-2 text-sm">
      <input
        type="checkbox"
        {...input}
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <p id={`${id}-hint`} className="text-xs text-faint">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
