import { ArrowRight, KeyRound } from "lucide-react";
import { useEffect, useState } from "react";
import type { ApiError } from "../api/errors";
import { errorFromFailure } from "../api/errors";
import * as labd from "../api/labd";
import { Brand } from "../components/brand";
import { Button } from "../components/ui/button";
import { ErrorNote } from "../components/ui/error-note";
import { TextField } from "../components/ui/field";
import { takeToken, tokenIn } from "../state/session";

/** How to get in. A link opened in this very tab signs in at once. */
export function SignIn({ error: first, onIn }: { error?: ApiError | undefined; onIn: () => void }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(first);
  const signIn = async (token: string) => {
    setBusy(true);
    setError(undefined);
    try {
      await labd.signIn(token);
      onIn();
    } catch (failure) {
      setError(errorFromFailure(failure));
      setBusy(false);
    }
  };
  useEffect(() => {
    const changed = () => {
      const token = takeToken();
      if (token !== undefined) void signIn(token);
    };
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const submit = () => {
    const typed = text.trim();
    const hash = typed.indexOf("#");
    const token = hash >= 0 ? tokenIn(typed.slice(hash)) : typed;
    if (token) void signIn(token);
  };
  return (
    <main className="mx-auto flex min-h-full max-w-md flex-col justify-center gap-6 px-5 py-10">
      <Brand className="[&_svg]:size-8 [&>span]:text-xl" />
      <div className="space-y-1.5">
        <h1 className="text-xl font-semibold tracking-tight">Sign in with a link</h1>
        <p className="text-soft">
          labd has no passwords. Whoever may use the machine it runs on can make a link that signs in once,
          within five minutes:
        </p>
      </div>
      <pre className="rounded-lg border border-line bg-surface px-3.5 py-2.5 font-mono text-sm">
        <span className="text-faint select-none">$ </span>labd open
      </pre>
      {error && (
        <ErrorNote error={error} {...(error.code === "offline" ? { retry: () => location.reload() } : {})} />
      )}
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TextField
          className="flex-1"
          label="Or paste the link here"
          autoFocus
          type="password"
          placeholder="http://console.labd.localhost:…"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button type="submit" look="primary" busy={busy} disabled={!text.trim()} icon={<ArrowRight />}>
          Sign in
        </Button>
      </form>
      <p className="flex gap-2 text-xs text-faint">
        <KeyRound className="mt-px size-3.5 shrink-0" aria-hidden />
        The link's secret stands behind the # of its address, so it reaches no log and leaves the address bar at once.
      </p>
    </main>
  );
}
