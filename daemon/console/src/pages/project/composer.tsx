import { ArrowUp, ChevronDown, Cpu, Square } from "lucide-react";
import { type Ref, useState } from "react";
import * as labd from "../../api/labd";
import type { Project, Turn } from "../../api/types";
import { Button } from "../../components/ui/button";
import { useResource } from "../../state/resources";
import { toastError } from "../../state/toasts";
import { ModelDialog } from "./model-dialog";

interface ComposerProps {
  ref: Ref<HTMLTextAreaElement>;
  project: Project;
  text: string;
  onText: (text: string) => void;
  running: Turn | undefined;
  busy: boolean;
  onSend: () => void;
}

export function Composer({ ref, project, text, onText, running, busy, onSend }: ComposerProps) {
  const [stopping, setStopping] = useState<string>();
  const stop = async (turn: string) => {
    setStopping(turn);
    try {
      await labd.turnStop(project.id, turn);
    } catch (failure) {
      setStopping(undefined);
      toastError(failure);
    }
  };
  return (
    <form
      className="rounded-xl border border-line-strong bg-page transition-colors focus-within:border-accent"
      onSubmit={(event) => {
        event.preventDefault();
        if (!running) onSend();
      }}
    >
      <label htmlFor="request" className="sr-only">
        Your request
      </label>
      <textarea
        ref={ref}
        id="request"
        rows={2}
        value={text}
        placeholder={project.head ? "What should change?" : "Show revenue by month and the top ten customers"}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          if (!running) onSend();
        }}
        className="scroll-thin field-sizing-content block max-h-48 min-h-14 w-full resize-none bg-transparent px-3 pt-2.5 text-base outline-none"
      />
      <div className="flex items-center gap-2 p-1.5">
        <Answerer project={project} />
        <span className="flex-1" />
        {running ? (
          <Button
            key="stop"
            look="plain"
            small
            busy={stopping === running.id}
            icon={<Square fill="currentColor" />}
            onClick={() => void stop(running.id)}
          >
            {stopping === running.id ? "Stopping" : "Stop"}
          </Button>
        ) : (
          <Button key="send" type="submit" look="primary" small busy={busy} disabled={!text.trim()} icon={<ArrowUp />}>
            Send
          </Button>
        )}
      </div>
    </form>
  );
}

/** Who answers, and how to choose another. */
function Answerer({ project }: { project: Project }) {
  const providers = useResource("providers", labd.providers);
  const settings = useResource("settings", labd.settings);
  const [open, setOpen] = useState(false);
  const id = project.provider ?? settings.data?.default_provider;
  const provider = providers.data?.find((each) => each.id === id) ?? providers.data?.find((each) => each.offline);
  const model = (project.provider ? project.model : null) ?? provider?.default_model;
  return (
    <>
      <button
        type="button"
        onClick={() => setOpen(true)}
        className="flex min-w-0 items-center gap-1.5 rounded-md px-2 py-1 text-xs text-soft hover:bg-hover hover:text-ink"
      >
        <Cpu className="size-3.5 shrink-0" aria-hidden />
        <span className="sr-only">Answered by</span>
        <span className="truncate">{provider?.name ?? "Choose who answers"}</span>
        {model && <span className="truncate font-mono text-2xs text-faint max-sm:hidden">{model}</span>}
        <ChevronDown className="size-3 shrink-0" aria-hidden />
      </button>
      {open && <ModelDialog project={project} model={model ?? ""} onClose={() => setOpen(false)} />}
    </>
  );
}
