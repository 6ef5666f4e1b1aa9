//! What OpenAI can enforce of a JSON Schema
//! (<https://platform.openai.com/docs/guides/structured-outputs>): its root is an object without
//! `anyOf`, every object closes itself with `additionalProperties: false` and requires all of its
//! properties, schemas are not combined except by `anyOf`, and there is a limit to nesting,
//! properties and enumerated values. Told here, since the place is known here.

use labd_chat_completions::request::schema;
use labd_plugin::ai::Request;
use labd_plugin::{Error, Fault, Result};
use serde_json::Value;

/// Keywords that cannot be enforced.
const REFUSED: [&str; 12] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Keywords of which a schema needs one.
const SAYS: [&str; 5] = ["type", "anyOf", "$ref", "enum", "const"];

/// The most levels of objects and lists within the root.
const LEVELS: usize = 10;

/// The most properties of all objects together.
const PROPERTIES: usize = 5000;

/// The most enumerated values of all enumerations together.
const VALUES: usize = 1000;

/// Checks the schemas of a request that must be followed to the letter.
///
/// # Errors
/// `invalid-request` that names the schema and the place in it.
pub fn check_all(request: &Request) -> Result<()> {
    for tool in request.tools.iter().filter(|tool| tool.strict) {
        let of = format!("the strict tool `{}`", tool.name);
        check(&schema(&tool.parameters, &of)?, &of)?;
    }
    match &request.output_schema {
        Some(text) => check(&schema(text, "the output")?, "the output"),
        None => Ok(()),
    }
}

/// Checks one schema.
///
/// # Errors
/// As for [`check_all`].
pub fn check(schema: &Value, of: &str) -> Result<()> {
    let mut walk = Walk {
        of,
        properties: 0,
        values: 0,
    };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(walk.refused("", "it must be of type `object`"));
    }
    if schema.get("anyOf").is_some() {
        return Err(walk.refused("", "it cannot be `anyOf`; put that into a property"));
    }
    walk.node(schema, "", 0)
}

/// What was counted so far.
struct Walk<'a> {
    of: &'a str,
    properties: usize,
    values: usize,
}

impl Walk<'_> {
    fn node(&mut self, node: &Value, place: &str, level: usize) -> Result<()> {
        if let Some(keyword) = REFUSED.iter().find(|keyword| node.get(**keyword).is_some()) {
            return Err(self.refused(place, &format!("`{keyword}` is not supported")));
        }
        if SAYS.iter().all(|keyword| node.get(keyword).is_none()) {
            return Err(self.refused(place, "it needs a `type`"));
        }
        if level > LEVELS {
            return Err(self.refused(place, "it is nested more than 10 levels deep"));
        }
        self.values += node
            .get("enum")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if self.values > VALUES {
            return Err(self.refused(place, "there are more than 1000 enumerated values"));
        }
        if is_object(node) {
            self.object(node, place, level)?;
        }
        for key in ["$defs", "definitions"] {
            for (name, inner) in node
                .get(key)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                self.node(inner, &format!("{place}/{key}/{name}"), level)?;
            }
        }
        match node.get("items") {
            Some(items) => self.node(items, &format!("{place}/items"), level + 1)?,
            None if is_of_type(node, "array") => {
                return Err(self.refused(place, "the array needs `items`"));
            }
            None => {}
        }
        let any = node.get("anyOf").and_then(Value::as_array);
        for (at, inner) in any.into_iter().flatten().enumerate() {
            self.node(inner, &format!("{place}/anyOf/{at}"), level)?;
        }
        Ok(())
    }

    fn object(&mut self, node: &Value, place: &str, level: usize) -> Result<()> {
        if node.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(self.refused(place, "the object needs `additionalProperties: false`"));
        }
        let required = node.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)))
        };
        let properties = node.get("properties").and_then(Value::as_object);
        for (name, inner) in properties.into_iter().flatten() {
            self.properties += 1;
            if self.properties > PROPERTIES {
                return Err(self.refused(place, "there are more than 5000 properties"));
            }
            if !is_required(name) {
                let why = format!(
                    "the property `{name}` must be in `required`; let it be `null` where it may be left out"
                );
                return Err(self.refused(place, &why));
            }
            self.node(inner, &format!("{place}/properties/{name}"), level + 1)?;
        }
        Ok(())
    }

    fn refused(&self, place: &str, why: &str) -> Error {
        let place = if place.is_empty() { "its root" } else { place };
        let fault = Fault::new(format!(
            "OpenAI cannot enforce the JSON Schema of {}: at {place}, {why}",
            self.of
        ));
        Error::invalid(fault.hint("change the schema, or let the tool not be strict"))
    }
}

fn is_object(node: &Value) -> bool {
    is_of_type(node, "object") || node.get("properties").is_some()
}

fn is_of_type(node: &Value, wanted: &str) -> bool {
    match node.get("type") {
        Some(Value::String(kind)) => kind == wanted,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind.as_str() == Some(wanted)),
        _ => false,
    }
}
