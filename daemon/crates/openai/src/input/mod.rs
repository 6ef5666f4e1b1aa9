//! What chat completions and responses take alike: contents, pictures, files, tools, and the
//! conversation that comes of them.

mod content;
mod conversation;
mod schema;

pub(crate) use content::Content;
pub(crate) use conversation::Conversation;

use crate::errors::Fault;
use labd_plugin_host::kinds::ai::{CacheHints, Effort, Request, Retention};
use labd_protocol::wrong_json;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// A JSON Schema for whatever object.
pub(crate) const ANY_OBJECT: &str = r#"{"type":"object","properties":{}}"#;

/// What asks for JSON without a schema: the contract knows answers with a schema only.
pub(crate) const ANY_JSON: &str =
    "Answer with one JSON object and nothing else: no words before or after it, no code fence.";

/// What asks for JSON by a schema that providers would refuse; the schema stands behind it.
pub(crate) const BY_SCHEMA: &str = "Answer with one JSON value that follows this JSON Schema, and \
    nothing else: no words before or after it, no code fence.";

/// Reads a body. What is wrong with it is named by its place.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| wrong::<T>(body))
}

/// Reads a body again that could not be read, to find out where it is wrong: to watch the path the
/// first time would slow down everything that is right.
fn wrong<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Fault {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let error = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => {
            return Fault::invalid("", "There is more behind the body's JSON than white space.");
        }
        Err(error) => error,
    };
    let mut path = error.path().to_string();
    let words = wrong_json(error.inner());
    if error.inner().is_syntax() || error.inner().is_eof() {
        return Fault::invalid("", format!("The body is no JSON: {words}."));
    }
    let named = |start: &str| Some(words.strip_prefix(start)?.split('`').next()?.to_owned());
    if let Some(field) = named("unknown field `") {
        if path == "." || path.is_empty() {
            path = field;
        }
        let message = format!("labd does not know the parameter {path}.");
        return Fault::invalid(path, message).code("unknown_parameter");
    }
    if let Some(field) = named("missing field `") {
        let place = if path == "." {
            field
        } else {
            format!("{path}.{field}")
        };
        let message = format!("The parameter {place} is missing.");
        return Fault::invalid(place, message).code("missing_required_parameter");
    }
    if path == "." {
        path.clear();
    }
    let message = format!("The parameter {path} is wrong: {words}.");
    Fault::invalid(path, message)
}

/// A value that labd does not take, whatever it is; `null` is none.
pub(crate) type Refused = Option<IgnoredAny>;

/// Refuses the first parameter that is there.
pub(crate) fn refuse(parameters: &[(&str, bool, &str)]) -> Result<(), Fault> {
    match parameters.iter().find(|(_, there, _)| *there) {
        Some((param, _, advice)) => {
            let message = format!("labd does not do {param}. {advice}");
            Err(Fault::unsupported(*param, message.trim_end()))
        }
        None => Ok(()),
    }
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// How much to reason.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EffortIn {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl From<EffortIn> for Effort {
    fn from(effort: EffortIn) -> Self {
        match effort {
            EffortIn::None => Self::Off,
            EffortIn::Minimal => Self::Minimal,
            EffortIn::Low => Self::Low,
            EffortIn::Medium => Self::Medium,
            EffortIn::High => Self::High,
            EffortIn::Xhigh | EffortIn::Max => Self::Highest,
        }
    }
}

/// How long a prompt is to be cached.
#[derive(Clone, Copy, Deserialize)]
pub(crate) enum RetentionIn {
    #[serde(rename = "in_memory", alias = "in-memory")]
    InMemory,
    #[serde(rename = "24h")]
    Day,
}

/// Who has a key for its prompts sends beginnings again; without one nothing is said of caches.
pub(crate) fn cache(
    request: &Request,
    key: Option<String>,
    retention: Option<RetentionIn>,
) -> Option<CacheHints> {
    if key.is_none() && retention.is_none() {
        return None;
    }
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Some(CacheHints {
        tools: !request.tools.is_empty(),
        system: count(request.system.len()),
        messages: count(request.messages.len()),
        retention: match retention {
            Some(RetentionIn::Day) => Retention::Long,
            _ => Retention::Short,
        },
        key,
    })
}

/// A pseudonym of what a client calls its user, which may be a name or an address: the same for the
/// same caller and user, and nothing that could be read back.
pub(crate) fn pseudonym(caller: &str, user: &str) -> String {
    let digest = Sha256::new()
        .chain_update(caller)
        .chain_update([0])
        .chain_update(user)
        .finalize();
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// Looks after numbers that providers would refuse in their own words.
pub(crate) fn within(param: &str, value: Option<f64>, most: f64) -> Result<Option<f64>, Fault> {
    match value {
        Some(value) if !(0.0..=most).contains(&value) => Err(Fault::invalid(
            param,
            format!("{param} is a number from 0 to {most}."),
        )),
        value => Ok(value),
    }
}

/// The most tokens to answer with.
pub(crate) fn tokens(param: &str, value: Option<u32>) -> Result<Option<u32>, Fault> {
    match value {
        Some(0) => Err(Fault::invalid(param, format!("{param} is at least 1."))),
        value => Ok(value),
    }
}

/// A JSON object as it was written.
pub(crate) fn object(param: &str, value: &RawValue) -> Result<String, Fault> {
    if value.get().starts_with('{') {
        Ok(value.get().to_owned())
    } else {
        Err(Fault::invalid(param, format!("{param} is a JSON object.")))
    }
}

/// How an answer is to be written, however an API spells it.
pub(crate) struct Format<'a> {
    pub kind: &'a str,
    pub schema: Option<&'a RawValue>,
    pub strict: Option<bool>,
}

/// Asks for an answer in this format, which stands at `param`, with its schema behind that at `schema`.
pub(crate) fn answer_format(
    request: &mut Request,
    param: &str,
    schema: &str,
    format: &Format<'_>,
) -> Result<(), Fault> {
    match format.kind {
        "text" => Ok(()),
        "json_object" => {
            request.system.push(ANY_JSON.into());
            Ok(())
        }
        "json_schema" => {
            let param = format!("{param}.{schema}");
            match format.schema {
                Some(schema) => answer_by(request, &param, schema, format.strict),
                None => Err(Fault::invalid(param, "The schema is missing.")),
            }
        }
        other => {
            let message = format!("labd does not know the format {other}.");
            Err(Fault::unsupported(format!("{param}.type"), message))
        }
    }
}

/// Asks for an answer by a schema. Providers keep schemas to the letter and refuse those that they
/// cannot: without `strict` such a schema is an instruction.
fn answer_by(
    request: &mut Request,
    param: &str,
    schema: &RawValue,
    strict: Option<bool>,
) -> Result<(), Fault> {
    let schema = object(param, schema)?;
    if strict == Some(true) || schema::can_be_enforced(&schema) {
        request.output_schema = Some(schema);
    } else {
        request.system.push(format!("{BY_SCHEMA}\n{schema}"));
    }
    Ok(())
}

/// The arguments of a call, as a client repeats them.
pub(crate) fn arguments(param: impl FnOnce() -> String, text: String) -> Result<String, Fault> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok("{}".into());
    }
    if trimmed.starts_with('{') && serde_json::from_str::<IgnoredAny>(trimmed).is_ok() {
        return Ok(text);
    }
    let param = param();
    let message = format!("{param} is the text of a JSON object.");
    Err(Fault::invalid(param, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        list: Vec<Inner>,
        number: Option<u32>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        name: String,
    }

    fn told(body: &str) -> (Option<String>, Option<String>, String) {
        let Err(fault) = parse::<Outer>(body.as_bytes()) else {
            panic!("{body} is right")
        };
        let code = fault.detail.code.map(|code| code.into_owned());
        (fault.detail.param, code, fault.detail.message)
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let some = |text: &str| Some(text.to_owned());
        let (param, code, _) = told(r#"{"list": [], "lost": 1}"#);
        assert_eq!((param, code), (some("lost"), some("unknown_parameter")));
        let (param, code, _) = told("{}");
        assert_eq!(
            (param, code),
            (some("list"), some("missing_required_parameter"))
        );
        let (param, code, _) = told(r#"{"list": [{"name": "a"}, {}]}"#);
        let missing = some("missing_required_parameter");
        assert_eq!((param, code), (some("list[1].name"), missing));
        let (param, _, message) = told(r#"{"list": [{"name": 5}]}"#);
        assert_eq!(param, some("list[0].name"));
        assert!(message.contains("integer, expected a string"), "{message}");
        for broken in ["", "{", "{]", r#"{"list": []} x"#] {
            let (param, _, message) = told(broken);
            assert_eq!(param, None, "{broken}");
            assert!(message.contains("JSON"), "{message}");
        }
    }

    #[test]
    fn a_schema_binds_where_it_can_and_is_an_instruction_where_it_cannot() {
        let closed =
            r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;
        let open = r#"{ "type": "object" }"#;
        for (schema, strict, binds) in [
            (closed, None, true),
            (closed, Some(false), true),
            (closed, Some(true), true),
            (open, None, false),
            (open, Some(false), false),
            (open, Some(true), true),
        ] {
            let mut request = Request::default();
            let raw: &RawValue = serde_json::from_str(schema).unwrap();
            answer_by(&mut request, "schema", raw, strict).unwrap();
            if binds {
                assert_eq!(request.output_schema.as_deref(), Some(schema));
                assert!(request.system.is_empty(), "{schema} {strict:?}");
            } else {
                assert_eq!(request.output_schema, None, "{schema} {strict:?}");
                assert_eq!(request.system, [format!("{BY_SCHEMA}\n{schema}")]);
            }
        }
    }

    #[test]
    fn a_user_becomes_a_pseudonym_of_this_caller() {
        let one = pseudonym("token:1", "ada@example.org");
        assert_eq!(one, pseudonym("token:1", "ada@example.org"));
        assert_ne!(one, pseudonym("token:2", "ada@example.org"));
        assert_eq!(one.len(), 32);
        assert!(!one.contains("ada"));
    }
}
