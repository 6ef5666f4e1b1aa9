import { ArrowDown, Sparkles } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { Project, Turn } from "../../api/types";
import { ulid } from "../../api/ulid";
import { Spinner } from "../../components/ui/bits";
import { Button } from "../../components/ui/button";
import { ErrorNote } from "../../components/ui/error-note";
import { invalidate, remember, useResource } from "../../state/resources";
import { suggestions } from "../../state/suggestions";
import { Composer } from "./composer";
import { TurnCard } from "./turn-card";

/** Turns that are read at once; earlier ones are asked for. */
const AT_ONCE = 15;
/** Pixels from the end within which new text keeps the end in sight. */
const NEAR_END = 80;

interface ChatProps {
  project: Project;
  /** A request that was composed elsewhere, to be looked at and sent. */
  request: string | undefined;
  onRequestTaken: () => void;
  onCandidate: () => void;
  onOpenFile: (path: string, line?: number) => void;
}

export function Chat({ project, request, onRequestTaken, onCandidate, onOpenFile }: ChatProps) {
  const key = `project/${project.id}/turns`;
  const turns = useResource(key, () => labd.turns(project.id));
  const [text, setText] = useState("");
  const [shown, setShown] = useState(AT_ONCE);
  const [error, setError] = useState<ReturnType<typeof errorFromFailure>>();
  const [sending, setSending] = useState(false);
  const attempt = useRef<{ id: string; text: string }>(undefined);
  const composer = useRef<HTMLTextAreaElement>(null);
  const running = turns.data?.find((turn) => turn.state === "running");

  useEffect(() => {
    if (request === undefined) return;
    setText(request);
    onRequestTaken();
    composer.current?.focus();
  }, [request, onRequestTaken]);

  const send = async (words: string) => {
    const wanted = words.trim();
    if (!wanted || sending) return;
    // The same words again after a lost answer are the same turn.
    if (attempt.current?.text !== wanted) attempt.current = { id: ulid(), text: wanted };
    setSending(true);
    setError(undefined);
    try {
      const turn = await labd.turnStart(project.id, { id: attempt.current.id, text: wanted });
      attempt.current = undefined;
      const others = (turns.data ?? []).filter((each) => each.id !== turn.id);
      remember(key, [turn, ...others]);
      // A short turn may have ended before this answer came, and the notice of it with it.
      invalidate(`project/${project.id}`);
      invalidate("projects");
      setText("");
    } catch (failure) {
      const failed = errorFromFailure(failure);
      // What was refused was never a turn; what may have arrived keeps its id.
      if (failed.code !== "offline" && failed.code !== "timeout") attempt.current = undefined;
      setError(failed);
    } finally {
      setSending(false);
    }
  };
  const list = [...(turns.data ?? [])].reverse();
  const hidden = Math.max(0, list.length - shown);
  return (
    <>
      <Scroller follow={running !== undefined} key={project.id}>
        {turns.error && <ErrorNote error={turns.error} retry={turns.reload} />}
        {!turns.data && turns.loading && <Spinner label="Reading the chat" />}
        {turns.data?.length === 0 && <Welcome project={project} onSend={(words) => void send(words)} />}
        {hidden > 0 && (
          <div className="text-center">
            <Button small look="quiet" onClick={() => setShown(shown + AT_ONCE)}>
              Show earlier requests ({hidden})
            </Button>
          </div>
        )}
        {list.slice(hidden).map((turn: Turn) => (
          <TurnCard
            key={turn.id}
            project={project}
            turn={turn}
            latest={turn === list.at(-1)}
            onCandidate={onCandidate}
            onOpenFile={onOpenFile}
            onAgain={(words) => {
              setText(words);
              composer.current?.focus();
            }}
          />
        ))}
      </Scroller>
      <div className="space-y-2 border-t border-line p-3">
        {error && <ErrorNote error={error} />}
        <Composer
          ref={composer}
          project={project}
          text={text}
          onText={setText}
          running={running}
          busy={sending}
          onSend={() => void send(text)}
        />
      </div>
    </>
  );
}

/** Keeps the end in sight while text arrives, unless the reader has scrolled away from it. */
function Scroller({ follow, children }: { follow: boolean; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const top = useRef(0);
  const [away, setAway] = useState(false);
  const toEnd = () => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  };
  useEffect(() => {
    if (!content.current) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) toEnd();
    });
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!follow) return;
    atEnd.current = true;
    toEnd();
  }, [follow]);
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={box}
        role="region"
        aria-label="Chat"
        tabIndex={0}
        className="scroll-thin h-full overflow-y-auto focus-visible:-outline-offset-2"
        onScroll={({ currentTarget: at }) => {
          const near = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END;
          // Only a reader scrolls up; text that arrived meanwhile does not.
          if (near || at.scrollTop < top.current) atEnd.current = near;
          top.current = at.scrollTop;
          setAway(!atEnd.current);
        }}
      >
        <div ref={content} className="space-y-6 p-4">
          {children}
        </div>
      </div>
      {away && (
        <Button small className="absolute bottom-3 left-1/2 -translate-x-1/2 shadow-pop" icon={<ArrowDown />} onClick={toEnd}>
          Latest
        </Button>
      )}
    </div>
  );
}

function Welcome({ project, onSend }: { project: Project; onSend: (text: string) => void }) {
  const { source } = project;
  const schema = useResource(source ? `source/${source}/schema` : null, () => labd.sourceSchema(source ?? ""));
  const ideas = schema.data ? suggestions(schema.data) : [];
  return (
    <div className="space-y-4 py-4">
      <div className="space-y-1">
        <h2 className="text-lg font-semibold">What would you like to see?</h2>
        <p className="text-sm text-soft">
          Say it in your own words. labd knows the tables and columns of your source, writes the queries and
          the pages, checks them, and shows the app beside this chat.
        </p>
      </div>
      {source === null && (
        <p className="rounded-lg bg-warn-soft px-3 py-2 text-sm">
          This project has no data source. Choose one under its name above, so that its queries can run.
        </p>
      )}
      {ideas.length > 0 && (
        <ul className="space-y-1.5" aria-label="Suggestions">
          {ideas.map((idea) => (
            <li key={idea}>
              <button
                type="button"
                onClick={() => onSend(idea)}
                className="flex w-full items-start gap-2.5 rounded-lg border border-line bg-page px-3 py-2 text-left text-sm transition-colors hover:border-accent hover:bg-accent-soft"
              >
                <Sparkles className="mt-0.5 size-4 shrink-0 text-accent" aria-hidden />
                {idea}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
