import { AreaField, Check, SelectField, TextField } from "../../components/ui/field";
import { Hint } from "../../components/ui/hint";
import type { ConfigField } from "../../state/config-form";

interface ConfigFieldViewProps {
  field: ConfigField;
  value: string | boolean;
  error: string | undefined;
  onChange: (value: string | boolean) => void;
}

/** One field of a plugin's configuration. */
export function ConfigFieldView({ field, value, error, onChange }: ConfigFieldViewProps) {
  const hint = field.about ? <Hint text={field.about} /> : undefined;
  const common = { label: field.label, hint, error, optional: !field.required };
  const text = String(value);
  switch (field.kind) {
    case "boolean":
      return (
        <Check label={field.label} hint={hint} checked={value === true} onChange={(event) => onChange(event.target.checked)} />
      );
    case "choice":
      return (
        <SelectField {...common} value={text} onChange={(event) => onChange(event.target.value)}>
          {(!field.required || text === "") && <option value="">{field.required ? "Choose one" : "Not set"}</option>}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </SelectField>
      );
    case "json":
      return (
        <AreaField {...common} value={text} spellCheck={false} placeholder={field.example} onChange={(event) => onChange(event.target.value)} />
      );
    default:
      return (
        <TextField
          {...common}
          type={field.kind === "url" ? "url" : "text"}
          inputMode={field.kind === "number" ? "decimal" : undefined}
          spellCheck={false}
          value={text}
          placeholder={field.example}
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}
