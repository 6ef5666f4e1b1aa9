import { useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import { Button } from "../../components/ui/button";
import { Dialog } from "../../components/ui/dialog";
import { ErrorNote } from "../../components/ui/error-note";
import { TextField } from "../../components/ui/field";
import { invalidate } from "../../state/resources";

interface NewFileProps {
  project: string;
  onClose: () => void;
  onMade: (path: string) => void;
}

export function NewFile({ project, onClose, onMade }: NewFileProps) {
  const [path, setPath] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await labd.fileSave(project, path.trim(), "");
      invalidate(`project/${project}`);
      onMade(path.trim());
    } catch (failure) {
      setError(errorFromFailure(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="New file"
      onSubmit={() => void make()}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!path.trim()}>
            Create
          </Button>
        </>
      }
    >
      <div className="space-y-3">
        {error && !error.field("path") && <ErrorNote error={error} />}
        <TextField
          label="Path"
          autoFocus
          spellCheck={false}
          value={path}
          placeholder="src/pages/orders.tsx"
          error={error?.field("path")}
          hint="Pages and components in src/, queries in queries/, handlers in server/, other files in public/."
          onChange={(event) => setPath(event.target.value)}
        />
      </div>
    </Dialog>
  );
}
