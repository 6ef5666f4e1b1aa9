import { ArrowLeft, PlugZap } from "lucide-react";
import { Fragment, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { SourceTest } from "../../api/types";
import { Link } from "../../components/link";
import { Page } from "../../components/shell";
import { Panel } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { TextField } from "../../components/ui/field";
import { invalidate } from "../../state/resources";
import { navigate } from "../../state/router";
import { toast } from "../../state/toasts";
import { type Connection, ConnectionFields } from "./connection-fields";
import { TestResult } from "./test-result";

const FORMS = [
  ["PostgreSQL", "postgresql://user:password@host:5432/database?sslmode=verify-full"],
  ["SQLite", "sqlite:///absolute/path/to/file.db"],
];

export function NewSource() {
  const [name, setName] = useState("");
  const [connection, setConnection] = useState<Connection>({ url: "", ca: "" });
  const [busy, setBusy] = useState<"test" | "save" | "save-untested">();
  const [test, setTest] = useState<SourceTest>();
  const [error, setError] = useState<ApiError>();
  const [refused, setRefused] = useState(false);

  const url = connection.url.trim();
  const ca = connection.ca.trim() || undefined;
  const attempt = async (what: "test" | "save" | "save-untested") => {
    setBusy(what);
    setError(undefined);
    setTest(undefined);
    try {
      if (what === "test") {
        setTest(await labd.sourceTry(url, ca));
        return;
      }
      const untested = what === "save-untested";
      const made = await labd.sourceCreate({
        name: name.trim(),
        url,
        ...(ca ? { ca } : {}),
        ...(untested ? { save_untested: true } : {}),
      });
      invalidate("sources");
      toast(`${made.name} is connected.`);
      navigate(`/sources/${made.id}`, { replace: true });
    } catch (failure) {
      const failed = errorFromFailure(failure);
      setError(failed);
      setRefused(what === "save" && CONNECTING.has(failed.code));
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <Page
      title="Connect a source"
      about={
        <Link href="/sources" className="inline-flex items-center gap-1 hover:text-ink hover:underline">
          <ArrowLeft className="size-3.5" aria-hidden /> All sources
        </Link>
      }
    >
      <div className="grid gap-5 lg:grid-cols-[1fr_20rem]">
        <Panel className="p-5">
          <form
            noValidate
            className="space-y-4"
            onSubmit={(event) => {
              event.preventDefault();
              void attempt("save");
            }}
          >
            <TextField
              label="Name"
              autoFocus
              value={name}
              maxLength={120}
              placeholder="Warehouse"
              error={error?.field("name")}
              onChange={(event) => setName(event.target.value)}
            />
            <ConnectionFields value={connection} error={error} onChange={setConnection} />
            {error && error.fields.length === 0 && (
              <ErrorNote error={error}>
                {refused && (
                  <Button small className="mt-1" busy={busy === "save-untested"} onClick={() => void attempt("save-untested")}>
                    Save it all the same
                  </Button>
                )}
              </ErrorNote>
            )}
            {test && <TestResult test={test} />}
            <div className="flex flex-wrap gap-2 pt-1">
              <Button type="submit" look="primary" busy={busy === "save"} disabled={!name.trim() || !url || busy !== undefined}>
                Test and save
              </Button>
              <Button icon={<PlugZap />} busy={busy === "test"} disabled={!url || busy !== undefined} onClick={() => void attempt("test")}>
                Only test
              </Button>
            </div>
          </form>
        </Panel>
        <aside className="space-y-3 text-sm text-soft">
          <h2 className="font-medium text-ink">What a URL looks like</h2>
          {FORMS.map(([label, form]) => (
            <div key={label}>
              <p className="text-xs text-faint">{label}</p>
              <code className="font-mono text-xs break-words">
                {/* It breaks before its parts, not within a word. */}
                {form?.split(/(?=[@?])/).map((part) => (
                  <Fragment key={part}>
                    {part}
                    <wbr />
                  </Fragment>
                ))}
              </code>
            </div>
          ))}
          <p>
            Characters such as <code className="font-mono">@ : / #</code> in a password are percent-encoded:{" "}
            <code className="font-mono">@</code> is <code className="font-mono">%40</code>.
          </p>
          <p>A role that may only read is best. labd never writes, and says here what else the role could do.</p>
        </aside>
      </div>
    </Page>
  );
}

/** Errors of connecting, after which a source may still be worth saving. */
const CONNECTING = new Set(["unreachable", "credential_refused", "unknown_database", "tls_failed", "timeout"]);
