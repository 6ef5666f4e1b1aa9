import * as Radix from "@radix-ui/react-dropdown-menu";
import type { ReactNode } from "react";
import { cx } from "./cx";

export interface MenuEntry {
  label: string;
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

/** A menu behind a button. `false` entries are left out; a line stands before what is dangerous. */
export function Menu({ trigger, entries }: { trigger: ReactNode; entries: (MenuEntry | false)[] }) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          className="animate-rise z-50 min-w-44 rounded-lg border border-line bg-raised p-1 shadow-pop"
        >
          {entries.map(
            (entry) =>
              entry && (
                <Radix.Item
                  key={entry.label}
                  disabled={entry.disabled}
                  onSelect={entry.onSelect}
                  className={cx(
                    "flex cursor-default items-center gap-2 rounded-md px-2 py-1.5 text-sm outline-none select-none data-disabled:opacity-45 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:text-faint",
                    entry.danger && "text-danger [&_svg]:text-danger!",
                  )}
                >
                  {entry.icon}
                  {entry.label}
                </Radix.Item>
              ),
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
