//! One reply for a load: rendered once for each way of asking.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, value::RawValue};

use crate::{
    provider::{Asked, Wire},
    reply::{Rendered, Reply},
};

/// Fields that are longer are not read: a prompt of megabytes costs no more than its bytes.
const LONGEST: usize = 16 << 10;

/// Ways of asking that are kept.
const WAYS: usize = 1_000;

pub struct Always {
    reply: Reply,
    rendered: Mutex<HashMap<String, (Rendered, Duration)>>,
}

impl Always {
    pub fn new(reply: Reply) -> Self {
        let rendered = Mutex::default();
        Self { reply, rendered }
    }

    /// The response, as it was the last time for such a request.
    pub fn render(&self, wire: &dyn Wire, asked: &Asked) -> (Rendered, Duration) {
        // What an answer depends on. Embeddings depend on their texts too.
        let short = asked.body.as_object().into_iter().flatten();
        let of = short.filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "messages" | "contents" | "tools" | "instructions" | "system"
            )
        });
        let way = of.fold(
            format!("{:?}{}?{}", asked.provider, asked.path, asked.query),
            |way, (name, value)| format!("{way}\n{name}:{value}"),
        );
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rendered.get(&way) {
            return known.clone();
        }
        let new = self.reply.clone().render(wire, asked);
        if rendered.len() < WAYS {
            rendered.insert(way, new.clone());
        }
        new
    }
}

/// The short fields of a body.
pub fn outline(body: &[u8]) -> Value {
    let Ok(fields) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(body) else {
        return Value::Null;
    };
    let short = fields
        .into_iter()
        .filter(|(_, raw)| raw.get().len() <= LONGEST);
    short
        .filter_map(|(name, raw)| Some((name, serde_json::from_str::<Value>(raw.get()).ok()?)))
        .collect()
}
