//! Tool calls that arrive in pieces: several at once, with or without an index or an id, whole or a
//! few letters at a time.

use labd_plugin::ai::{Event, ToolFragment, ToolStarted};
use serde_json::Value;

/// A call that is arriving.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    /// It was told; before that its name is not known.
    started: bool,
    /// Arguments that came before the name, or none at all so far.
    held: String,
    has_arguments: bool,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// Whether any call was told.
    pub fn any(&self) -> bool {
        self.0.iter().any(|call| call.started)
    }

    /// Takes in an entry of `tool_calls`.
    pub fn piece(&mut self, part: &Value, events: &mut Vec<Event>) {
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let index = part.get("index").and_then(Value::as_u64);
        // Mistral says "null" in words where it has none yet.
        let id = Some(text(part.get("id")))
            .filter(|id| id != "null")
            .unwrap_or_default();
        let function = part.get("function");
        let name = text(function.and_then(|one| one.get("name")));
        let arguments = match function.and_then(|one| one.get("arguments")) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            // Some give the object itself.
            Some(other) => other.to_string(),
        };
        let at = self.place(index, &id, &name);
        let Some(call) = self.0.get_mut(at) else {
            return;
        };
        if !call.started {
            if call.id.is_empty() {
                call.id = id;
            }
            call.name.push_str(&name);
            call.held.push_str(&arguments);
            // Arguments come after the whole name; the id comes with the name, or never.
            if !call.name.is_empty() && (!call.id.is_empty() || !call.held.is_empty()) {
                call.begin(at, events);
            }
        } else if !arguments.is_empty() {
            call.has_arguments = true;
            events.push(Event::ToolFragment(ToolFragment {
                id: call.id.clone(),
                fragment: arguments,
            }));
        }
    }

    /// Where the call of a piece stands; a new one is added.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> usize {
        // Another id under the same index is another call: some servers number all of them 0.
        let known = self.0.iter().rposition(|call| {
            let place = index.is_none() || call.index == index;
            let same = id.is_empty() || call.id.is_empty() || call.id == id;
            place && same && (index.is_some() || !id.is_empty() || name.is_empty())
        });
        known.unwrap_or_else(|| {
            self.0.push(Call {
                index,
                id: id.to_owned(),
                name: String::new(),
                started: false,
                held: String::new(),
                has_arguments: false,
            });
            self.0.len() - 1
        })
    }

    /// Ends all calls; one without arguments has none: `{}`.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        for (at, call) in self.0.iter_mut().enumerate() {
            if !call.started {
                if call.name.is_empty() {
                    continue;
                }
                call.begin(at, events);
            }
            if !call.has_arguments {
                events.push(Event::ToolFragment(ToolFragment {
                    id: call.id.clone(),
                    fragment: "{}".into(),
                }));
            }
            events.push(Event::ToolFinished(call.id.clone()));
        }
    }
}

impl Call {
    fn begin(&mut self, at: usize, events: &mut Vec<Event>) {
        if self.id.is_empty() {
            self.id = format!("call_{at}");
        }
        self.started = true;
        events.push(Event::ToolStarted(ToolStarted {
            id: self.id.clone(),
            name: self.name.clone(),
        }));
        if !self.held.is_empty() {
            self.has_arguments = true;
            events.push(Event::ToolFragment(ToolFragment {
                id: self.id.clone(),
                fragment: std::mem::take(&mut self.held),
            }));
        }
    }
}
