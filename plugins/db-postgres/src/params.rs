//! Bound parameters in the server's text format, by the types that it described.

use crate::arrays;
use crate::types::{Shape, Type};
use labd_plugin::connector::{Param, TypedText, ValueKind};
use labd_plugin::{Error, Result};

/// The text to bind as the n-th parameter (from 1); none for null.
///
/// # Errors
/// `invalid-request` that names the parameter and both types. What only the server can judge, it
/// judges.
pub fn text(number: usize, param: &Param, expected: &Type) -> Result<Option<String>> {
    let refused = |given: &str| {
        Err(Error::invalid(format!(
            "parameter ${number} is {}, and {given} was given",
            expected.name
        )))
    };
    let text = match param {
        Param::Null => return Ok(None),
        Param::Boolean(value) => match expected.kind {
            ValueKind::Boolean | ValueKind::Text | ValueKind::Json | ValueKind::Other => {
                value.to_string()
            }
            _ => return refused("a boolean"),
        },
        Param::Integer(value) => match expected.kind {
            ValueKind::Boolean if matches!(value, 0 | 1) => (*value == 1).to_string(),
            ValueKind::Boolean | ValueKind::Binary | ValueKind::Uuid => {
                return refused("an integer");
            }
            _ => value.to_string(),
        },
        Param::Float(value) => match expected.kind {
            ValueKind::Boolean | ValueKind::Binary | ValueKind::Uuid => return refused("a number"),
            // `3.0` is no integer to the server, though it is one to whoever sends it.
            ValueKind::Integer if value.fract() == 0.0 && value.abs() < 9e15 => {
                format!("{value:.0}")
            }
            ValueKind::Integer => return refused("a number with a fraction"),
            _ if value.is_infinite() => if *value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .into(),
            // Debug and not Display: an exponent where digits would be many.
            _ => format!("{value:?}"),
        },
        Param::Text(value) | Param::Typed(TypedText { text: value, .. }) => {
            if value.contains('\0') {
                return Err(Error::invalid(format!(
                    "parameter ${number} holds a zero byte, which PostgreSQL cannot store"
                )));
            }
            value.clone()
        }
        Param::Binary(value) => match expected.kind {
            ValueKind::Binary => {
                let mut text = String::with_capacity(value.len() * 2 + 2);
                text.push_str("\\x");
                for byte in value {
                    text.push_str(&format!("{byte:02x}"));
                }
                text
            }
            _ => return refused("binary data"),
        },
        Param::Array(array) => match expected.shape {
            Shape::Array(_, delimiter) => arrays::from_texts(&array.items, delimiter),
            _ => return refused("a list"),
        },
    };
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::builtin;
    use labd_plugin::connector::TypedTexts;

    fn array(items: Vec<Option<String>>) -> Param {
        Param::Array(TypedTexts {
            kind: ValueKind::Text,
            items,
        })
    }

    fn bound(oid: u32, param: Param) -> Result<Option<String>> {
        let expected = builtin(oid).ok_or_else(|| Error::internal("no such type"))?;
        text(1, &param, &expected)
    }

    #[test]
    fn parameters_take_the_form_of_the_expected_type() -> Result<()> {
        assert_eq!(bound(23, Param::Float(3.0))?.as_deref(), Some("3"));
        assert_eq!(bound(1700, Param::Float(0.1))?.as_deref(), Some("0.1"));
        assert_eq!(
            bound(701, Param::Float(f64::NEG_INFINITY))?.as_deref(),
            Some("-Infinity")
        );
        assert_eq!(bound(16, Param::Integer(1))?.as_deref(), Some("true"));
        assert_eq!(
            bound(17, Param::Binary(vec![0, 255]))?.as_deref(),
            Some("\\x00ff")
        );
        assert_eq!(
            bound(1009, array(vec![Some("a".into()), None]))?.as_deref(),
            Some("{\"a\",NULL}")
        );
        let large = TypedText {
            kind: ValueKind::Integer,
            text: i64::MAX.to_string(),
        };
        assert_eq!(
            bound(20, Param::Typed(large))?.as_deref(),
            Some("9223372036854775807")
        );
        assert_eq!(bound(25, Param::Null)?, None);
        Ok(())
    }

    #[test]
    fn what_cannot_be_converted_names_the_parameter_and_the_type() {
        let message = |oid, param| bound(oid, param).map_err(|error| error.message().to_owned());
        assert_eq!(
            message(23, array(vec![])),
            Err("parameter $1 is integer, and a list was given".into())
        );
        assert_eq!(
            message(23, Param::Float(0.5)),
            Err("parameter $1 is integer, and a number with a fraction was given".into())
        );
        assert!(message(25, Param::Text("a\0".into())).is_err());
        assert!(message(25, Param::Binary(vec![1])).is_err());
    }
}
