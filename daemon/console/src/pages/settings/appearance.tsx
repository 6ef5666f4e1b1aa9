import { Monitor, Moon, Sun } from "lucide-react";
import { cx } from "../../components/ui/cx";
import { setTheme, type Theme, useTheme } from "../../state/theme";

const THEMES: { theme: Theme; label: string; icon: typeof Sun }[] = [
  { theme: "system", label: "As the system", icon: Monitor },
  { theme: "light", label: "Light", icon: Sun },
  { theme: "dark", label: "Dark", icon: Moon },
];

export function Appearance() {
  const chosen = useTheme();
  return (
    <fieldset>
      <legend className="mb-2 text-sm font-medium">Theme</legend>
      <div className="grid max-w-md grid-cols-3 gap-2">
        {THEMES.map(({ theme, label, icon: Icon }) => (
          <label
            key={theme}
            className={cx(
              "flex cursor-pointer flex-col items-center gap-2 rounded-lg border bg-surface px-3 py-4 text-sm has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent",
              chosen === theme ? "border-accent font-medium" : "border-line text-soft hover:border-line-strong",
            )}
          >
            <input
              type="radio"
              name="theme"
              className="sr-only"
              checked={chosen === theme}
              onChange={() => setTheme(theme)}
            />
            <Icon className={cx("size-5", chosen === theme ? "text-accent" : "text-faint")} aria-hidden />
            {label}
          </label>
        ))}
      </div>
      <p className="mt-2 text-xs text-faint">Kept in this browser.</p>
    </fieldset>
  );
}
