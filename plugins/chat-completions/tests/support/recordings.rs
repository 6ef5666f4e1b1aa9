//! Recorded answers of real servers, for the tests of the plugins that share this crate: each stream
//! is replayed in every split, and each file must be in the test's table with what comes of it.

use labd_plugin::ai::{AiProvider, EmbedRequest, Event};
use labd_plugin::testing::ai::{drain, joined, request};
use labd_plugin::testing::recorded::{self, Framing};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, Result};

/// A recorded body that is an error, with the status that it comes with.
fn status_of(body: &str) -> Option<u16> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    let error = value.get("error")?.as_object()?;
    let code = error.get("code").and_then(serde_json::Value::as_str);
    Some(if code == Some("insufficient_quota") {
        429
    } else {
        400
    })
}

/// The events of an answer to a response with this body.
pub fn answer<P: AiProvider<FakeHost>>(
    config: P::Config,
    status: u16,
    kind: &str,
    pieces: Vec<Vec<u8>>,
) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    let pieces = pieces.into_iter().map(Piece::Bytes);
    host.respond_with(status, &[("content-type", kind)], pieces);
    match P::new(host).complete(config, request("asked", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// What comes of one recording, in one line.
fn line<P: AiProvider<FakeHost>>(
    name: &str,
    body: &[u8],
    framing: Framing,
    config: &dyn Fn() -> P::Config,
) -> Result<String> {
    let text = String::from_utf8_lossy(body);
    let whole = |status| {
        let json = "application/json";
        let (events, error) = answer::<P>(config(), status, json, vec![body.to_vec()]);
        recorded::summary(&events, error.as_ref())
    };
    if name.contains("/embedding/") {
        return embedded::<P>(body, config());
    }
    if let Some(status) = status_of(&text) {
        return Ok(format!("{status}: {}", whole(status)));
    }
    // Whole answers are never asked for, and understood all the same.
    if text.trim_start().starts_with('{') && !name.ends_with(".chunks.txt") {
        return Ok(format!("at once: {}", whole(200)));
    }
    let streams = match name.ends_with(".chunks.txt") {
        true => answers(&text)
            .iter()
            .map(|lines| recorded::framed(lines, framing))
            .collect(),
        false => vec![body.to_vec()],
    };
    let mut told = Vec::new();
    for stream in streams {
        let (events, error) = recorded::replay(&stream, |pieces| {
            answer::<P>(config(), 200, "text/event-stream", pieces)
        })?;
        told.push(recorded::summary(&events, error.as_ref()));
    }
    Ok(told.join(" | "))
}

/// The answers of a recording, which may hold several, of one conversation.
fn answers(lines: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines.lines() {
        let payload: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let begins = payload.get("type").and_then(serde_json::Value::as_str);
        match all.last_mut() {
            Some(last) if begins != Some("response.created") => {
                last.push('\n');
                last.push_str(line);
            }
            _ => all.push(line.to_owned()),
        }
    }
    all
}

fn embedded<P: AiProvider<FakeHost>>(body: &[u8], config: P::Config) -> Result<String> {
    let host = FakeHost::new();
    host.respond(200, [body]);
    let asked = EmbedRequest {
        model: "asked".into(),
        texts: vec!["a".into(), "b".into()],
        dimensions: None,
        purpose: None,
        user: None,
    };
    let given = P::new(host).embed(config, asked)?;
    let lengths: Vec<usize> = given.vectors.iter().map(Vec::len).collect();
    Ok(format!(
        "{} {lengths:?} {:?}",
        given.model, given.usage.input
    ))
}

/// Where the table and what came of the recordings of these folders differ; empty when nowhere, and
/// when there are no recordings, which is said on standard error.
pub fn differences<P: AiProvider<FakeHost>>(
    folders: &[&str],
    framing: Framing,
    table: &[(&str, &str)],
    config: &dyn Fn() -> P::Config,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in folders {
        let Some(path) = recorded::folder(folder) else {
            return Ok(Vec::new());
        };
        for (name, body) in recorded::files(&path)? {
            let name = format!("{folder}/{name}");
            let line = line::<P>(&name, &body, framing, config)?;
            found.push((name, line));
        }
    }
    Ok(recorded::differences(table.iter().copied(), &found))
}
