import * as labd from "../../api/labd";
import { Spinner } from "../../components/ui/bits";
import { Dialog } from "../../components/ui/dialog";
import { ErrorNote } from "../../components/ui/error-note";
import { useResource } from "../../state/resources";

/** The whole prompt of a turn. */
export function PromptDialog({ project, turn, onClose }: { project: string; turn: string; onClose: () => void }) {
  const prompt = useResource(`prompt/${turn}`, () => labd.turnPrompt(project, turn));
  return (
    <Dialog open wide onClose={onClose} title="What was sent" description="The whole prompt, as the provider received it. It holds names and types of your schema, and no rows.">
      {prompt.error && <ErrorNote error={prompt.error} retry={prompt.reload} />}
      {prompt.loading && !prompt.data && <Spinner />}
      {prompt.data !== undefined && (
        <pre className="scroll-thin overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs whitespace-pre-wrap">{prompt.data}</pre>
      )}
    </Dialog>
  );
}
