import { Trash2 } from "lucide-react";
import { useState } from "react";
import * as labd from "../../api/labd";
import type { Provider } from "../../api/types";
import { IconButton } from "../../components/ui/button";
import { TextField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
import { invalidate } from "../../state/resources";
import { toast, toastError } from "../../state/toasts";

/** The keys of a provider, over which its requests are spread: one more, or one less. */
export function ProviderKeys({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const [held, setHeld] = useState(provider.credentials);
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const remove = async (which: string) => {
    try {
      const changed = await labd.providerKeyRemove(provider.id, which);
      setHeld(changed.credentials);
      invalidate("providers");
      toast(`The key ${which} is destroyed.`);
    } catch (failure) {
      toastError(failure);
    }
  };
  const add = async () => {
    await labd.providerKeySet(provider.id, name.trim(), key.trim());
    invalidate("providers");
    toast(`The key ${name.trim()} is sealed.`);
    onClose();
  };
  return (
    <FormDialog
      title={`Keys of ${provider.name}`}
      description="Requests are spread over all keys. One that is refused or at its limit leaves them to the others."
      action="Add the key"
      ready={name.trim() !== "" && key.trim() !== ""}
      onClose={onClose}
      onSubmit={add}
    >
      {(error) => (
        <>
          <ul className="divide-y divide-line rounded-lg border border-line">
            {held.map((credential) => (
              <li key={credential.name} className="flex items-center gap-2 py-1.5 pr-1.5 pl-3 text-sm">
                <span className="min-w-0 flex-1">
                  <span className="font-mono text-xs">{credential.name}</span>{" "}
                  <span className="text-xs break-all text-faint">
                    {credential.disabled ? "not used: enter it anew for the new address" : credential.origin}
                  </span>
                </span>
                <IconButton label={`Remove the key ${credential.name}`} small onClick={() => void remove(credential.name)}>
                  <Trash2 />
                </IconButton>
              </li>
            ))}
            {held.length === 0 && <li className="px-3 py-2 text-sm text-soft">None yet.</li>}
          </ul>
          <TextField
            label="Name of another key"
            value={name}
            maxLength={40}
            placeholder="team-b"
            spellCheck={false}
            error={error?.field("key")}
            onChange={(event) => setName(event.target.value)}
          />
          <TextField
            label="API key"
            type="password"
            autoComplete="off"
            data-1p-ignore
            value={key}
            error={error?.field("api_key")}
            hint="Sealed at once and sent to this provider's address only. It is never shown again."
            onChange={(event) => setKey(event.target.value)}
          />
        </>
      )}
    </FormDialog>
  );
}
