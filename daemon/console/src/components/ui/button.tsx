import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";
import { Tip } from "./tip";

type Look = "primary" | "plain" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover font-medium",
  plain: "bg-surface border border-line-strong text-ink hover:bg-hover",
  quiet: "text-soft hover:bg-hover hover:text-ink",
  danger: "bg-danger text-page hover:bg-danger-hover font-medium",
};

export interface ButtonProps extends ComponentProps<"button"> {
  look?: Look;
  small?: boolean;
  /** It is being done: shown, and not to be pressed again. */
  busy?: boolean;
  icon?: ReactNode;
}

export function Button({ look = "plain", small, busy, icon, className, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
      className={cx(
        "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md whitespace-nowrap transition-colors disabled:cursor-not-allowed disabled:opacity-55 [&_svg]:shrink-0",
        small ? "h-7 px-2.5 text-xs [&_svg]:size-3.5" : "h-8 px-3 text-sm [&_svg]:size-4",
        LOOKS[look],
        className,
      )}
    >
      {busy ? <LoaderCircle className="animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  );
}

export interface IconButtonProps extends ComponentProps<"button"> {
  label: string;
  small?: boolean;
  active?: boolean;
}

/** A button with a picture only; its name is read out and shown on hover and focus. */
export function IconButton({ label, small, active, className, children, ...rest }: IconButtonProps) {
  return (
    <Tip text={label}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={cx(
          "inline-flex shrink-0 items-center justify-center rounded-md transition-colors hover:bg-hover hover:text-ink disabled:cursor-not-allowed disabled:opacity-45",
          small ? "size-7 [&_svg]:size-3.5" : "size-8 [&_svg]:size-4",
          active ? "bg-hover text-ink" : "text-soft",
          className,
        )}
      >
        {children}
      </button>
    </Tip>
  );
}
