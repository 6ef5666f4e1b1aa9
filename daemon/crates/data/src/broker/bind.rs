//! JSON values become bound parameters.
//!
//! A named query declares the type of each parameter; a query by hand has only the JSON. Exact
//! values travel as text, which the database itself reads by the type it expects; a database that
//! expects none is told what they are.

use labd_plugin_host::kinds::{
    connector::{Param, ValueKind},
    sandbox::QueryParameter,
};
use labd_protocol::ApiError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Binds the parameters of a named query, in the order of `names`.
pub(crate) fn by_contract(
    names: &[String],
    declared: &[QueryParameter],
    given: &Map<String, Value>,
) -> Result<Vec<Param>, ApiError> {
    for name in given.keys() {
        if !declared.iter().any(|parameter| parameter.name == *name) {
            return Err(field(name, "The query has no such parameter."));
        }
    }
    names
        .iter()
        .map(|name| {
            let parameter = declared
                .iter()
                .find(|parameter| parameter.name == *name)
                .ok_or_else(|| {
                    field(
                        name,
                        "The query uses this parameter but does not declare it.",
                    )
                })?;
            match given.get(name) {
                None | Some(Value::Null) if parameter.required => {
                    Err(field(name, "This parameter is required."))
                }
                None | Some(Value::Null) => Ok(Param::Null),
                Some(value) => typed(name, &parameter.param_type, value),
            }
        })
        .collect()
}

/// Binds the parameters of a query by hand.
pub(crate) fn by_value(
    names: &[String],
    given: &BTreeMap<String, Value>,
) -> Result<Vec<Param>, ApiError> {
    if let Some(name) = given.keys().find(|name| !names.contains(name)) {
        return Err(field(name, "The statement has no such parameter."));
    }
    names
        .iter()
        .map(|name| match given.get(name) {
            None => Err(field(name, "The statement needs this parameter.")),
            Some(Value::Null) => Ok(Param::Null),
            Some(Value::Bool(value)) => Ok(Param::Boolean(*value)),
            Some(Value::Number(number)) => Ok(match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Param::Integer(integer),
                (None, Some(float)) => Param::Float(float),
                (None, None) => exact(ValueKind::Decimal, number.to_string()),
            }),
            Some(Value::String(text)) => Ok(Param::Text(text.clone())),
            Some(Value::Array(items)) => array(name, ValueKind::Text, items),
            Some(value @ Value::Object(_)) => Ok(exact(ValueKind::Json, value.to_string())),
        })
        .collect()
}

fn typed(name: &str, param_type: &str, value: &Value) -> Result<Param, ApiError> {
    if let Some(element) = param_type.strip_suffix("[]") {
        let Value::Array(items) = value else {
            return Err(wrong(name, &format!("an array of {element}")));
        };
        return array(name, kind(element), items);
    }
    match (param_type, value) {
        ("int", Value::Number(number)) => number
            .as_i64()
            .map(Param::Integer)
            .ok_or_else(|| wrong(name, "a whole number of at most 64 bits")),
        ("int", Value::String(text)) => text
            .trim()
            .parse()
            .map(Param::Integer)
            .map_err(|_| wrong(name, "a whole number of at most 64 bits")),
        ("float", Value::Number(number)) => number
            .as_f64()
            .map(Param::Float)
            .ok_or_else(|| wrong(name, "a number")),
        ("float", Value::String(text)) => text
            .trim()
            .parse()
            .map(Param::Float)
            .map_err(|_| wrong(name, "a number")),
        ("decimal", Value::Number(number)) => Ok(exact(ValueKind::Decimal, number.to_string())),
        ("decimal", Value::String(text)) if is_decimal(text.trim()) => {
            Ok(exact(ValueKind::Decimal, text.trim().to_owned()))
        }
        ("decimal", _) => Err(wrong(name, "a decimal number, best as a string")),
        ("bool", Value::Bool(value)) => Ok(Param::Boolean(*value)),
        ("json", value) => Ok(exact(ValueKind::Json, value.to_string())),
        ("text", Value::String(text)) => Ok(Param::Text(text.clone())),
        ("timestamp", Value::String(text)) => Ok(exact(moment(text), text.clone())),
        ("date" | "uuid", Value::String(text)) => Ok(exact(kind(param_type), text.clone())),
        ("text", Value::Number(number)) => Ok(Param::Text(number.to_string())),
        ("date", _) => Err(wrong(name, "a date such as 2026-03-01")),
        ("timestamp", _) => Err(wrong(name, "a time such as 2026-03-01T12:00:00Z")),
        (other, _) => Err(wrong(name, other)),
    }
}

fn exact(kind: ValueKind, text: String) -> Param {
    Param::Typed { kind, text }
}

/// What a declared type means; text for what is none.
fn kind(param_type: &str) -> ValueKind {
    match param_type {
        "int" => ValueKind::Integer,
        "float" => ValueKind::Float,
        "decimal" => ValueKind::Decimal,
        "bool" => ValueKind::Boolean,
        "date" => ValueKind::Date,
        "timestamp" => ValueKind::Timestamp,
        "uuid" => ValueKind::Uuid,
        "json" => ValueKind::Json,
        _ => ValueKind::Text,
    }
}

/// A point in time where a zone is told (`Z`, `+02:00`), a timestamp without one otherwise.
fn moment(text: &str) -> ValueKind {
    let time = text
        .trim()
        .split_once(['T', ' '])
        .map_or("", |(_, time)| time);
    if time.ends_with(['Z', 'z']) || time.contains(['+', '-']) {
        ValueKind::Instant
    } else {
        ValueKind::Timestamp
    }
}

fn array(name: &str, kind: ValueKind, items: &[Value]) -> Result<Param, ApiError> {
    items
        .iter()
        .map(|item| match item {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Bool(value) => Ok(Some(value.to_string())),
            Value::Number(number) => Ok(Some(number.to_string())),
            Value::Array(_) | Value::Object(_) => {
                Err(wrong(name, "an array of plain values, without nesting"))
            }
        })
        .collect::<Result<_, _>>()
        .map(|items| Param::Array { kind, items })
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    (!whole.is_empty() || !fraction.is_empty())
        && whole
            .chars()
            .chain(fraction.chars())
            .all(|c| c.is_ascii_digit())
}

fn wrong(name: &str, expected: &str) -> ApiError {
    field(name, &format!("The parameter {name} takes {expected}."))
}

fn field(name: &str, message: &str) -> ApiError {
    ApiError::invalid(format!("params.{name}"), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declare(name: &str, param_type: &str, required: bool) -> QueryParameter {
        QueryParameter {
            name: name.into(),
            param_type: param_type.into(),
            required,
        }
    }

    fn bind(param_type: &str, value: Value) -> Result<Param, ApiError> {
        let given = Map::from_iter([("p".to_owned(), value)]);
        by_contract(&["p".into()], &[declare("p", param_type, true)], &given)
            .map(|mut params| params.remove(0))
    }

    #[test]
    fn declared_types_decide_how_values_are_bound() {
        assert_eq!(bind("int", json!(7)), Ok(Param::Integer(7)));
        assert_eq!(
            bind("int", json!("9223372036854775807")),
            Ok(Param::Integer(i64::MAX))
        );
        assert_eq!(
            bind("decimal", json!("12345678901234567890.10")),
            Ok(exact(ValueKind::Decimal, "12345678901234567890.10".into()))
        );
        assert_eq!(
            bind("text[]", json!(["a", null, 3])),
            Ok(Param::Array {
                kind: ValueKind::Text,
                items: vec![Some("a".into()), None, Some("3".into())]
            })
        );
        assert_eq!(
            bind("json", json!({"a": 1})),
            Ok(exact(ValueKind::Json, "{\"a\":1}".into()))
        );
        for (text, kind) in [
            ("2026-03-01T12:00:00Z", ValueKind::Instant),
            ("2026-03-01 12:00:00-02", ValueKind::Instant),
            ("2026-03-01T12:00:00", ValueKind::Timestamp),
            ("2026-03-01", ValueKind::Timestamp),
        ] {
            assert_eq!(
                bind("timestamp", json!(text)),
                Ok(exact(kind, text.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_by_name() {
        for (param_type, value) in [
            ("int", json!("abc")),
            ("int", json!(1.5)),
            ("bool", json!("false")),
            ("decimal", json!("1e5")),
            ("date", json!(3)),
            ("text", json!({})),
            ("int[]", json!(1)),
            ("int[]", json!([[1]])),
        ] {
            let error = bind(param_type, value).unwrap_err();
            assert_eq!(error.fields[0].field, "params.p", "{param_type}");
        }
    }

    #[test]
    fn missing_and_unknown_parameters_are_refused() {
        let names = ["a".to_owned(), "b".to_owned()];
        let declared = [declare("a", "int", true), declare("b", "int", false)];
        let given = Map::from_iter([("a".to_owned(), json!(1))]);
        assert_eq!(
            by_contract(&names, &declared, &given),
            Ok(vec![Param::Integer(1), Param::Null])
        );
        assert!(by_contract(&names, &declared, &Map::new()).is_err());
        let given = Map::from_iter([("a".to_owned(), json!(1)), ("c".to_owned(), json!(1))]);
        assert!(by_contract(&names, &declared, &given).is_err());
    }
}
