//! Arguments of a call that come in pieces → the pieces of their JSON text.
//!
//! Each piece names its place by a path (RFC 9535): `$.items[0].name`. Places come in the order in
//! which the object is written, so that its text can be told at once. A text of which more comes says
//! `willContinue`; one that is whole, or a number, a truth or nothing, does not.

use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::{Number, Value};

/// A piece.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Piece {
    #[serde(default)]
    json_path: String,
    string_value: Option<String>,
    number_value: Option<Number>,
    bool_value: Option<bool>,
    // `"NULL_VALUE"`, or null itself.
    #[serde(default, deserialize_with = "present")]
    null_value: bool,
    #[serde(default)]
    will_continue: bool,
}

/// The key is there, whatever its value.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(value).map(|_| true)
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// An object or a list that is being written.
#[derive(Debug)]
struct Level {
    /// The step that led to it; none to the whole.
    from: Option<Step>,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    /// The keys that were written.
    Object(Vec<String>),
    /// So many items.
    List(usize),
}

/// Arguments that are arriving.
#[derive(Debug, Default)]
pub struct Arguments {
    open: Vec<Level>,
    /// The place of a text of which more comes.
    text: Option<Vec<Step>>,
    begun: bool,
}

impl Arguments {
    /// What a piece adds to the text.
    ///
    /// # Errors
    /// `unavailable` when its place cannot be written any more, or is none.
    pub fn add(&mut self, piece: &Piece) -> Result<String> {
        let path = path(&piece.json_path)?;
        let mut out = String::new();
        if self.text.as_ref() == Some(&path) {
            escape(piece.string_value.as_deref().unwrap_or_default(), &mut out);
            if !piece.will_continue {
                self.end_text(&mut out);
            }
            return Ok(out);
        }
        let value = match piece {
            Piece {
                string_value: Some(text),
                ..
            } => Value::from(text.as_str()),
            Piece {
                number_value: Some(number),
                ..
            } => number.clone().into(),
            Piece {
                bool_value: Some(truth),
                ..
            } => (*truth).into(),
            Piece {
                null_value: true, ..
            } => Value::Null,
            _ => return Ok(out),
        };
        self.end_text(&mut out);
        self.reach(&path, &mut out)?;
        match value {
            Value::String(text) => {
                out.push('"');
                escape(&text, &mut out);
                if piece.will_continue {
                    self.text = Some(path);
                } else {
                    out.push('"');
                }
            }
            other => out.push_str(&other.to_string()),
        }
        Ok(out)
    }

    /// What ends the text; `{}` when there was none.
    pub fn end(&mut self) -> String {
        let mut out = String::new();
        self.end_text(&mut out);
        self.close(0, &mut out);
        if !std::mem::replace(&mut self.begun, true) {
            out.push_str("{}");
        }
        out
    }

    fn end_text(&mut self, out: &mut String) {
        if self.text.take().is_some() {
            out.push('"');
        }
    }

    /// Closes what is open beyond so many levels.
    fn close(&mut self, keep: usize, out: &mut String) {
        while self.open.len() > keep {
            match self.open.pop().map(|level| level.holds) {
                Some(Holds::List(_)) => out.push(']'),
                _ => out.push('}'),
            }
        }
    }

    /// Closes and opens what it takes to write a value at a place.
    fn reach(&mut self, path: &[Step], out: &mut String) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            out.push('{');
            self.open.push(Level {
                from: None,
                holds: Holds::Object(Vec::new()),
            });
        }
        let parents = path.len().saturating_sub(1);
        let inner = self.open.iter().skip(1);
        let common = inner
            .zip(path.iter().take(parents))
            .take_while(|(level, step)| level.from.as_ref() == Some(step))
            .count();
        self.close(common + 1, out);
        for (at, step) in path.iter().enumerate().skip(common) {
            self.member(step, out)?;
            match path.get(at + 1) {
                None => {}
                Some(next) => {
                    let (bracket, holds) = match next {
                        Step::Key(_) => ('{', Holds::Object(Vec::new())),
                        Step::Index(_) => ('[', Holds::List(0)),
                    };
                    out.push(bracket);
                    self.open.push(Level {
                        from: Some(step.clone()),
                        holds,
                    });
                }
            }
        }
        Ok(())
    }

    /// What stands before a value in what is open.
    fn member(&mut self, step: &Step, out: &mut String) -> Result<()> {
        let level = self.open.last_mut().map(|level| &mut level.holds);
        match (level, step) {
            (Some(Holds::Object(keys)), Step::Key(key)) if !keys.contains(key) => {
                if !keys.is_empty() {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                keys.push(key.clone());
                Ok(())
            }
            (Some(Holds::List(count)), Step::Index(index)) if count == index => {
                if *count > 0 {
                    out.push(',');
                }
                *count += 1;
                Ok(())
            }
            _ => Err(Error::unavailable(
                "the arguments of a call came out of their order",
            )),
        }
    }
}

/// A text inside of its quotes.
fn escape(text: &str, out: &mut String) {
    let quoted = Value::from(text).to_string();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    out.push_str(inside.unwrap_or_default());
}

/// `$.a[0]['b']` as steps; the first is a key, since arguments are an object.
fn path(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    while !rest.is_empty() {
        let (step, after) = step(rest).ok_or_else(|| none(text))?;
        steps.push(step);
        rest = after;
    }
    match steps.first() {
        Some(Step::Key(_)) => Ok(steps),
        _ => Err(none(text)),
    }
}

fn none(path: &str) -> Error {
    Error::unavailable(format!(
        "there is no place {path:?} in the arguments of a call"
    ))
}

/// The first step of a path, and what comes after it.
fn step(path: &str) -> Option<(Step, &str)> {
    if let Some(name) = path.strip_prefix('.') {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (name, after) = name.split_at_checked(end)?;
        return (!name.is_empty()).then(|| (Step::Key(name.to_owned()), after));
    }
    let inside = path.strip_prefix('[')?;
    let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let Some(quote) = quote else {
        let (index, after) = inside.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), after));
    };
    let mut key = String::new();
    let mut chars = inside.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.push(chars.next()?.1),
            c if c == quote => {
                let after = inside.get(at + 1..)?.strip_prefix(']')?;
                return Some((Step::Key(key), after));
            }
            c => key.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(pieces: Value) -> Result<String> {
        let mut arguments = Arguments::default();
        let mut text = String::new();
        for piece in serde_json::from_value::<Vec<Piece>>(pieces).unwrap() {
            text.push_str(&arguments.add(&piece)?);
        }
        text.push_str(&arguments.end());
        assert_eq!(arguments.end(), "");
        Ok(text)
    }

    #[test]
    fn nested_arguments_are_written_as_they_come() {
        let pieces = json!([
            { "jsonPath": "$.name", "stringValue": "Kö\"", "willContinue": true },
            { "jsonPath": "$.name", "stringValue": "ln\n" },
            { "jsonPath": "$.days", "numberValue": 3 },
            { "jsonPath": "$.list[0].a", "boolValue": true },
            { "jsonPath": "$.list[0].b", "nullValue": "NULL_VALUE" },
            { "jsonPath": "$.list[1].a", "numberValue": 0.5 },
            { "jsonPath": "$.list[2][0]", "stringValue": "x", "willContinue": true },
            { "jsonPath": "$.list[2][0]", "stringValue": "" },
            { "jsonPath": "$.list[2][1]", "stringValue": "y", "willContinue": true },
            { "jsonPath": "$['an \\'odd\\' key'].in", "stringValue": "" },
            { "jsonPath": "$.nothing" },
            { "jsonPath": "$.last", "nullValue": null },
        ]);
        assert_eq!(
            told(pieces).unwrap(),
            r#"{"name":"Kö\"ln\n","days":3,"list":[{"a":true,"b":null},{"a":0.5},["x","y"]],"an 'odd' key":{"in":""},"last":null}"#
        );
        assert_eq!(told(json!([])).unwrap(), "{}");
    }

    #[test]
    fn what_cannot_be_written_any_more_is_an_error() {
        let at = |path: &str| json!({ "jsonPath": path, "numberValue": 1 });
        for pieces in [
            json!([at("$.a.x"), at("$.b"), at("$.a.y")]),
            json!([at("$.a"), at("$.a")]),
            json!([at("$.a[1]")]),
            json!([at("$[0]")]),
            json!([at("$")]),
            json!([at("$.a[x]")]),
            json!([at("$..a")]),
            json!([at("$['a")]),
        ] {
            assert!(matches!(told(pieces), Err(Error::Unavailable(_))));
        }
    }
}
