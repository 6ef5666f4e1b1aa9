//! Which JSON Schemas every provider can hold an answer to.
//!
//! Providers refuse a schema that they cannot enforce, each by its own rules. What all of them can:
//! objects that are closed and require all of their properties, lists, enumerations, alternatives
//! (`anyOf`), and definitions that do not lead back to themselves. Of any other it is taken that it
//! cannot be enforced.

use serde_json::{Map, Value};

/// Keywords that can be enforced, or that say nothing about an answer.
const KNOWN: [&str; 13] = [
    "$schema",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "anyOf",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "$defs",
    "definitions",
];

/// Where the root keeps its definitions.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The most levels of objects and lists within the root.
const LEVELS: usize = 10;

/// The most steps from the root to a schema. A definition that leads back to itself takes more.
const STEPS: usize = 32;

/// The most schemas, definitions counted wherever they are used.
const SCHEMAS: usize = 1000;

/// The most enumerated values of all enumerations together.
const VALUES: usize = 1000;

/// Whether every provider can enforce this schema.
pub(super) fn can_be_enforced(text: &str) -> bool {
    let Ok(schema) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let Some(root) = schema.as_object() else {
        return false;
    };
    let mut walk = Walk {
        root,
        schemas: 0,
        values: 0,
    };
    root.get("type").and_then(Value::as_str) == Some("object")
        && !root.contains_key("anyOf")
        && walk.schema(&schema, 0, 0)
}

/// What was counted so far.
struct Walk<'a> {
    root: &'a Map<String, Value>,
    schemas: usize,
    values: usize,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, level: usize, steps: usize) -> bool {
        self.schemas += 1;
        if level > LEVELS || steps > STEPS || self.schemas > SCHEMAS {
            return false;
        }
        let Some(schema) = schema.as_object() else {
            return false;
        };
        if let Some(name) = schema.get("$ref") {
            // Some providers refuse words beside it.
            return schema.len() == 1 && self.definition(name, level, steps);
        }
        let object = is_of_type(schema, "object") || schema.contains_key("properties");
        let list = is_of_type(schema, "array") || schema.contains_key("items");
        schema.keys().all(|key| KNOWN.contains(&key.as_str()))
            && (schema.contains_key("type") || schema.contains_key("anyOf"))
            && self.enumeration(schema)
            && (!object || self.object(schema, level, steps))
            && (!list || self.list(schema, level, steps))
            && self.alternatives(schema, level, steps)
            && self.definitions(schema, level, steps)
    }

    /// A definition of the root's, where it is used.
    fn definition(&mut self, name: &Value, level: usize, steps: usize) -> bool {
        let root = self.root;
        let definition = name
            .as_str()
            .and_then(|name| name.strip_prefix("#/")?.split_once('/'))
            .filter(|(key, _)| DEFINITIONS.contains(key))
            .and_then(|(key, name)| root.get(key)?.get(name));
        definition.is_some_and(|schema| self.schema(schema, level, steps + 1))
    }

    fn enumeration(&mut self, schema: &Map<String, Value>) -> bool {
        let Some(values) = schema.get("enum") else {
            return true;
        };
        let count = values.as_array().map_or(0, Vec::len);
        self.values = self.values.saturating_add(count);
        count > 0 && self.values <= VALUES
    }

    fn object(&mut self, schema: &Map<String, Value>, level: usize, steps: usize) -> bool {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let (Some(properties), Some(required)) = (properties, required) else {
            return false;
        };
        // As many are required as there are, so that a long list is not searched for a few.
        schema.get("additionalProperties") == Some(&Value::Bool(false))
            && properties.len() == required.len()
            && properties.len() <= SCHEMAS
            && properties.iter().all(|(name, schema)| {
                required
                    .iter()
                    .any(|one| one.as_str() == Some(name.as_str()))
                    && self.schema(schema, level + 1, steps + 1)
            })
    }

    fn list(&mut self, schema: &Map<String, Value>, level: usize, steps: usize) -> bool {
        let items = schema.get("items");
        items.is_some_and(|items| self.schema(items, level + 1, steps + 1))
    }

    fn alternatives(&mut self, schema: &Map<String, Value>, level: usize, steps: usize) -> bool {
        let Some(any) = schema.get("anyOf") else {
            return true;
        };
        any.as_array().is_some_and(|any| {
            !any.is_empty() && any.iter().all(|one| self.schema(one, level, steps + 1))
        })
    }

    /// Those that are not used are checked as well: providers look at them too.
    fn definitions(&mut self, schema: &Map<String, Value>, level: usize, steps: usize) -> bool {
        let mut all = DEFINITIONS.iter().filter_map(|key| schema.get(*key));
        all.all(|definitions| {
            definitions.as_object().is_some_and(|definitions| {
                definitions
                    .values()
                    .all(|one| self.schema(one, level, steps + 1))
            })
        })
    }
}

fn is_of_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(any)) => any.iter().any(|one| one.as_str() == Some(name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn closed(properties: Value) -> Value {
        let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false
        })
    }

    fn with(mut schema: Value, key: &str, value: Value) -> Value {
        schema[key] = value;
        schema
    }

    fn can(schema: &Value) -> bool {
        can_be_enforced(&schema.to_string())
    }

    #[test]
    fn what_is_closed_and_required_can_be_enforced() {
        let point = closed(json!({"x": {"type": "number"}, "y": {"type": ["number", "null"]}}));
        let reference = json!({"$ref": "#/$defs/point"});
        let maybe = json!({"anyOf": [reference, {"type": "null"}], "description": "Where."});
        let whole = closed(json!({
            "kind": {"type": "string", "enum": ["a", "b"]},
            "always": {"type": "string", "const": "c"},
            "inner": closed(json!({"deep": {"type": "boolean"}})),
            "list": {"type": "array", "items": reference},
            "maybe": maybe
        }));
        for schema in [
            point.clone(),
            with(whole, "$defs", json!({ "point": point })),
            closed(json!({})),
        ] {
            assert!(can(&schema), "{schema}");
        }
    }

    #[test]
    fn what_some_provider_would_refuse_cannot() {
        let text = || json!({"type": "string"});
        let one = || closed(json!({"a": text()}));
        let property = |schema: Value| closed(json!({ "a": schema }));
        for schema in [
            json!({}),
            json!([]),
            json!({"type": "object"}),
            json!({"type": "array", "items": one()}),
            json!({"type": "object", "properties": {"a": text()}, "required": ["a"]}),
            with(one(), "additionalProperties", json!(true)),
            with(one(), "additionalProperties", text()),
            with(one(), "required", json!([])),
            with(one(), "required", json!(["b"])),
            with(one(), "required", json!(["a", "b"])),
            with(one(), "anyOf", json!([one()])),
            with(one(), "allOf", json!([one()])),
            with(one(), "oneOf", json!([one()])),
            with(one(), "not", one()),
            with(one(), "patternProperties", json!({"^b": text()})),
            with(one(), "$defs", json!({"unused": {"type": "object"}})),
            property(json!(true)),
            property(json!({})),
            property(json!({"type": "object", "properties": {"b": text()}})),
            property(json!({"type": "array"})),
            property(json!({"type": "array", "items": {"type": "object"}})),
            property(json!({"type": "string", "pattern": "^a"})),
            property(json!({"type": "string", "enum": []})),
            property(json!({"anyOf": []})),
            property(json!({"$ref": "#/$defs/lost"})),
            property(json!({"$ref": "#"})),
            property(json!({"$ref": "https://example.org/schema"})),
        ] {
            assert!(!can(&schema), "{schema}");
        }
        assert!(!can_be_enforced("{"));
    }

    #[test]
    fn what_leads_back_to_itself_or_has_no_measure_cannot() {
        let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
        let next = closed(json!({"next": {"anyOf": [reference("node"), {"type": "null"}]}}));
        let tree = with(next.clone(), "$defs", json!({ "node": next }));
        let circle = json!({"a": reference("b"), "b": reference("a")});
        let circle = with(closed(json!({"a": reference("a")})), "$defs", circle);
        let deep = (0..12).fold(json!({"type": "null"}), |inner, _| {
            closed(json!({ "a": inner }))
        });
        let values: Vec<_> = (0..=VALUES).collect();
        let many = closed(json!({"a": {"type": "integer", "enum": values}}));
        // Each definition uses the one behind it ten times.
        let mut definitions = json!({"d8": {"type": "null"}});
        for number in 0..8 {
            let uses = vec![reference(&format!("d{}", number + 1)); 10];
            definitions[format!("d{number}")] = json!({ "anyOf": uses });
        }
        let wide = with(closed(json!({"a": reference("d0")})), "$defs", definitions);
        for schema in [tree, circle, deep, many, wide] {
            assert!(!can(&schema), "{schema}");
        }
    }
}
