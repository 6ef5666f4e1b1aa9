import { AppWindow, ExternalLink, Monitor, RotateCw, Smartphone, Tablet, TriangleAlert } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { PreviewInfo, Problem, Project } from "../../api/types";
import { Empty, Spinner } from "../../components/ui/bits";
import { IconButton } from "../../components/ui/button";
import { cx } from "../../components/ui/cx";
import { ErrorNote } from "../../components/ui/error-note";
import { plural } from "../../state/format";
import { messageFrom } from "../../state/preview-messages";
import { invalidate } from "../../state/resources";

// An app that does not choose for itself is light or dark as the console is: a frame inherits the
// colour scheme of the page that it is in, and with it `prefers-color-scheme`.

/** Its own origin, and no way to steer the console away or to open windows. */
export const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-downloads allow-modals";

const SIZES = [
  { id: "full", label: "As wide as there is room", icon: Monitor, width: undefined },
  { id: "tablet", label: "Tablet, 768 pixels", icon: Tablet, width: 768 },
  { id: "phone", label: "Phone, 390 pixels", icon: Smartphone, width: 390 },
] as const;

interface PreviewProps {
  project: Project;
  /** There is something to see; else the frame waits, warm, behind a word of welcome. */
  hasApp: boolean;
  problems: Problem[];
  onProblems: () => void;
  onPainted: () => void;
}

export function Preview({ project, hasApp, problems, onProblems, onPainted }: PreviewProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [size, setSize] = useState<(typeof SIZES)[number]>(SIZES[0]);
  const [info, setInfo] = useState<PreviewInfo>();
  const [error, setError] = useState<ApiError>();
  const [path, setPath] = useState("/");

  /** A fresh ticket, and with it a fresh frame. Afterwards the shell in it keeps itself up to date. */
  const open = useCallback(async () => {
    setError(undefined);
    try {
      setInfo(await labd.preview(project.id));
      setPath("/");
    } catch (failure) {
      setError(errorFromFailure(failure));
    }
  }, [project.id]);
  useEffect(() => {
    void open();
  }, [open]);

  useEffect(() => {
    if (!info) return;
    const receive = (event: MessageEvent) => {
      if (event.origin !== info.origin || event.source !== frame.current?.contentWindow) return;
      const message = messageFrom(event.data);
      if (message?.type === "route") setPath(message.path);
      if (message?.type === "painted") onPainted();
      if (message?.type === "problem") invalidate(`project/${project.id}/problems`);
    };
    window.addEventListener("message", receive);
    return () => window.removeEventListener("message", receive);
  }, [info, project.id, onPainted]);

  const openTab = () => window.open(`/preview/${encodeURIComponent(project.id)}`, "_blank", "noopener");
  const errors = problems.filter((problem) => problem.severity === "error").length;
  return (
    <>
      <div className="flex h-10 items-center gap-1 border-b border-line bg-surface px-2">
        <IconButton label="Reload the preview" small onClick={() => void open()}>
          <RotateCw />
        </IconButton>
        <p className="min-w-0 flex-1 truncate rounded-md bg-sunken px-2.5 py-1 font-mono text-xs text-soft" title={info?.origin}>
          <span className="sr-only">Address in the app: </span>
          {path}
        </p>
        {problems.length > 0 && (
          <button
            type="button"
            onClick={onProblems}
            className={cx(
              "flex h-7 items-center gap-1 rounded-md px-2 text-xs hover:bg-hover",
              errors > 0 ? "text-danger" : "text-warn",
            )}
          >
            <TriangleAlert className="size-3.5" aria-hidden />
            <span className="max-sm:sr-only">{plural(problems.length, "problem")}</span>
          </button>
        )}
        <div role="group" aria-label="Size of the preview" className="flex max-sm:hidden">
          {SIZES.map((each) => (
            <IconButton
              key={each.id}
              label={each.label}
              small
              active={size.id === each.id}
              aria-pressed={size.id === each.id}
              onClick={() => setSize(each)}
            >
              <each.icon />
            </IconButton>
          ))}
        </div>
        <IconButton label="Open in a new tab" small disabled={!hasApp} onClick={openTab}>
          <ExternalLink />
        </IconButton>
      </div>
      <div className="relative flex min-h-0 flex-1 justify-center overflow-auto bg-sunken">
        {error && (
          <div className="m-auto max-w-md p-4">
            <ErrorNote error={error} retry={() => void open()} />
          </div>
        )}
        {!error && !info && (
          <div className="m-auto">
            <Spinner label="Opening the preview" />
          </div>
        )}
        {!error && info && (
          <iframe
            key={info.url}
            ref={frame}
            title={`Preview of ${project.name}`}
            src={info.url}
            sandbox={SANDBOX}
            allow="clipboard-write; fullscreen"
            referrerPolicy="no-referrer"
            style={size.width ? { width: size.width } : undefined}
            inert={!hasApp}
            className={cx("h-full shrink-0 bg-surface", size.width ? "border-x border-line" : "w-full")}
          />
        )}
        {!error && !hasApp && (
          <div className="absolute inset-0 flex items-center justify-center bg-page">
            <Empty icon={<AppWindow />} title={project.running_turn ? "Your app appears here in a moment" : "Nothing to see yet"}>
              {project.running_turn
                ? "It is shown as soon as the last byte of the answer is here."
                : "Ask for something in the chat, and the app appears here."}
            </Empty>
          </div>
        )}
      </div>
    </>
  );
}
