/** The frame around every page: navigation, whether labd answers, theme, sign-out. */
import { Database, FolderKanban, LogOut, Moon, Plug, Settings2, Sun, SunMoon, WifiOff } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { link } from "../state/streams";
import { useTitle } from "../state/title";
import { setTheme, type Theme, useTheme } from "../state/theme";
import { Brand } from "./brand";
import { Link } from "./link";
import { IconButton } from "./ui/button";
import { cx } from "./ui/cx";
import { Tip } from "./ui/tip";

const PLACES = [
  { href: "/", label: "Projects", icon: FolderKanban, at: ["projects", "project"] },
  { href: "/sources", label: "Sources", icon: Database, at: ["sources", "source", "source-new"] },
  { href: "/plugins", label: "Plugins", icon: Plug, at: ["plugins", "plugin"] },
  { href: "/settings", label: "Settings", icon: Settings2, at: ["settings"] },
];

const NEXT: Record<Theme, { theme: Theme; label: string; icon: ReactNode }> = {
  system: { theme: "light", label: "Theme: system", icon: <SunMoon /> },
  light: { theme: "dark", label: "Theme: light", icon: <Sun /> },
  dark: { theme: "system", label: "Theme: dark", icon: <Moon /> },
};

interface ShellProps {
  page: string;
  /** Only pictures in the navigation, for pages that need the width. */
  compact: boolean;
  onSignOut: () => void;
  children: ReactNode;
}

export function Shell({ page, compact, onSignOut, children }: ShellProps) {
  const theme = NEXT[useTheme()];
  const connected = useSyncExternalStore(link.subscribe, link.connected);
  const tools = (
    <>
      <IconButton label={theme.label} small onClick={() => setTheme(theme.theme)}>
        {theme.icon}
      </IconButton>
      <IconButton label="Sign out" small onClick={onSignOut}>
        <LogOut />
      </IconButton>
    </>
  );
  return (
    <div className="flex h-dvh flex-col overflow-hidden md:flex-row">
      <a
        href="#main"
        className="sr-only rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50"
      >
        Skip to the content
      </a>
      <header
        className={cx(
          "flex items-center gap-1 border-line bg-surface px-3 py-2 max-md:border-b md:flex-col md:border-r md:py-3",
          page === "project" && "max-md:hidden",
          compact ? "md:w-13 md:px-2" : "md:w-48 md:items-stretch",
        )}
      >
        <Link href="/" aria-label="labd, all projects" className={cx("rounded-md p-1", !compact && "md:px-2")}>
          <Brand compact={compact} />
        </Link>
        <nav aria-label="Main" className="mt-4 hidden flex-1 flex-col gap-0.5 md:flex">
          {PLACES.map((place) => (
            <Place key={place.href} {...place} compact={compact} current={place.at.includes(page)} />
          ))}
        </nav>
        <div className={cx("flex gap-0.5 max-md:ml-auto", compact ? "md:flex-col" : "md:px-1")}>{tools}</div>
      </header>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {!connected && (
          <p role="status" className="flex items-center justify-center gap-2 bg-warn-soft px-3 py-1.5 text-xs text-warn">
            <WifiOff className="size-3.5" aria-hidden />
            labd does not answer. What is shown may be old; it goes on by itself.
          </p>
        )}
        <main id="main" tabIndex={-1} className="scroll-thin min-h-0 flex-1 overflow-x-hidden overflow-y-auto focus:outline-none">
          {children}
        </main>
      </div>
      <nav aria-label="Main" className={cx("grid grid-cols-4 border-t border-line bg-surface md:hidden", page === "project" && "hidden")}>
        {PLACES.map(({ href, label, icon: Icon, at }) => (
          <Link
            key={href}
            href={href}
            aria-current={at.includes(page) ? "page" : undefined}
            className="flex flex-col items-center gap-0.5 py-2 text-2xs text-soft -outline-offset-2 aria-[current]:font-medium aria-[current]:text-accent"
          >
            <Icon className="size-5" aria-hidden />
            {label}
          </Link>
        ))}
      </nav>
    </div>
  );
}

type PlaceProps = (typeof PLACES)[number] & { compact: boolean; current: boolean };

function Place({ href, label, icon: Icon, compact, current }: PlaceProps) {
  const anchor = (
    <Link
      href={href}
      aria-current={current ? "page" : undefined}
      aria-label={compact ? label : undefined}
      className={cx(
        "flex items-center gap-2.5 rounded-md text-sm transition-colors",
        compact ? "size-9 justify-center" : "h-8 px-2.5",
        current ? "bg-hover font-medium text-ink [&_svg]:text-accent" : "text-soft hover:bg-hover hover:text-ink",
      )}
    >
      <Icon className="size-4 shrink-0" aria-hidden />
      {!compact && label}
    </Link>
  );
  return compact ? <Tip text={label}>{anchor}</Tip> : anchor;
}

interface PageProps {
  title: string;
  /** The title is an id. */
  mono?: boolean;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** The head and the width of an ordinary page. */
export function Page({ title, mono, about, actions, children }: PageProps) {
  useTitle(title);
  return (
    <div className="mx-auto w-full max-w-5xl space-y-5 px-4 py-5 md:px-8 md:py-7">
      <div className="flex flex-wrap items-start gap-3">
        <div className="min-w-0 flex-1 basis-52">
          <h1 className={cx("truncate text-xl font-semibold tracking-tight", mono && "font-mono text-lg")}>{title}</h1>
          {about && <div className="mt-0.5 text-sm text-soft">{about}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
