import { useState } from "react";
import * as labd from "../../api/labd";
import type { Project } from "../../api/types";
import { Link } from "../../components/link";
import { ModelField } from "../../components/model-field";
import { SelectField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
import { remember, useResource } from "../../state/resources";

interface ModelDialogProps {
  project: Project;
  model: string;
  onClose: () => void;
}

/** Which provider and model answer in this project, or that the default one does. */
export function ModelDialog({ project, model: present, onClose }: ModelDialogProps) {
  const providers = useResource("providers", labd.providers);
  const settings = useResource("settings", labd.settings);
  const usual = providers.data?.find((each) => each.id === settings.data?.default_provider);
  const [chosen, setChosen] = useState(project.provider ?? "");
  const [model, setModel] = useState(present);
  return (
    <FormDialog
      title="Who answers"
      description="For this project, from the next request on."
      action="Save"
      ready
      onClose={onClose}
      onSubmit={async () => {
        const update = chosen ? { provider: chosen, model: model.trim() || null } : { provider: null, model: null };
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
            <option value="">{usual ? `The default: ${usual.name}` : "The default"}</option>
            {providers.data?.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
                {each.offline ? " (templates, no AI)" : ""}
              </option>
            ))}
          </SelectField>
          {chosen && <ModelField key={chosen} provider={chosen} value={model} onChange={setModel} />}
        </>
      )}
    </FormDialog>
  );
}
