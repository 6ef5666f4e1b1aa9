import type { ComponentProps } from "react";
import { navigate } from "../state/router";

/** A link inside of the console; with a modifier key it is the browser's. */
export function Link({ href, onClick, ...rest }: ComponentProps<"a"> & { href: string }) {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        onClick?.(event);
        const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
        if (event.defaultPrevented || modified || event.button !== 0) return;
        event.preventDefault();
        navigate(href);
      }}
    />
  );
}
