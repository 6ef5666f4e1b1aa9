//! The shape that a JSON value must have, as data: a table of fields for each object. What is not
//! in the table is a flaw, as strict services have it.

use serde_json::{Map, Value};

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    Bool,
    /// A string.
    Text,
    /// A string of so many characters, at least and at most.
    Sized(usize, usize),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A whole number, from and to.
    Integer(i64, i64),
    /// A number, from and to.
    Number(f64, f64),
    /// An object with any fields.
    Map,
    /// An object whose every field has this shape.
    Values(&'static Shape),
    /// A list of so many, at least and at most.
    List(&'static Shape, usize, usize),
    /// An object with these fields and no others.
    Object(&'static [Field]),
    /// An object whose fields depend on one of them, which is a string; where it is left out, it is
    /// the first case if the flag says so.
    Tagged(&'static str, bool, &'static [Case]),
    /// Any of these; the first whose JSON type is right counts.
    Either(&'static [Shape]),
}

/// A value of the deciding field, and the other fields.
pub type Case = (&'static str, &'static [Field]);

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
    nullable: bool,
}

/// A field that must be there.
pub const fn must(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: true,
        nullable: false,
    }
}

/// A field that may be left out.
pub const fn may(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: false,
        nullable: false,
    }
}

/// A field that may be left out, or null.
pub const fn null(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: false,
        nullable: true,
    }
}

/// A list of any length.
pub const fn list(of: &'static Shape) -> Shape {
    Shape::List(of, 0, usize::MAX)
}

/// A whole number that is not negative.
pub const COUNT: Shape = Shape::Integer(0, i64::MAX);

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    Key(String),
    Index(usize),
    /// The case of a tagged object, which some services name in the path.
    Case(&'static str),
}

/// Where a value is not as it must be, and how.
#[derive(Clone, Debug)]
pub struct Flaw {
    pub path: Vec<At>,
    pub what: What,
    /// What stands there.
    pub given: Value,
}

/// How a value is not as it must be.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Missing,
    Unknown,
    /// It should be this: `a string`, …
    Type(&'static str),
    Word(Vec<&'static str>),
    Low(f64),
    High(f64),
    Short(usize),
    Long(usize, usize),
}

/// The JSON type of a value, with its article.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl Flaw {
    /// `messages.0.content`, with this before an index and after it.
    pub fn at(&self, before: &str, after: &str) -> String {
        path(&self.path, before, after)
    }
}

/// A path as text, with this before an index and after it.
pub fn path(steps: &[At], before: &str, after: &str) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            At::Key(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            At::Index(index) => {
                text.push_str(before);
                text.push_str(&index.to_string());
                text.push_str(after);
            }
            At::Case(_) => {}
        }
    }
    text
}

impl Shape {
    fn expected(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Bool => "a boolean",
            Self::Text | Self::Sized(..) | Self::Word(_) => "a string",
            Self::Integer(..) => "an integer",
            Self::Number(..) => "a decimal number",
            Self::List(..) => "an array",
            Self::Map | Self::Values(_) | Self::Object(_) | Self::Tagged(..) => "an object",
            Self::Either(shapes) => match shapes {
                [one, ..] => one.expected(),
                [] => "any value",
            },
        }
    }

    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Bool => value.is_boolean(),
            Self::Text | Self::Sized(..) | Self::Word(_) => value.is_string(),
            Self::Integer(..) => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|x| x.fract() == 0.0)
            }
            Self::Number(..) => value.is_number(),
            Self::List(..) => value.is_array(),
            Self::Map | Self::Values(_) | Self::Object(_) | Self::Tagged(..) => value.is_object(),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes(value)),
        }
    }

    /// The first flaw of a value.
    ///
    /// # Errors
    /// When it has one.
    pub fn check(&self, value: &Value) -> Result<(), Flaw> {
        walk(self, value, &mut Vec::new())
    }
}

fn flaw(path: &[At], what: What, given: &Value) -> Flaw {
    Flaw {
        path: path.to_vec(),
        what,
        given: given.clone(),
    }
}

fn walk(shape: &Shape, value: &Value, path: &mut Vec<At>) -> Result<(), Flaw> {
    if !shape.takes(value) {
        return Err(flaw(path, What::Type(shape.expected()), value));
    }
    let fail = |path: &[At], what| Err(flaw(path, what, value));
    match (shape, value) {
        (Shape::Sized(least, most), Value::String(text)) => {
            let length = text.chars().count();
            if length < *least {
                return fail(path, What::Short(*least));
            }
            if length > *most {
                return fail(path, What::Long(*most, length));
            }
        }
        (Shape::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
            return fail(path, What::Word(words.to_vec()));
        }
        (Shape::Integer(low, high), Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            if number < *low as f64 {
                return fail(path, What::Low(*low as f64));
            }
            if number > *high as f64 {
                return fail(path, What::High(*high as f64));
            }
        }
        (Shape::Number(low, high), Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            if number < *low {
                return fail(path, What::Low(*low));
            }
            if number > *high {
                return fail(path, What::High(*high));
            }
        }
        (Shape::List(of, least, most), Value::Array(items)) => {
            if items.len() < *least {
                return fail(path, What::Short(*least));
            }
            if items.len() > *most {
                return fail(path, What::Long(*most, items.len()));
            }
            for (index, item) in items.iter().enumerate() {
                inside(path, At::Index(index), |path| walk(of, item, path))?;
            }
        }
        (Shape::Values(of), Value::Object(map)) => {
            for (name, item) in map {
                inside(path, At::Key(name.clone()), |path| walk(of, item, path))?;
            }
        }
        (Shape::Object(fields), Value::Object(map)) => object(fields, None, map, path)?,
        (Shape::Tagged(tag, lenient, cases), Value::Object(map)) => {
            tagged((tag, *lenient, cases), map, path)?;
        }
        (Shape::Either(shapes), value) => {
            if let Some(shape) = shapes.iter().find(|shape| shape.takes(value)) {
                walk(shape, value, path)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn inside<T>(path: &mut Vec<At>, step: At, then: impl FnOnce(&mut Vec<At>) -> T) -> T {
    path.push(step);
    let result = then(path);
    path.pop();
    result
}

fn tagged(
    (tag, lenient, cases): (&'static str, bool, &'static [Case]),
    map: &Map<String, Value>,
    path: &mut Vec<At>,
) -> Result<(), Flaw> {
    let case = match map.get(tag) {
        None if lenient => cases.first(),
        None => {
            return inside(path, At::Key(tag.into()), |path| {
                Err(flaw(path, What::Missing, &Value::Object(map.clone())))
            });
        }
        Some(Value::String(word)) => cases.iter().find(|(name, _)| name == word),
        Some(other) => {
            return inside(path, At::Key(tag.into()), |path| {
                Err(flaw(path, What::Type("a string"), other))
            });
        }
    };
    let Some((name, fields)) = case else {
        let words = cases.iter().map(|(name, _)| *name).collect();
        let given = map.get(tag).cloned().unwrap_or_default();
        return inside(path, At::Key(tag.into()), |path| {
            Err(flaw(path, What::Word(words), &given))
        });
    };
    inside(path, At::Case(name), |path| {
        object(fields, Some(tag), map, path)
    })
}

fn object(
    fields: &'static [Field],
    tag: Option<&str>,
    map: &Map<String, Value>,
    path: &mut Vec<At>,
) -> Result<(), Flaw> {
    for field in fields {
        inside(path, At::Key(field.name.into()), |path| {
            match map.get(field.name) {
                None if field.required => {
                    Err(flaw(path, What::Missing, &Value::Object(map.clone())))
                }
                None => Ok(()),
                Some(Value::Null) if field.nullable => Ok(()),
                Some(value) => walk(&field.shape, value, path),
            }
        })?;
    }
    let known = |name: &str| tag == Some(name) || fields.iter().any(|field| field.name == name);
    match map.iter().find(|(name, _)| !known(name)) {
        Some((name, value)) => inside(path, At::Key(name.clone()), |path| {
            Err(flaw(path, What::Unknown, value))
        }),
        None => Ok(()),
    }
}

/// The string under a name; empty where there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The list under a name; empty where there is none.
pub fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether a text is base64, padded or not.
pub fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && text.len() - body.len() <= 2
        && body.len() % 4 != 1
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
}

/// Whether a text is a name as functions have them: letters, digits, `_`, `-`, and so many at most.
pub fn is_name(text: &str, most: usize) -> bool {
    !text.is_empty()
        && text.len() <= most
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
