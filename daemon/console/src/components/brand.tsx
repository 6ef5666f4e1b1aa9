import { cx } from "./ui/cx";

export function Brand({ compact, className }: { compact?: boolean; className?: string }) {
  return (
    <span className={cx("inline-flex items-center gap-2", className)}>
      <svg viewBox="0 0 32 32" className="size-6 shrink-0" aria-hidden>
        <rect width="32" height="32" rx="7" fill="#0f766e" />
        <path d="M10 7v18h12" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
        <circle cx="20" cy="14" r="4" fill="#5eead4" />
      </svg>
      <span className={compact ? "sr-only" : "text-base font-semibold tracking-tight"}>labd</span>
    </span>
  );
}
