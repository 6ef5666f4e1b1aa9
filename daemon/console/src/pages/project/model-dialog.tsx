import { useState } from "react";
import * as labd from "../../api/labd";
import type { Project, Provider } from "../../api/types";
import { Link } from "../../components/link";
import { ModelField } from "../../components/model-field";
import { SelectField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
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
  return (
    <FormDialog
      title="Who answers"
      description="For this project, from the next request on."
      action="Save"
      ready={chosen !== ""}
      onClose={onClose}
      onSubmit={async () => {
        const update = { provider: chosen, ...(model.trim() ? { model: model.trim() } : {}) };
        remember(`project/${project.id}`, await labd.projectUpdate(project.id, update));
        onClose();
      }}
    >
      {() => (
        <>
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
        </>
      )}
    </FormDialog>
  );
}
