import { useState } from "react";
import * as labd from "../../api/labd";
import { CopyButton } from "../../components/copy-button";
import { Button } from "../../components/ui/button";
import { Dialog } from "../../components/ui/dialog";
import { SelectField, TextField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
import { invalidate } from "../../state/resources";

const DAY = 86_400;
const LIVES = [
  { label: "30 days", seconds: 30 * DAY },
  { label: "90 days", seconds: 90 * DAY },
  { label: "One year", seconds: 365 * DAY },
  { label: "No end", seconds: 0 },
];

/** Makes a token, and shows its secret this once. */
export function NewToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [life, setLife] = useState(LIVES[1]?.seconds ?? 0);
  const [secret, setSecret] = useState<string>();
  if (secret !== undefined) {
    return (
      <Dialog
        open
        onClose={onClose}
        title="Copy the token now"
        description="labd keeps only a hash of it, so it cannot be shown again."
        actions={
          <Button look="primary" onClick={onClose}>
            I have it
          </Button>
        }
      >
        <div className="flex items-center gap-1 rounded-lg border border-line bg-sunken py-1.5 pr-1.5 pl-3">
          <code className="min-w-0 flex-1 font-mono text-xs break-all">{secret}</code>
          <CopyButton text={secret} label="Copy the token" />
        </div>
        <p className="mt-3 text-xs text-faint">
          Programs send it as <code className="font-mono">Authorization: Bearer labd_…</code>
        </p>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title="New token"
      action="Create"
      ready={name.trim() !== ""}
      onClose={onClose}
      onSubmit={async () => {
        const made = await labd.tokenCreate(name.trim(), life || undefined);
        invalidate("tokens");
        setSecret(made.token);
      }}
    >
      {(error) => (
        <>
          <TextField
            label="What is it for?"
            value={name}
            maxLength={120}
            placeholder="Nightly report"
            error={error?.field("name")}
            onChange={(event) => setName(event.target.value)}
          />
          <SelectField label="Good for" value={life} onChange={(event) => setLife(Number(event.target.value))}>
            {LIVES.map(({ label, seconds }) => (
              <option key={label} value={seconds}>
                {label}
              </option>
            ))}
          </SelectField>
        </>
      )}
    </FormDialog>
  );
}
