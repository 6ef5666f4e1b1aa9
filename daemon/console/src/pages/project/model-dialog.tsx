import { useState } from "react";
import { type ApiError, errorFromFailure } from "../../api/errors";
import * as labd from "../../api/labd";
import type { Project, Provider } from "../../api/types";
import { Link } from "../../components/link";
import { ModelField } from "../../components/model-field";
import { Button } from "../../components/ui/button";
import { Dialog } from "../../components/ui/dialog";
import { ErrorNote } from "../../components/ui/error-note";
import { SelectField } from "../../components/ui/field";
import { remember, useResource } from "../../state/resources";

interface ModelDialogProps {
  project: Project;
  provider: Provider | undefined;
  model: string;
  onClose: () => void;
}

/** Which provider and model answer in this project. */
export function ModelDialog({ project, provider, model: present, onClose }: ModelDialogProps) {
  const providers = useResource("providers", labd.providers);
  const [chosen, setChosen] = useState(provider?.id ?? "");
  const [model, setModel] = useState(present);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const update = { provider: chosen, ...(model.trim() ? { model: model.trim() } : {}) };
      remember(`project/${project.id}`, await labd.projectUpdate(project.id, update));
      onClose();
    } catch (failure) {
      setError(errorFromFailure(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="Who answers"
      description="For this project, from the next request on."
      onSubmit={() => void save()}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!chosen}>
            Save
          </Button>
        </>
      }
    >
      <div className="space-y-4">
        {error && <ErrorNote error={error} />}
        <SelectField
          label="Provider"
          value={chosen}
          onChange={(event) => {
            const id = event.target.value;
            setChosen(id);
            setModel(providers.data?.find((each) => each.id === id)?.default_model ?? "");
          }}
          hint={
            <Link href="/settings/providers" className="text-accent underline">
              Add or change providers
            </Link>
          }
        >
          {!chosen && <option value="">Choose one</option>}
          {providers.data?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
              {each.offline ? " (templates, no AI)" : ""}
            </option>
          ))}
        </SelectField>
        <ModelField key={chosen} provider={chosen || undefined} value={model} onChange={setModel} />
      </div>
    </Dialog>
  );
}
