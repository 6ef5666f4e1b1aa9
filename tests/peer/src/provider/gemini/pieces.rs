//! A call whose arguments are streamed: `partialArgs[{jsonPath, stringValue, willContinue}]`.

use serde_json::{Value, json};

/// The parts that tell a call piece by piece, of the part that tells it whole: its name first, then
/// each value by its place, then nothing. A call without arguments comes whole.
pub fn call(mut whole: Value) -> Vec<Value> {
    let function = whole
        .get_mut("functionCall")
        .and_then(Value::as_object_mut)
        .map(|function| (function.remove("args"), function));
    let Some((arguments, function)) = function else {
        return vec![whole];
    };
    let mut values = Vec::new();
    tell("$", &arguments.unwrap_or_default(), &mut values);
    if values.is_empty() {
        return vec![whole];
    }
    function.insert("willContinue".into(), true.into());
    let pieces = values
        .into_iter()
        .map(|value| json!({ "functionCall": { "partialArgs": [value], "willContinue": true } }));
    let mut all = vec![whole];
    all.extend(pieces);
    all.push(json!({ "functionCall": {} }));
    all
}

/// What is in a value, in order. A text comes in halves, and an empty piece ends it.
fn tell(path: &str, value: &Value, all: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                tell(&format!("{path}{}", step(name)), inner, all);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                tell(&format!("{path}[{index}]"), inner, all);
            }
        }
        Value::String(text) => {
            let half = text.chars().count().div_ceil(2);
            let head: String = text.chars().take(half).collect();
            let tail: String = text.chars().skip(half).collect();
            for piece in [head, tail].into_iter().filter(|piece| !piece.is_empty()) {
                all.push(json!({ "jsonPath": path, "stringValue": piece, "willContinue": true }));
            }
            all.push(json!({ "jsonPath": path, "stringValue": "" }));
        }
        Value::Number(number) => all.push(json!({ "jsonPath": path, "numberValue": number })),
        Value::Bool(truth) => all.push(json!({ "jsonPath": path, "boolValue": truth })),
        Value::Null => all.push(json!({ "jsonPath": path, "nullValue": "NULL_VALUE" })),
    }
}

/// A name in a path of RFC 9535: after a dot, or in quotes where it has other signs.
fn step(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let starts = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if starts && name.chars().all(plain) {
        format!(".{name}")
    } else {
        format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}
