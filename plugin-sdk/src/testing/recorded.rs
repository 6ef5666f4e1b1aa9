//! Recorded answers of real servers: read from the folder that `LABD_FIXTURES` names, framed as
//! their servers frame them, replayed in every split, and summed up in one line each, so that a test
//! can say what must come of them without a copy of them.

use super::ai::joined;
use crate::ai::{Event, FinishReason, Usage};
use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A folder of the recordings of AI providers: `vercel-ai/anthropic`; none, and a word on standard
/// error, when `LABD_FIXTURES` is unset.
pub fn folder(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("LABD_FIXTURES") else {
        eprintln!("LABD_FIXTURES is unset: the recorded answers of {name} are not replayed");
        return None;
    };
    Some(Path::new(&root).join("ai").join(name))
}

/// The files of a folder and of those in it, by their path from it.
///
/// # Errors
/// `internal` when the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let failed = |path: &Path, error: std::io::Error| {
        Error::internal(format!("{}: {error}", path.display()))
    };
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| failed(&next, error))?;
        for entry in entries {
            let path = entry.map_err(|error| failed(&next, error))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = std::fs::read(&path).map_err(|error| failed(&path, error))?;
            let name = path.strip_prefix(folder).unwrap_or(&path);
            all.push((name.to_string_lossy().into_owned(), content));
        }
    }
    all.sort();
    Ok(all)
}

/// How a server frames the payloads of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `event:` with the payload's `type`, then `data:`; LF. Anthropic, OpenAI Responses.
    Named,
    /// `data:`, LF, and `[DONE]` at the end. OpenAI Chat, Mistral.
    Done,
    /// `data:`, CRLF, and nothing at the end. Gemini.
    Bare,
}

/// The stream of payloads that were recorded one a line.
pub fn framed(lines: &str, framing: Framing) -> Vec<u8> {
    let mut stream = String::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let kind = || {
            let payload: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let kind = payload.get("type").and_then(serde_json::Value::as_str);
            kind.unwrap_or("message").to_owned()
        };
        // Writing to a string cannot fail.
        let _ = match framing {
            Framing::Named => write!(stream, "event: {}\ndata: {line}\n\n", kind()),
            Framing::Done => write!(stream, "data: {line}\n\n"),
            Framing::Bare => write!(stream, "data: {line}\r\n\r\n"),
        };
    }
    if framing == Framing::Done {
        stream.push_str("data: [DONE]\n\n");
    }
    stream.into_bytes()
}

/// The most bytes of a stream that is cut in two at every place: what that costs grows with the
/// square.
const IN_TWO: usize = 6 * 1024;

/// Bytes between the cuts of a stream that is longer; prime, so that they fall on all sorts of
/// places.
const COMB: usize = 61;

/// Plays a stream to `answer` whole and byte by byte, and so that every place between two bytes was
/// cut at: in two pieces there and nowhere else, or, when the stream is longer than 6 KiB, in pieces
/// of 61 bytes from each of 61 beginnings. Gives what came of the whole.
///
/// # Errors
/// `internal` with the place, when another cut gave something else.
pub fn replay<T: PartialEq + std::fmt::Debug>(
    stream: &[u8],
    mut answer: impl FnMut(Vec<Vec<u8>>) -> T,
) -> Result<T> {
    let whole = answer(vec![stream.to_vec()]);
    let mut same = |pieces: Vec<Vec<u8>>, how: &dyn Fn() -> String| {
        let other = answer(pieces);
        if other == whole {
            return Ok(());
        }
        let how = how();
        Err(Error::internal(format!(
            "{how} gives {other:?} and the whole gives {whole:?}"
        )))
    };
    let singly = stream.chunks(1).map(<[u8]>::to_vec).collect();
    same(singly, &|| "byte by byte".to_owned())?;
    if stream.len() <= IN_TWO {
        for at in 1..stream.len() {
            let (head, tail) = stream.split_at(at);
            let pieces = vec![head.to_vec(), tail.to_vec()];
            same(pieces, &|| format!("a cut at {at}"))?;
        }
    } else {
        for first in 0..COMB {
            let (head, rest) = stream.split_at(first);
            let rest = rest.chunks(COMB);
            let pieces = std::iter::once(head).chain(rest).map(<[u8]>::to_vec);
            let how = || format!("cuts at {first} and every {COMB} bytes after");
            same(pieces.collect(), &how)?;
        }
    }
    Ok(whole)
}

/// An answer in one line:
/// `model text=9:0a1b2c3d reasoning=… tools=[name:…] blobs=1 usage=10,4,0,7,2 finish=stop`.
///
/// Texts are told by their length in characters and the beginning of their SHA-256, arguments of
/// tools by that of their JSON with sorted keys and without blanks, usage as input, cached input,
/// cache writes, output and reasoning with `-` for none. What there is none of is left out.
pub fn summary(events: &[Event], error: Option<&Error>) -> String {
    let mut told = Told::default();
    for event in joined(events) {
        told.hear(event);
    }
    told.line(error)
}

#[derive(Default)]
struct Told {
    model: Option<String>,
    text: String,
    reasoning: String,
    tools: Vec<Tool>,
    blobs: usize,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    odd: BTreeSet<&'static str>,
}

struct Tool {
    id: String,
    name: String,
    arguments: String,
    open: bool,
}

impl Told {
    fn hear(&mut self, event: Event) {
        if self.model.is_none() && !matches!(event, Event::Started(_)) {
            self.odd.insert("begins-without-start");
        }
        match event {
            Event::Started(started) => {
                if self.model.replace(started.model).is_some() {
                    self.odd.insert("starts-twice");
                }
            }
            Event::Text(text) => self.text.push_str(&text),
            Event::Reasoning(text) => self.reasoning.push_str(&text),
            Event::ToolStarted(started) => {
                if self.tools.iter().any(|tool| tool.id == started.id) {
                    self.odd.insert("same-id-twice");
                }
                self.tools.push(Tool {
                    id: started.id,
                    name: started.name,
                    arguments: String::new(),
                    open: true,
                });
            }
            Event::ToolFragment(piece) => {
                let mut open = self.tools.iter_mut().filter(|tool| tool.open);
                match open.find(|tool| tool.id == piece.id) {
                    Some(tool) => tool.arguments.push_str(&piece.fragment),
                    None => drop(self.odd.insert("fragment-of-nothing")),
                }
            }
            Event::ToolFinished(id) => {
                let mut open = self.tools.iter_mut().filter(|tool| tool.open);
                match open.find(|tool| tool.id == id) {
                    Some(tool) => tool.open = false,
                    None => drop(self.odd.insert("finish-of-nothing")),
                }
            }
            Event::Blob(_) => self.blobs += 1,
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(reason) => {
                if self.finish.replace(reason).is_some() {
                    self.odd.insert("finishes-twice");
                }
            }
        }
    }

    fn line(&self, error: Option<&Error>) -> String {
        let mut line = self.model.clone().unwrap_or_else(|| "-".into());
        // Writing to a string cannot fail.
        for (name, text) in [("text", &self.text), ("reasoning", &self.reasoning)] {
            if !text.is_empty() {
                let _ = write!(line, " {name}={}:{}", text.chars().count(), digest(text));
            }
        }
        if !self.tools.is_empty() {
            let tools: Vec<String> = self.tools.iter().map(Tool::told).collect();
            let _ = write!(line, " tools=[{}]", tools.join(" "));
        }
        if self.blobs > 0 {
            let _ = write!(line, " blobs={}", self.blobs);
        }
        if let Some(usage) = &self.usage {
            let counts = [
                usage.input,
                usage.cached_input,
                usage.cache_writes,
                usage.output,
                usage.reasoning,
            ]
            .map(|count| count.map_or_else(|| "-".into(), |count| count.to_string()));
            let _ = write!(line, " usage={}", counts.join(","));
        }
        if let Some(reason) = self.finish {
            let _ = write!(line, " finish={}", word(reason));
        }
        for odd in &self.odd {
            let _ = write!(line, " {odd}");
        }
        if let Some(error) = error {
            let _ = write!(line, " error={}", kind(error));
        }
        line
    }
}

impl Tool {
    fn told(&self) -> String {
        let object = serde_json::from_str::<serde_json::Value>(&self.arguments);
        let arguments = match object {
            _ if self.open => "unfinished".to_owned(),
            Ok(object) if object.is_object() => digest(&object.to_string()),
            _ => format!("no-object:{}", digest(&self.arguments)),
        };
        format!("{}:{arguments}", self.name)
    }
}

/// The first eight hexadecimal digits of a text's SHA-256.
fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text);
    bytes
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolUse => "tool-use",
        FinishReason::ContentFilter => "content-filter",
        FinishReason::Refusal => "refusal",
        FinishReason::Pause => "pause",
        FinishReason::Other => "other",
    }
}

/// The contract's name of an error, and its wait where it has one: `rate-limited:34400`.
fn kind(error: &Error) -> String {
    match error {
        Error::Denied(_) => "denied".into(),
        Error::InvalidRequest(_) => "invalid-request".into(),
        Error::Unauthenticated(_) => "unauthenticated".into(),
        Error::RateLimited(None) => "rate-limited".into(),
        Error::RateLimited(Some(wait)) => format!("rate-limited:{wait}"),
        Error::Overloaded => "overloaded".into(),
        Error::Unavailable(_) => "unavailable".into(),
        Error::NotFound(_) => "not-found".into(),
        Error::Conflict(_) => "conflict".into(),
        Error::Timeout => "timeout".into(),
        Error::Cancelled => "cancelled".into(),
        Error::Internal(_) => "internal".into(),
    }
}

/// Where a table of what must come of each recording and what came of them differ, in lines of the
/// table; files without an entry and entries without a file too. Empty when all is as it should be.
pub fn differences<'a>(
    table: impl IntoIterator<Item = (&'a str, &'a str)>,
    found: &[(String, String)],
) -> Vec<String> {
    let mut lines = Vec::new();
    let table: Vec<_> = table.into_iter().collect();
    for (name, line) in found {
        match table.iter().find(|(known, _)| known == name) {
            Some((_, wanted)) if wanted == line => {}
            Some((_, wanted)) => lines.push(format!("(\"{name}\", \"{line}\"), not {wanted}")),
            None => lines.push(format!("(\"{name}\", \"{line}\"), which has no entry")),
        }
    }
    for (name, _) in &table {
        if !found.iter().any(|(file, _)| file == name) {
            lines.push(format!("\"{name}\" has an entry and no file"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::{Started, ToolFragment, ToolStarted};

    #[test]
    fn payloads_are_framed_as_their_servers_do() {
        let lines = "{\"type\":\"ping\"}\n\n{\"a\":1}\n";
        let text = |framing| String::from_utf8(framed(lines, framing)).unwrap();
        assert_eq!(
            text(Framing::Named),
            "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: message\ndata: {\"a\":1}\n\n"
        );
        assert!(text(Framing::Done).ends_with("data: {\"a\":1}\n\ndata: [DONE]\n\n"));
        assert!(text(Framing::Bare).ends_with("data: {\"a\":1}\r\n\r\n"));
    }

    #[test]
    fn every_place_is_cut_at_and_a_difference_is_told() {
        for length in [40, IN_TWO + 200] {
            let stream = vec![7; length];
            let mut cut = vec![false; length];
            let whole = replay(&stream, |pieces| {
                let mut at = 0;
                if pieces.len() < length {
                    for piece in &pieces {
                        at += piece.len();
                        if let Some(place) = cut.get_mut(at) {
                            *place = true;
                        }
                    }
                }
                pieces.concat()
            });
            assert_eq!(whole, Ok(stream));
            assert!(cut.iter().skip(1).all(|cut| *cut), "{length}");
        }
        let error = replay(b"abc", |pieces| pieces.len()).unwrap_err();
        assert!(error.message().contains("byte by byte"));
    }

    #[test]
    fn a_summary_tells_what_differs_and_what_is_out_of_order() {
        let tool = |id: &str| {
            Event::ToolStarted(ToolStarted {
                id: id.into(),
                name: "read".into(),
            })
        };
        let piece = |fragment: &str| {
            Event::ToolFragment(ToolFragment {
                id: "1".into(),
                fragment: fragment.into(),
            })
        };
        let events = [
            Event::Started(Started {
                model: "m".into(),
                id: "1".into(),
            }),
            Event::Text("ä".into()),
            Event::Text("b".into()),
            tool("1"),
            piece("{\"b\": 1, "),
            piece("\"a\": 2}"),
            Event::ToolFinished("1".into()),
            Event::Finish(FinishReason::Stop),
        ];
        let line = summary(&events, None);
        assert_eq!(
            line,
            format!(
                "m text=2:{} tools=[read:{}] finish=stop",
                digest("äb"),
                digest("{\"a\":2,\"b\":1}")
            )
        );
        let broken = [tool("1"), piece("{"), tool("1")];
        let line = summary(&broken, Some(&Error::RateLimited(Some(7))));
        assert_eq!(
            line,
            "- tools=[read:unfinished read:unfinished] begins-without-start same-id-twice \
             error=rate-limited:7"
        );
    }

    #[test]
    fn a_table_must_name_every_file_and_nothing_else() {
        let found = [("a".to_owned(), "1".to_owned()), ("b".into(), "2".into())];
        assert!(differences([("a", "1"), ("b", "2")], &found).is_empty());
        assert_eq!(differences([("a", "2"), ("c", "1")], &found).len(), 3);
    }
}
