import { type ReactNode, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { ErrorNote } from "./error-note";

export interface FormDialogProps {
  title: string;
  description?: string;
  /** What the button that sends is called. */
  action: string;
  /** It can be sent. */
  ready: boolean;
  onClose: () => void;
  /** Does it, and closes; what it throws is shown instead. */
  onSubmit: () => Promise<void>;
  /** The fields, which say themselves what is wrong with them. */
  children: (error: ApiError | undefined) => ReactNode;
}

/** A dialog that is filled in and sent. It is made when it opens, and gone when it closes. */
export function FormDialog({ title, description, action, ready, onClose, onSubmit, children }: FormDialogProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const send = async () => {
    if (busy || !ready) return;
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit();
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      {...(description ? { description } : {})}
      onSubmit={() => void send()}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!ready}>
            {action}
          </Button>
        </>
      }
    >
      <div className="space-y-4">
        {error && !error.field("name") && <ErrorNote error={error} />}
        {children(error)}
      </div>
    </Dialog>
  );
}
