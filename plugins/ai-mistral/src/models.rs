//! What Mistral's list leaves to the names of its models.

use labd_chat_completions::models::only;
use labd_plugin::ai::{Capabilities, Model};

/// Words in the names of models that neither chat nor embed.
const OTHERS: [&str; 6] = [
    "-ocr",
    "moderation",
    "transcribe",
    "-tts",
    "realtime",
    "voxtral-mini-2",
];

/// The models that can be asked for something, with what is known of them.
pub fn known(list: Vec<Model>) -> Vec<Model> {
    let of_use = |model: &Model| !OTHERS.iter().any(|word| model.id.contains(word));
    list.into_iter()
        .filter(of_use)
        .map(|mut model| {
            model.capabilities = match model.capabilities {
                // The list says of these what they are not.
                None if model.id.contains("embed") => Some(Capabilities::EMBEDDINGS),
                Some(told) => Some(told | implied(&model.id, told)),
                None => None,
            };
            model
        })
        .collect()
}

fn implied(id: &str, told: Capabilities) -> Capabilities {
    only(&[
        // Always reasons, whatever the list says.
        (Capabilities::REASONING, id.contains("magistral")),
        // Documents are read as pictures of their pages.
        (
            Capabilities::FILES,
            told & Capabilities::IMAGES == Capabilities::IMAGES,
        ),
    ])
}
