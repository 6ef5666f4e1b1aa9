import * as Radix from "@radix-ui/react-tabs";
import type { ReactNode } from "react";
import { cx } from "./cx";

export interface TabEntry {
  id: string;
  label: ReactNode;
}

interface TabsProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  tabs: TabEntry[];
  /** Beside the tabs, at the end of the line. */
  aside?: ReactNode;
  className?: string;
  listClassName?: string;
  children: ReactNode;
}

export function Tabs({ label, value, onChange, tabs, aside, className, listClassName, children }: TabsProps) {
  return (
    <Radix.Root value={value} onValueChange={onChange} className={className}>
      <div className={cx("flex items-center gap-2 border-b border-line", listClassName)}>
        <Radix.List
          aria-label={label}
          className="scroll-thin flex min-w-0 flex-1 gap-1 overflow-x-auto [scrollbar-width:none]"
        >
          {tabs.map((tab) => (
            <Radix.Trigger
              key={tab.id}
              value={tab.id}
              className="-mb-px flex h-10 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-2 text-sm text-soft transition-colors hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {tab.label}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {aside}
      </div>
      {children}
    </Radix.Root>
  );
}

export const TabPanel = Radix.Content;
