import { Compass } from "lucide-react";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";
import { whenSignedOut } from "./api/client";
import * as labd from "./api/labd";
import { Link } from "./components/link";
import { Shell } from "./components/shell";
import { Toasts } from "./components/toasts";
import { Empty, Spinner } from "./components/ui/bits";
import { TipProvider } from "./components/ui/tip";
import { PreviewTab } from "./pages/preview-tab";
import { ProjectPage } from "./pages/project";
import { ProjectsPage } from "./pages/projects";
import { SignIn } from "./pages/sign-in";
import { forgetAll, invalidate, invalidateAll, keysOf } from "./state/resources";
import { parseRoute, type Route, usePathname } from "./state/router";
import type { SessionState } from "./state/session";
import { link, onNotice } from "./state/streams";
import { toastError } from "./state/toasts";

const Sources = lazy(() => import("./pages/sources"));
const Plugins = lazy(() => import("./pages/plugins"));
const Settings = lazy(() => import("./pages/settings"));

export function App({ session }: { session: Promise<SessionState> }) {
  const [state, setState] = useState<SessionState>({ is: "checking" });
  useEffect(() => {
    whenSignedOut(out);
    void session.then(setState);
  }, [session]);
  const out = () => {
    forgetAll();
    setState({ is: "out" });
  };
  const signOut = async () => {
    try {
      await labd.signOut();
    } catch (failure) {
      toastError(failure);
      return;
    }
    out();
  };
  return (
    <TipProvider delayDuration={400}>
      {state.is === "checking" && (
        <div className="flex h-full items-center justify-center">
          <Spinner label="Opening labd" />
        </div>
      )}
      {state.is === "out" && <SignIn error={state.error} onIn={() => setState({ is: "in" })} />}
      {state.is === "in" && <SignedIn onSignOut={() => void signOut()} onLost={out} />}
      <Toasts />
    </TipProvider>
  );
}

function SignedIn({ onSignOut, onLost }: { onSignOut: () => void; onLost: () => void }) {
  const route = parseRoute(usePathname());
  const connected = useSyncExternalStore(link.subscribe, link.connected);
  useEffect(
    () =>
      onNotice((notice) => {
        if (notice === "resync") invalidateAll();
        else keysOf(notice).forEach(invalidate);
      }),
    [],
  );
  useEffect(() => {
    window.addEventListener("online", invalidateAll);
    return () => window.removeEventListener("online", invalidateAll);
  }, []);
  useEffect(() => {
    // A stream that ends does not say why: the daemon may be away, or the session over.
    if (connected) return;
    labd.session().catch((failure: { code?: string }) => {
      if (failure.code === "unauthenticated") onLost();
    });
  }, [connected]);
  const focusOf = "id" in route ? `${route.page}/${route.id}` : route.page;
  useEffect(() => {
    // A new page is read from its start.
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [focusOf]);
  if (route.page === "preview") return <PreviewTab id={route.id} />;
  return (
    <Shell page={route.page} compact={route.page === "project"} onSignOut={onSignOut}>
      <Suspense fallback={<div className="p-8"><Spinner /></div>}>
        <PageOf route={route} />
      </Suspense>
    </Shell>
  );
}

function PageOf({ route }: { route: Route }) {
  switch (route.page) {
    case "projects":
      return <ProjectsPage />;
    case "project":
      return <ProjectPage key={route.id} id={route.id} />;
    case "sources":
    case "source-new":
    case "source":
      return <Sources route={route} />;
    case "plugins":
    case "plugin":
      return <Plugins route={route} />;
    case "settings":
      return <Settings section={route.section} />;
    case "preview":
    case "unknown":
      return (
        <Empty icon={<Compass />} title="There is no such page">
          <Link href="/" className="text-accent underline">
            All projects
          </Link>
        </Empty>
      );
  }
}
