import * as Tooltip from "@radix-ui/react-tooltip";
import type { ReactNode } from "react";

export const TipProvider = Tooltip.Provider;

export function Tip({ text, children }: { text: string; children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="animate-rise z-50 max-w-64 rounded-md bg-ink px-2 py-1 text-xs text-page shadow-pop"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
