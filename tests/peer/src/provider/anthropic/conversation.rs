//! What Messages asks of the messages among themselves.

use std::collections::HashSet;

use serde_json::Value;

use super::super::Broken;
use crate::shape::{is_base64, is_name, items, text};

/// The rules of the conversation.
pub fn check(body: &Value) -> Result<(), Broken> {
    let messages = items(body, "messages");
    if messages
        .first()
        .is_some_and(|first| text(first, "role") != "user")
    {
        return Err(Broken::new(
            "messages: first message must use the \"user\" role",
        ));
    }
    let system = items(body, "system").iter();
    if let Some(index) = system
        .clone()
        .position(|block| text(block, "text").is_empty())
    {
        return Err(Broken::new(format!(
            "system.{index}.text: text content blocks must be non-empty"
        )));
    }
    for (index, message) in messages.iter().enumerate() {
        let last = index + 1 == messages.len();
        one(index, message, last)?;
    }
    calls(messages)?;
    end(body, messages)
}

fn one(index: usize, message: &Value, last: bool) -> Result<(), Broken> {
    let (role, content) = (text(message, "role"), message.get("content"));
    let empty = match content {
        Some(Value::String(words)) => words.is_empty(),
        Some(Value::Array(blocks)) => blocks.is_empty(),
        _ => false,
    };
    if empty && !(last && role == "assistant") {
        return Err(Broken::new(format!(
            "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
        )));
    }
    for (place, block) in items(message, "content").iter().enumerate() {
        let at = format!("messages.{index}.content.{place}");
        let kind = text(block, "type");
        match (role, kind) {
            ("user", "tool_use" | "thinking" | "redacted_thinking") => {
                return Err(Broken::new(format!(
                    "messages.{index}: `{kind}` blocks can only be in `assistant` messages"
                )));
            }
            ("assistant", "tool_result") => {
                return Err(Broken::new(format!(
                    "messages.{index}: `tool_result` blocks can only be in `user` messages"
                )));
            }
            ("assistant", "image" | "document") => {
                return Err(Broken::new(format!(
                    "messages.{index}: `{kind}` blocks can only be in `user` messages"
                )));
            }
            (_, "text") => words(text(block, "text"))?,
            (_, "thinking") if !is_base64(text(block, "signature")) => {
                return Err(Broken::new(format!(
                    "{at}: Invalid `signature` in `thinking` block"
                )));
            }
            (_, "redacted_thinking") if !is_base64(text(block, "data")) => {
                return Err(Broken::new(format!(
                    "{at}: Invalid `data` in `redacted_thinking` block"
                )));
            }
            (_, "image" | "document") => source(&at, kind, block)?,
            _ => {}
        }
    }
    Ok(())
}

fn words(words: &str) -> Result<(), Broken> {
    if words.is_empty() {
        return Err(Broken::new(
            "messages: text content blocks must be non-empty",
        ));
    }
    if words.trim().is_empty() {
        return Err(Broken::new(
            "messages: text content blocks must contain non-whitespace text",
        ));
    }
    Ok(())
}

fn source(at: &str, kind: &str, block: &Value) -> Result<(), Broken> {
    let data = block.pointer("/source/data").and_then(Value::as_str);
    let encoded = block.pointer("/source/type").and_then(Value::as_str) == Some("base64");
    match data {
        Some(data) if encoded && !is_base64(data) => Err(Broken::new(format!(
            "{at}.{kind}.source.base64.data: Invalid base64 data"
        ))),
        _ => Ok(()),
    }
}

fn ids<'a>(message: Option<&'a Value>, kind: &str, name: &str) -> Vec<&'a str> {
    let blocks = message.map_or(&[][..], |message| items(message, "content"));
    let of_kind = blocks.iter().filter(|block| text(block, "type") == kind);
    of_kind.map(|block| text(block, name)).collect()
}

/// Each call is answered in the message after it, and each result answers a call of the message
/// before it. Results stand before anything else of their message.
fn calls(messages: &[Value]) -> Result<(), Broken> {
    let mut known = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| messages.get(before));
        let asked = ids(before, "tool_use", "id");
        let results = ids(Some(message), "tool_result", "tool_use_id");
        if let Some(place) = results.iter().position(|id| !asked.contains(id)) {
            let id = results.get(place).copied().unwrap_or_default();
            return Err(Broken::new(format!(
                "messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        let mut answered = HashSet::new();
        if !results.iter().all(|id| answered.insert(*id)) {
            return Err(Broken::new(format!(
                "messages.{index}.content: each tool_use must have a single result. Found multiple `tool_result` blocks with the same id"
            )));
        }
        let unanswered: Vec<_> = asked
            .into_iter()
            .filter(|id| !answered.contains(id))
            .collect();
        let blocks = items(message, "content");
        let other_first = blocks
            .iter()
            .take(results.len())
            .any(|block| text(block, "type") != "tool_result");
        if !unanswered.is_empty() || (!results.is_empty() && other_first) {
            let ids = if unanswered.is_empty() {
                results
            } else {
                unanswered
            };
            return Err(Broken::new(format!(
                "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
                index.saturating_sub(1),
                ids.join(", ")
            )));
        }
        for id in ids(Some(message), "tool_use", "id") {
            if !is_name(id, usize::MAX) {
                return Err(Broken::new(format!(
                    "messages.{index}.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                )));
            }
            if !known.insert(id) {
                return Err(Broken::new(format!(
                    "messages.{index}.content.0: `tool_use` ids must be unique"
                )));
            }
        }
    }
    Ok(())
}

/// A last message of the model's is to be gone on with: old models do.
fn end(body: &Value, messages: &[Value]) -> Result<(), Broken> {
    let Some(last) = messages
        .last()
        .filter(|last| text(last, "role") == "assistant")
    else {
        return Ok(());
    };
    let blocks = items(last, "content");
    if let Some(call) = blocks
        .iter()
        .find(|block| text(block, "type") == "tool_use")
    {
        return Err(Broken::new(format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
            messages.len() - 1,
            text(call, "id")
        )));
    }
    let model = text(body, "model");
    let old = ["claude-3", "-4-0", "-4-1", "-4-5", "-4-2025"];
    if model.starts_with("claude") && !old.iter().any(|part| model.contains(part)) {
        return Err(Broken::new(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    let thinks = body.get("thinking").map_or("", |one| text(one, "type")) == "enabled";
    let first = blocks.first().map_or("", |block| text(block, "type"));
    if thinks && !matches!(first, "thinking" | "redacted_thinking") {
        return Err(Broken::new(format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
            messages.len() - 1
        )));
    }
    let words = match last.get("content") {
        Some(Value::String(words)) => words.as_str(),
        _ => blocks.last().map_or("", |block| text(block, "text")),
    };
    if words.ends_with(char::is_whitespace) {
        return Err(Broken::new(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}
