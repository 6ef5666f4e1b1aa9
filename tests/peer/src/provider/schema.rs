//! What services ask of JSON Schemas.

use serde_json::{Map, Value};

use crate::shape::{items, text};

const TYPES: [&str; 7] = [
    "string", "number", "integer", "boolean", "array", "object", "null",
];

/// Every schema within a schema, with itself, and the path to it.
fn walk<'a>(schema: &'a Value, path: &mut Vec<String>, see: &mut dyn FnMut(&'a Value, &[String])) {
    see(schema, path);
    let Some(map) = schema.as_object() else {
        return;
    };
    let mut enter = |step: String, inner: &'a Value| {
        path.push(step);
        walk(inner, path, see);
        path.pop();
    };
    for name in ["properties", "$defs", "definitions"] {
        for (key, inner) in map
            .get(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            enter(key.clone(), inner);
        }
    }
    for name in ["anyOf", "allOf", "oneOf", "prefixItems"] {
        for (index, inner) in items(schema, name).iter().enumerate() {
            enter(format!("{name}/{index}"), inner);
        }
    }
    for name in ["items", "additionalProperties", "not"] {
        if let Some(inner) = map.get(name).filter(|inner| inner.is_object()) {
            enter(name.to_owned(), inner);
        }
    }
}

/// The types that a schema names.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether it is a JSON Schema at all.
///
/// # Errors
/// With what is wrong.
pub fn sound(schema: &Value) -> Result<(), String> {
    let mut wrong = None;
    walk(schema, &mut Vec::new(), &mut |inner, path| {
        let at = if path.is_empty() {
            "the root".to_owned()
        } else {
            path.join("/")
        };
        let fault = if !inner.is_object() && !inner.is_boolean() {
            Some(format!("{inner} at {at} is no schema"))
        } else if let Some(odd) = types(inner).into_iter().find(|kind| !TYPES.contains(kind)) {
            Some(format!("'{odd}' at {at} is not a type"))
        } else if inner
            .get("required")
            .is_some_and(|required| !required.is_array())
        {
            Some(format!("'required' at {at} is no list"))
        } else if inner
            .get("properties")
            .is_some_and(|inner| !inner.is_object())
        {
            Some(format!("'properties' at {at} is no object"))
        } else {
            None
        };
        wrong = wrong.take().or(fault);
    });
    wrong.map_or(Ok(()), Err)
}

fn is_object(schema: &Value) -> bool {
    types(schema).contains(&"object") || schema.get("properties").is_some()
}

fn closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

fn properties(schema: &Value) -> impl Iterator<Item = &String> {
    let map = schema.get("properties").and_then(Value::as_object);
    map.into_iter().flat_map(Map::keys)
}

fn requires(schema: &Value, name: &str) -> bool {
    items(schema, "required").iter().any(|given| given == name)
}

/// OpenAI's rules of strict schemas, for what is named so.
///
/// # Errors
/// In OpenAI's words, after `In context=…`.
pub fn strict(schema: &Value) -> Result<(), String> {
    if !types(schema).contains(&"object") {
        let given = text(schema, "type");
        let given = if given.is_empty() { "None" } else { given };
        return Err(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{given}\"'."
        ));
    }
    let (mut wrong, mut count, mut deepest) = (None, 0, 0);
    walk(schema, &mut Vec::new(), &mut |inner, path| {
        let quoted: Vec<String> = path.iter().map(|step| format!("'{step}'")).collect();
        let context = match quoted.as_slice() {
            [one] => format!("In context=({one},), "),
            steps => format!("In context=({}), ", steps.join(", ")),
        };
        count += properties(inner).count();
        deepest = deepest.max(path.len());
        let missing = properties(inner).find(|name| !requires(inner, name));
        let forbidden = [
            "allOf",
            "not",
            "dependentRequired",
            "dependentSchemas",
            "if",
            "then",
            "else",
            "patternProperties",
            "uniqueItems",
        ]
        .into_iter()
        .find(|name| inner.get(name).is_some());
        let fault = if is_object(inner) && !closed(inner) {
            Some("'additionalProperties' is required to be supplied and to be false.".to_owned())
        } else if let Some(missing) = missing {
            Some(format!(
                "'required' is required to be supplied and to be an array including every key in properties. Missing '{missing}'."
            ))
        } else if let Some(forbidden) = forbidden {
            Some(format!("'{forbidden}' is not permitted."))
        } else if types(inner).contains(&"array") && inner.get("items").is_none() {
            Some("array schema missing items.".to_owned())
        } else if ["type", "anyOf", "$ref", "enum", "const", "oneOf"]
            .iter()
            .all(|name| inner.get(name).is_none())
        {
            Some("schema must have a 'type' key.".to_owned())
        } else {
            None
        };
        wrong = wrong.take().or_else(|| fault.map(|fault| context + &fault));
    });
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if schema.get("anyOf").is_some() {
        return Err("schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.".to_owned());
    }
    if count > 5_000 || deepest > 10 {
        return Err(format!(
            "Expected at most 5000 properties and 10 levels of nesting, got {count} and {deepest}."
        ));
    }
    Ok(())
}

/// Anthropic's rules of schemas that it makes into a grammar, all of one request together.
///
/// # Errors
/// In words like Anthropic's.
pub fn grammar(schemas: &[&Value]) -> Result<(), String> {
    let (mut optional, mut unions) = (0, 0);
    for schema in schemas {
        let mut wrong = None;
        walk(schema, &mut Vec::new(), &mut |inner, path| {
            optional += properties(inner)
                .filter(|name| !requires(inner, name))
                .count();
            unions += usize::from(inner.get("anyOf").is_some() || types(inner).len() > 1);
            let forbidden = [
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
                "minLength",
                "maxLength",
                "maxItems",
                "uniqueItems",
                "oneOf",
                "not",
                "if",
                "patternProperties",
            ]
            .into_iter()
            .find(|name| inner.get(name).is_some());
            let reference = text(inner, "$ref");
            let fault = if is_object(inner) && !closed(inner) {
                Some(
                    "For 'object' type, 'additionalProperties' must be explicitly set to false"
                        .to_owned(),
                )
            } else if let Some(name) = forbidden {
                let kind = types(inner).first().copied().unwrap_or("any");
                Some(format!(
                    "For '{kind}' type, property '{name}' is not supported"
                ))
            } else if !reference.is_empty() && !reference.starts_with('#') {
                Some(format!("External $ref '{reference}' is not supported"))
            } else if reference == "#"
                || path
                    .iter()
                    .any(|step| !reference.is_empty() && reference.ends_with(&format!("/{step}")))
            {
                Some(format!("Circular reference '{reference}' is not supported"))
            } else {
                None
            };
            wrong = wrong.take().or(fault);
        });
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
    }
    if optional > 24 {
        return Err(format!(
            "Schemas contain too many optional parameters ({optional}), which would make grammar compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24)."
        ));
    }
    if unions > 16 {
        return Err(format!(
            "Schemas contain too many parameters with union types ({unions} parameters with type arrays or anyOf). Reduce the number of union-typed parameters (limit: 16 parameters with unions)."
        ));
    }
    Ok(())
}
