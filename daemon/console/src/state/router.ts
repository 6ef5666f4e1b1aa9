/** Addresses of the console. A page is a path; what is open in it is the query. */
import { useSyncExternalStore } from "react";

export type Route =
  | { page: "projects" }
  | { page: "project"; id: string }
  | { page: "preview"; id: string }
  | { page: "sources" }
  | { page: "source-new" }
  | { page: "source"; id: string }
  | { page: "plugins" }
  | { page: "plugin"; id: string }
  | { page: "settings"; section: string }
  | { page: "unknown" };

export function parseRoute(pathname: string): Route {
  const parts = pathname.split("/").filter(Boolean).map(decoded);
  const [first, second, third] = parts;
  if (third !== undefined) return { page: "unknown" };
  switch (first) {
    case undefined:
      return { page: "projects" };
    case "projects":
      return second ? { page: "project", id: second } : { page: "projects" };
    case "preview":
      return second ? { page: "preview", id: second } : { page: "unknown" };
    case "sources":
      if (second === "new") return { page: "source-new" };
      return second ? { page: "source", id: second } : { page: "sources" };
    case "plugins":
      return second ? { page: "plugin", id: second } : { page: "plugins" };
    case "settings":
      return { page: "settings", section: second ?? "providers" };
    default:
      return { page: "unknown" };
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const listener of listeners) listener();
}

export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** One value of the query, and how to change it without a new entry in the browser's history. */
export function useQueryValue(name: string): [string | null, (value: string | null) => void] {
  const search = useSyncExternalStore(subscribe, () => location.search);
  const set = (value: string | null) => {
    const query = new URLSearchParams(location.search);
    if (value === null) query.delete(name);
    else query.set(name, value);
    const text = query.toString();
    navigate(location.pathname + (text ? `?${text}` : ""), { replace: true });
  };
  return [new URLSearchParams(search).get(name), set];
}
