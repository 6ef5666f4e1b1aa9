//! The API's list of models → labd's. What a model can, newer servers tell in the list, and older
//! ones when they are asked about it.

use labd_plugin::ai::{Capabilities, Model};
use serde::Deserialize;
use serde_json::Value;

/// The list.
#[derive(Debug, Deserialize)]
pub struct List {
    #[serde(default)]
    models: Vec<Entry>,
}

/// A model of the list.
#[derive(Debug, Deserialize)]
pub struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    details: Option<Details>,
    capabilities: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Details {
    context_length: Option<u32>,
}

/// What a server tells of a model that it is asked about.
#[derive(Debug, Deserialize)]
pub struct Shown {
    model_info: Option<Value>,
    capabilities: Option<Vec<String>>,
}

impl List {
    /// Its models, by name.
    pub fn entries(self) -> Vec<Entry> {
        let named = |one: &Entry| !one.id().is_empty();
        let mut all: Vec<Entry> = self.models.into_iter().filter(named).collect();
        all.sort_by(|one, other| one.id().cmp(other.id()));
        all
    }
}

impl Entry {
    /// As requests name it.
    pub fn id(&self) -> &str {
        match self.model.as_str() {
            "" => &self.name,
            model => model,
        }
    }

    /// The list tells what it can.
    pub fn is_told(&self) -> bool {
        self.capabilities.is_some()
    }

    /// Takes in what the server tells of it.
    pub fn learn(&mut self, shown: &Shown) {
        self.capabilities.clone_from(&shown.capabilities);
        // Under the name of its architecture: `llama.context_length`.
        let info = shown.model_info.as_ref();
        let architecture = info.and_then(|info| info.get("general.architecture")?.as_str());
        let length = architecture.and_then(|architecture| {
            let key = format!("{architecture}.context_length");
            u32::try_from(info?.get(&key)?.as_u64()?).ok()
        });
        if length.is_some() {
            self.details = Some(Details {
                context_length: length,
            });
        }
    }

    /// labd's model.
    pub fn model(self) -> Model {
        let length = self.details.as_ref().and_then(|one| one.context_length);
        Model {
            name: match self.name.as_str() {
                "" => self.model.clone(),
                name => name.to_owned(),
            },
            context_window: length.filter(|length| *length > 0),
            capabilities: self.capabilities.as_deref().and_then(capabilities),
            ..Model::new(self.id())
        }
    }
}

fn capabilities(words: &[String]) -> Option<Capabilities> {
    let has = |word: &str| words.iter().any(|known| known == word);
    if !has("completion") {
        return has("embedding").then_some(Capabilities::EMBEDDINGS);
    }
    // Answers are bound by their grammar, whatever the model.
    let flags = [
        (Capabilities::STRUCTURED_OUTPUT, true),
        (Capabilities::TOOLS, has("tools")),
        (Capabilities::IMAGES, has("vision")),
        (Capabilities::REASONING, has("thinking")),
    ];
    let known = flags.into_iter().filter(|(_, has)| *has);
    Some(known.fold(Capabilities::empty(), |all, (flag, _)| all | flag))
}
