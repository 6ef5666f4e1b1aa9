import * as Radix from "@radix-ui/react-alert-dialog";
import { type ReactNode, useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import { Button } from "./button";
import { cx } from "./cx";
import { OVERLAY, PANEL } from "./dialog";
import { ErrorNote } from "./error-note";

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What it means, said before it is done. */
  children: ReactNode;
  action: string;
  danger?: boolean;
  /** Closes when it is done; an error is shown instead. */
  onConfirm: () => Promise<void>;
}

export function Confirm({ open, onClose, title, children, action, danger, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(errorFromFailure(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Radix.Root
      open={open}
      onOpenChange={(now) => {
        if (now || busy) return;
        setError(undefined);
        onClose();
      }}
    >
      <Radix.Portal>
        <Radix.Overlay className={OVERLAY} />
        <Radix.Content className={cx(PANEL, "max-w-md")}>
          <div className="space-y-2 px-5 py-4">
            <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
            <Radix.Description asChild>
              <div className="space-y-2 text-sm text-soft">{children}</div>
            </Radix.Description>
            {error && <ErrorNote error={error} />}
          </div>
          <div className="flex justify-end gap-2 border-t border-line px-5 py-3">
            <Radix.Cancel asChild>
              <Button disabled={busy}>Cancel</Button>
            </Radix.Cancel>
            <Button look={danger ? "danger" : "primary"} busy={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
