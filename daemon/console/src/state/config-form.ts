/** A form drawn from the JSON Schema of a plugin's configuration, and what it gives. */
import type { Json, JsonSchema } from "../api/types";

export type ConfigValues = Record<string, string | boolean>;

export interface ConfigField {
  name: string;
  label: string;
  about: string | undefined;
  example: string | undefined;
  required: boolean;
  kind: "text" | "url" | "number" | "boolean" | "choice" | "json";
  choices: string[];
  initial: string | boolean;
}

export function fieldsOf(schema: JsonSchema): ConfigField[] {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    fieldOf(name, property, required.has(name)),
  );
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

function fieldOf(name: string, property: JsonSchema, required: boolean): ConfigField {
  const kind = kindOf(property);
  const initial = property.default;
  return {
    name,
    label: property.title ?? sentence(name),
    about: property.description,
    example: property.examples?.[0] === undefined ? undefined : plain(property.examples[0]),
    required,
    kind,
    choices: kind === "choice" ? (property.enum ?? []).map(plain) : [],
    initial: kind === "boolean" ? initial === true : initial === undefined ? "" : plain(initial),
  };
}

function kindOf(property: JsonSchema): ConfigField["kind"] {
  if (property.enum?.every((value) => typeof value === "string")) return "choice";
  const type = Array.isArray(property.type) ? property.type.find((each) => each !== "null") : property.type;
  switch (type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "number":
      return "number";
    case "string":
    case undefined:
      return property.format === "uri" || property.format === "url" ? "url" : "text";
    default:
      return "json";
  }
}

/** What a form begins with: the present configuration, else the defaults. */
export function initialValues(fields: ConfigField[], config: Record<string, Json>): ConfigValues {
  return Object.fromEntries(
    fields.map((field) => {
      const present = config[field.name];
      if (present === undefined || present === null) return [field.name, field.initial];
      return [field.name, field.kind === "boolean" ? present === true : plain(present)];
    }),
  );
}

/**
 * The configuration that a form describes. What is left empty is left out; what the form does not
 * know stays as it was.
 */
export function configOf(
  fields: ConfigField[],
  values: ConfigValues,
  before: Record<string, Json>,
): { config: Record<string, Json>; errors: Record<string, string> } {
  const config: Record<string, Json> = { ...before };
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const value = values[field.name] ?? "";
    delete config[field.name];
    if (typeof value === "boolean") {
      config[field.name] = value;
    } else if (value.trim() === "") {
      if (field.required) errors[field.name] = "This is needed.";
    } else if (field.kind === "number") {
      const number = Number(value);
      if (Number.isFinite(number)) config[field.name] = number;
      else errors[field.name] = "Write a number.";
    } else if (field.kind === "json") {
      try {
        config[field.name] = JSON.parse(value) as Json;
      } catch {
        errors[field.name] = "Write this as JSON.";
      }
    } else {
      config[field.name] = value.trim();
    }
  }
  return { config, errors };
}

function plain(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `max_tokens_field` as it is said. */
function sentence(name: string): string {
  const words = name.replace(/[_-]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
