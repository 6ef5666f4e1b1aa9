import { useSyncExternalStore, type AnchorHTMLAttributes } from "react";

/** Routes live behind `#`, so that an app works under any address and needs no server for them. */
function current(): string {
  const path = typeof location === "undefined" ? "" : decodeURI(location.hash.replace(/^#/, ""));
  return path.startsWith("/") ? path : `/${path}`;
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

/** Goes to a page of the app: `navigate("/customers/7")`. */
export function navigate(path: string, options: { replace?: boolean } = {}): void {
  const hash = `#${path.startsWith("/") ? path : `/${path}`}`;
  if (!options.replace) location.hash = hash;
  else {
    history.replaceState(history.state, "", hash);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

/** The page that is shown: `/customers/7`, with `?…` as `search`. */
export function useRoute(): { path: string; search: URLSearchParams; navigate: typeof navigate } {
  const full = useSyncExternalStore(subscribe, current, () => "/");
  const [path, search = ""] = full.split("?");
  return { path, search: new URLSearchParams(search), navigate };
}

/** `/customers/:id` against `/customers/7` gives `{ id: "7" }`; null when it does not match. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/").filter(Boolean), have = path.split("/").filter(Boolean);
  if (want.length !== have.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = have[index];
    else if (part !== have[index]) return null;
  }
  return params;
}

/** The values of `:name` parts of a page's path. */
export function useParams(pattern: string): Record<string, string> {
  return matchPath(pattern, useRoute().path) ?? {};
}

/** A link to a page of the app. */
export function Link({ to, ...rest }: { to: string } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href">) {
  return <a href={`#${to}`} {...rest} />;
}
