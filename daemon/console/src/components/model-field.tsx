import { useId } from "react";
import * as labd from "../api/labd";
import { useResource } from "../state/resources";
import { ErrorNote } from "./ui/error-note";
import { TextField } from "./ui/field";

interface ModelFieldProps {
  provider: string | undefined;
  value: string;
  onChange: (model: string) => void;
  label?: string;
}

/** A model by name: chosen from what the provider lists, or typed where it lists none. */
export function ModelField({ provider, value, onChange, label = "Model" }: ModelFieldProps) {
  const list = useId();
  const models = useResource(provider ? `models/${provider}` : null, () => labd.providerModels(provider ?? ""));
  const known = models.data?.models ?? [];
  return (
    <div className="space-y-2">
      <TextField
        label={label}
        value={value}
        list={list}
        spellCheck={false}
        placeholder={models.loading ? "Asking for the models…" : (known[0]?.id ?? "As the provider names it")}
        onChange={(event) => onChange(event.target.value)}
        hint={known.length > 0 ? `${known.length} on offer; type to narrow them down. Empty for the provider's default.` : undefined}
      />
      <datalist id={list}>
        {known.map((model) => (
          <option key={model.id} value={model.id}>
            {model.name}
          </option>
        ))}
      </datalist>
      {models.error && <ErrorNote error={models.error} />}
    </div>
  );
}
