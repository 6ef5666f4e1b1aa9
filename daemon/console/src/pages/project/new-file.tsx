import { useState } from "react";
import { Button } from "../../components/ui/button";
import { Dialog } from "../../components/ui/dialog";
import { TextField } from "../../components/ui/field";
import { draftKey, newFile, setDraft } from "../../state/drafts";

interface NewFileProps {
  project: string;
  /** Paths that are taken. */
  paths: string[];
  onClose: () => void;
  onMade: (path: string) => void;
}

/** Opens a file that is not there yet; saving it makes it. */
export function NewFile({ project, paths, onClose, onMade }: NewFileProps) {
  const [path, setPath] = useState("");
  const wanted = path.trim();
  const taken = paths.includes(wanted);
  return (
    <Dialog
      open
      onClose={onClose}
      title="New file"
      onSubmit={() => {
        if (!wanted || taken) return;
        setDraft(draftKey(project, wanted), { base: newFile(wanted), text: "", kept: undefined, found: [] });
        onMade(wanted);
      }}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!wanted || taken}>
            Open
          </Button>
        </>
      }
    >
      <TextField
        label="Path"
        spellCheck={false}
        value={path}
        placeholder="src/pages/orders.tsx"
        error={taken ? "There is such a file already." : undefined}
        hint="Pages and components in src/, queries in queries/, handlers in server/, other files in public/."
        onChange={(event) => setPath(event.target.value)}
      />
    </Dialog>
  );
}
