import { Component, useEffect, useState, type ReactNode } from "react";
import { reportProblem } from "@labd/data";
import { Glyph } from "./icons";
import { Button } from "./button";
import { EmptyState, ErrorState } from "./states";
import { ThemeToggle } from "./theme";
import { Link, matchPath, useRoute } from "./route";
import { ToastRegion } from "./toast";
import { cx } from "./util";

export interface PageEntry {
  /** `/`, `/customers`, `/customers/:id`. */
  path: string;
  label: string;
  icon?: ReactNode;
  element: ReactNode;
  /** Reached by links only, such as a detail page. */
  hidden?: boolean;
}

export interface AppShellProps {
  title: string;
  subtitle?: string;
  icon?: ReactNode;
  pages?: PageEntry[];
  /** At the bottom of the menu. */
  footer?: ReactNode;
  children?: ReactNode;
}

function active(page: PageEntry, path: string): boolean {
  return page.path === "/" ? path === "/" : path === page.path || path.startsWith(`${page.path}/`);
}

/** The frame of an app: its menu, the page that the address names, notices, light and dark. */
export function AppShell({ title, subtitle, icon, pages = [], footer, children }: AppShellProps) {
  const { path } = useRoute();
  const [open, setOpen] = useState(false);
  const page = pages.find((one) => matchPath(one.path, path)) ?? null;
  const shown = pages.filter((one) => !one.hidden && !one.path.includes(":"));
  const label = page?.label;
  useEffect(() => { document.title = label && label !== title ? `${label} · ${title}` : title; }, [label, title]);
  useEffect(() => {
    setOpen(false);
    window.scrollTo(0, 0);
  }, [path]);
  useEffect(() => {
    if (!open) return;
    const close = (event: KeyboardEvent) => { if (event.key === "Escape") setOpen(false); };
    window.addEventListener("keydown", close);
    return () => window.removeEventListener("keydown", close);
  }, [open]);
  const content = page?.element ?? children ?? (
    <EmptyState title="This page does not exist" description={`Nothing is at ${path}.`} action={<Link to="/" className="text-sm font-medium text-accent hover:underline">Back to the start</Link>} />
  );
  const brand = (
    <div className="flex min-w-0 items-center gap-2.5">
      <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-accent text-sm font-semibold text-on-accent [&_svg]:size-4.5">{icon ?? title.charAt(0).toUpperCase()}</span>
      <span className="min-w-0">
        <span className="block truncate text-sm font-semibold tracking-tight text-ink">{title}</span>
        {subtitle && <span className="block truncate text-xs text-faint">{subtitle}</span>}
      </span>
    </div>
  );
  const menu = (
    <nav aria-label="Pages" className="flex flex-1 flex-col gap-0.5 overflow-y-auto px-3 py-2">
      {shown.map((one) => {
        const here = active(one, path);
        return (
          <Link
            key={one.path} to={one.path} aria-current={here ? "page" : undefined}
            className={cx(
              "flex items-center gap-2.5 rounded-lg px-2.5 py-2 text-sm transition-colors [&_svg]:size-4 [&_svg]:shrink-0",
              here ? "bg-accent-soft font-medium text-accent-strong" : "text-muted hover:bg-sunken hover:text-ink",
            )}
          >
            {one.icon}
            <span className="truncate">{one.label}</span>
          </Link>
        );
      })}
    </nav>
  );
  const sideless = shown.length < 2;
  return (
    <div className="min-h-dvh bg-canvas text-ink">
      <a href="#labd-main" onClick={(event) => { event.preventDefault(); document.getElementById("labd-main")?.focus(); }} className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg focus:bg-raised focus:px-3 focus:py-2 focus:text-sm">Skip to the content</a>
      {!sideless && (
        <aside className="fixed inset-y-0 left-0 z-20 hidden w-60 flex-col border-r border-line bg-surface md:flex">
          <div className="px-5 py-5">{brand}</div>
          {menu}
          <div className="flex items-center justify-between gap-2 border-t border-line px-4 py-3 text-xs text-faint">
            <span className="min-w-0 truncate">{footer}</span>
            <ThemeToggle />
          </div>
        </aside>
      )}
      <header className={cx("sticky top-0 z-20 flex h-14 items-center justify-between gap-2 border-b border-line bg-surface/90 px-4 backdrop-blur", !sideless && "md:hidden", sideless && "sm:px-8")}>
        {brand}
        <div className="flex items-center gap-1">
          <ThemeToggle />
          {!sideless && <Button variant="ghost" size="sm" aria-label="Menu" aria-expanded={open} onClick={() => setOpen(true)} icon={<Glyph name="menu" className="size-5" />} />}
        </div>
      </header>
      {open && (
        <div className="fixed inset-0 z-40 md:hidden">
          <button type="button" aria-label="Close the menu" className="absolute inset-0 bg-black/40" onClick={() => setOpen(false)} />
          <div role="dialog" aria-modal="true" aria-label="Menu" className="absolute inset-y-0 left-0 flex w-72 max-w-[85vw] flex-col bg-surface shadow-float">
            <div className="flex items-center justify-between px-4 py-4">
              {brand}
              <Button autoFocus variant="ghost" size="sm" aria-label="Close the menu" onClick={() => setOpen(false)} icon={<Glyph name="close" />} />
            </div>
            {menu}
            {footer && <div className="border-t border-line px-4 py-3 text-xs text-faint">{footer}</div>}
          </div>
        </div>
      )}
      <main id="labd-main" tabIndex={-1} className={cx("outline-none", !sideless && "md:pl-60")}>
        <Boundary key={path}>{content}</Boundary>
      </main>
      <ToastRegion />
    </div>
  );
}

/** Keeps a fault of one page from taking the menu with it. */
class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) { return { error }; }
  componentDidCatch(error: Error) {
    reportProblem({ kind: "render", message: error.message, stack: error.stack });
  }
  render() {
    if (!this.state.error) return this.props.children;
    return <ErrorState className="min-h-[60vh]" title="This page ran into an error" error={this.state.error} onRetry={() => this.setState({ error: null })} />;
  }
}

export interface PageProps {
  title: string;
  description?: ReactNode;
  /** Buttons and filters at the right of the title. */
  actions?: ReactNode;
  children?: ReactNode;
}

/** One page: its title, its actions, its content in a comfortable width. */
export function Page({ title, description, actions, children }: PageProps) {
  return (
    <div className="mx-auto w-full max-w-7xl px-4 py-6 sm:px-8 sm:py-8">
      <div className="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight text-balance text-ink sm:text-2xl">{title}</h1>
          {description && <p className="mt-1 max-w-2xl text-sm text-muted">{description}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      <div className="flex flex-col gap-4 sm:gap-5">{children}</div>
    </div>
  );
}

/** Places cards side by side where there is room: `columns` at most. */
export function Grid({ columns = 2, children, className }: { columns?: 1 | 2 | 3 | 4; children?: ReactNode; className?: string }) {
  const shape = {
    1: "grid-cols-1",
    2: "grid-cols-1 lg:grid-cols-2",
    3: "grid-cols-1 md:grid-cols-2 xl:grid-cols-3",
    4: "grid-cols-2 xl:grid-cols-4",
  }[columns];
  return <div className={cx("grid gap-3 *:min-w-0 sm:gap-5", shape, className)}>{children}</div>;
}
