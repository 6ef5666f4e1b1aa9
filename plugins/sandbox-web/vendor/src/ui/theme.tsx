import { useEffect, useState } from "react";
import { Button } from "./button";
import { Glyph } from "./icons";

type Theme = "light" | "dark";
const KEY = "labd:theme";

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null; // storage may be forbidden in a frame: the system's choice then
  }
}

function apply(theme: Theme | null): void {
  const classes = document.documentElement.classList;
  classes.remove("light", "dark");
  if (theme) classes.add(theme);
}

// Before the first paint, so that a page in dark does not flash in light.
if (typeof document !== "undefined") apply(stored());

/** Switches between light and dark; follows the system until it is used. */
export function ThemeToggle() {
  const system = () => matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const [theme, setTheme] = useState<Theme>(() => stored() ?? system());
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => { if (!stored()) setTheme(system()); };
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, []);
  const other: Theme = theme === "dark" ? "light" : "dark";
  return (
    <Button
      variant="ghost" size="sm" aria-label={`Switch to ${other} colours`} title={`Switch to ${other} colours`}
      icon={<Glyph name={theme === "dark" ? "sun" : "moon"} />}
      onClick={() => {
        try { localStorage.setItem(KEY, other); } catch { /* the choice lasts until the page is left */ }
        apply(other);
        setTheme(other);
      }}
    />
  );
}
