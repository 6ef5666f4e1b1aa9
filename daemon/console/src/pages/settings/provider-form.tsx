import { useState } from "react";
import { ApiError } from "../../api/errors";
import * as labd from "../../api/labd";
import type { PluginInfo, Provider } from "../../api/types";
import { ModelField } from "../../components/model-field";
import { Dialog } from "../../components/ui/dialog";
import { ErrorNote } from "../../components/ui/error-note";
import { SelectField, TextField } from "../../components/ui/field";
import { FormDialog } from "../../components/ui/form-dialog";
import { Spinner } from "../../components/ui/bits";
import { configOf, type ConfigValues, fieldsOf, initialValues } from "../../state/config-form";
import { invalidate, useResource } from "../../state/resources";
import { toast } from "../../state/toasts";
import { ConfigFieldView } from "./config-field";

/** Adds a provider, or changes one. The fields are what the plugin's schema describes. */
export function ProviderForm({ provider, onClose }: { provider?: Provider; onClose: () => void }) {
  const plugins = useResource("plugins", labd.plugins);
  const usable = plugins.data?.filter((plugin) => plugin.kind === "ai-provider") ?? [];
  const [chosen, setChosen] = useState(provider?.plugin);
  const first = usable.find((plugin) => plugin.credentials.length > 0) ?? usable[0];
  const plugin = usable.find((each) => each.id === (chosen ?? first?.id));
  if (!plugin) {
    return (
      <Dialog open onClose={onClose} title={provider ? `Change ${provider.name}` : "Add a provider"}>
        {plugins.error && <ErrorNote error={plugins.error} retry={plugins.reload} />}
        {plugins.loading && <Spinner />}
        {plugins.data && <p className="text-sm text-soft">Its plugin is not loaded. See the plugins page for why.</p>}
      </Dialog>
    );
  }
  return (
    <Form
      key={plugin.id}
      provider={provider}
      plugin={plugin}
      plugins={provider ? [] : usable}
      onPlugin={setChosen}
      onClose={onClose}
    />
  );
}

interface FormProps {
  provider: Provider | undefined;
  plugin: PluginInfo;
  plugins: PluginInfo[];
  onPlugin: (id: string) => void;
  onClose: () => void;
}

function Form({ provider, plugin, plugins, onPlugin, onClose }: FormProps) {
  const fields = fieldsOf(plugin.config_schema);
  const slot = plugin.credentials[0];
  const held = provider?.credentials.find((credential) => credential.name === slot?.name);
  const [name, setName] = useState(provider?.name ?? "");
  const [values, setValues] = useState<ConfigValues>(() => initialValues(fields, provider?.config ?? {}));
  const [key, setKey] = useState("");
  const [model, setModel] = useState(provider?.default_model ?? "");
  const save = async () => {
    const { config, errors } = configOf(fields, values, provider?.config ?? {});
    const wrong = Object.entries(errors).map(([field, message]) => ({ field: `config.${field}`, message }));
    if (wrong.length > 0) {
      throw new ApiError({ code: "invalid_request", message: "Some fields need another look.", fields: wrong });
    }
    const same = {
      name: name.trim(),
      config,
      ...(key.trim() ? { api_key: key.trim() } : {}),
      ...(model.trim() ? { default_model: model.trim() } : {}),
    };
    if (provider) await labd.providerUpdate(provider.id, same);
    else await labd.providerCreate({ ...same, plugin: plugin.id });
    invalidate("providers");
    invalidate("models");
    invalidate("settings");
    toast(`${same.name} is saved.`);
    onClose();
  };
  return (
    <FormDialog
      title={provider ? `Change ${provider.name}` : "Add a provider"}
      action="Save"
      ready={name.trim() !== ""}
      onClose={onClose}
      onSubmit={save}
    >
      {(error) => (
        <>
          {plugins.length > 1 && (
            <SelectField label="Plugin" value={plugin.id} onChange={(event) => onPlugin(event.target.value)}>
              {plugins.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.name}
                </option>
              ))}
            </SelectField>
          )}
          <TextField
            label="Name"
            value={name}
            maxLength={120}
            placeholder="OpenAI"
            error={error?.field("name")}
            onChange={(event) => setName(event.target.value)}
          />
          {fields.map((field) => (
            <ConfigFieldView
              key={field.name}
              field={field}
              value={values[field.name] ?? ""}
              error={error?.field(`config.${field.name}`)}
              onChange={(value) => setValues({ ...values, [field.name]: value })}
            />
          ))}
          {slot && (
            <TextField
              label={held ? "New API key" : "API key"}
              optional
              type="password"
              autoComplete="off"
              data-1p-ignore
              value={key}
              error={error?.field("api_key")}
              hint={
                held && !held.disabled
                  ? `One is sealed for ${held.origin}. Empty keeps it; another address needs it again.`
                  : "Sealed at once and sent to this provider's address only. It is never shown again."
              }
              onChange={(event) => setKey(event.target.value)}
            />
          )}
          <ModelField label="Default model" provider={provider?.id} value={model} onChange={setModel} />
        </>
      )}
    </FormDialog>
  );
}
