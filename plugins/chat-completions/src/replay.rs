//! Recorded answers, for tests: each is replayed split at every place, and what came out of it is
//! told in one line, so that nothing of a recording stands in a test.

use crate::ids::fnv;
use labd_plugin::Error;
use labd_plugin::ai::Event;
use labd_plugin::testing::ai::joined;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is known of a recorded file.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// A stream that gives this line; see [`summary`].
    Stream(&'static str),
    /// A body that comes with this status and is this error, as `Debug` shows its kind.
    Refusal(u16, &'static str),
    /// It is not asked for, because of this.
    Never(&'static str),
}

/// How the events of a file without framing are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `data:` lines and a closing `[DONE]`.
    Done,
    /// `event:` and `data:` lines, and nothing at the end.
    Named,
}

/// The folder with the recordings; none when there is none, which is said.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LABD_FIXTURES").map(|folder| Path::new(&folder).join("ai"));
    if folder.is_none() {
        eprintln!("LABD_FIXTURES is unset: the recorded answers are not replayed");
    }
    folder
}

/// Every file below some folders of the recordings, by its path from there.
///
/// # Errors
/// When a folder cannot be read, which is also one that is not there.
pub fn files(root: &Path, folders: &[&str]) -> std::io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path);
            let name = name.to_string_lossy().into_owned();
            found.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}

/// A recording as its server would send it: one of payloads is framed, another has its framing.
pub fn framed(name: &str, recorded: &str, framing: Framing) -> String {
    if !name.ends_with(".chunks.txt") {
        return recorded.to_owned();
    }
    let mut stream = String::new();
    for line in recorded.lines().filter(|line| !line.trim().is_empty()) {
        if framing == Framing::Named {
            let payload: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let kind = payload.get("type").and_then(serde_json::Value::as_str);
            let _ = writeln!(stream, "event: {}", kind.unwrap_or("message"));
        }
        let _ = write!(stream, "data: {line}\n\n");
    }
    if framing == Framing::Done {
        stream.push_str("data: [DONE]\n\n");
    }
    stream
}

/// The places to split a stream at. All of them up to `all` bytes; in a longer one, every 61st, all
/// within a character of several bytes, and all around the end of a line.
pub fn splits(stream: &str, all: usize) -> Vec<usize> {
    let bytes = stream.as_bytes();
    let is_near_end = |at: usize| {
        let around = bytes.get(at.saturating_sub(2)..(at + 2).min(bytes.len()));
        around.unwrap_or_default().contains(&b'\n')
    };
    (0..=bytes.len())
        .filter(|at| {
            bytes.len() <= all || at % 61 == 0 || !stream.is_char_boundary(*at) || is_near_end(*at)
        })
        .collect()
}

/// An answer in one line: the model that started, length and digest of text and reasoning, the calls
/// with the digest of their arguments, the number of blobs, tokens (input, cached, output,
/// reasoning), and how it ended.
pub fn summary(events: &[Event], error: Option<&Error>) -> String {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let mut line = String::new();
    let (mut blobs, mut tokens, mut finish) = (0, String::new(), String::new());
    for event in joined(events) {
        match event {
            Event::Started(started) => {
                let _ = write!(line, "{}", started.model);
            }
            Event::Text(more) => text.push_str(&more),
            Event::Reasoning(more) => reasoning.push_str(&more),
            Event::ToolStarted(tool) => calls.push((tool.id, tool.name, String::new())),
            Event::ToolFragment(piece) => {
                if let Some(call) = calls.iter_mut().find(|call| call.0 == piece.id) {
                    call.2.push_str(&piece.fragment);
                }
            }
            Event::ToolFinished(_) => {}
            Event::Blob(_) => blobs += 1,
            Event::Usage(usage) => {
                let count = |count: Option<u32>| count.map_or("?".into(), |n| n.to_string());
                tokens = format!(
                    " tokens {}/{}/{}/{}",
                    count(usage.input),
                    count(usage.cached_input),
                    count(usage.output),
                    count(usage.reasoning)
                );
            }
            Event::Finish(reason) => finish = format!(" {reason:?}"),
        }
    }
    for (name, text) in [("text", text), ("reasoning", reasoning)] {
        if !text.is_empty() {
            let _ = write!(line, " {name} {}", digest(&text));
        }
    }
    for (_, name, arguments) in calls {
        let _ = write!(line, " {name}({})", digest(&arguments));
    }
    if blobs > 0 {
        let _ = write!(line, " blobs {blobs}");
    }
    line.push_str(&tokens);
    line.push_str(&finish);
    if let Some(error) = error {
        let _ = write!(line, " {}", kind(error));
    }
    line.trim_start().to_owned()
}

/// The name of an error's kind, and its code where it has one.
pub fn kind(error: &Error) -> String {
    let shown = format!("{error:?}");
    let name = shown
        .split(['(', ' '])
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.fault().and_then(|fault| fault.code.clone()) {
        Some(code) => format!("{name}:{code}"),
        None => name,
    }
}

/// Length in characters and a short digest.
fn digest(text: &str) -> String {
    let hash = fnv(text.as_bytes()) >> 32;
    format!("{}:{hash:08x}", text.chars().count())
}
