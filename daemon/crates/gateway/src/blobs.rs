//! Opaque parts of answers belong to the provider and model that made them.
//!
//! Clients keep them with the conversation and give them back in a later request, which may go
//! elsewhere by then. So each leaves with a mark of where it came from, and only what comes back with
//! the mark of the target reaches it, without the mark.

use labd_plugin_host::kinds::ai::{Event, Part, Request};
use sha2::{Digest as _, Sha256};

const MARK: usize = 8;

/// Marks what comes from one target, and knows it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin([u8; MARK]);

impl Origin {
    /// A plugin's model.
    pub fn new(plugin: &str, model: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(plugin)
            .chain_update([0])
            .chain_update(model)
            .finalize();
        let mut mark = [0; MARK];
        mark.iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self(mark)
    }

    /// Marks what an answer holds.
    pub fn mark(self, events: &mut [Event]) {
        for event in events {
            if let Event::Blob(blob) = event {
                blob.splice(..0, self.0);
            }
        }
    }

    /// Takes the marks from what a request holds of this target, and leaves out all else.
    pub fn unmark(self, request: &mut Request) {
        for message in &mut request.messages {
            message.parts.retain_mut(|part| match part {
                Part::Blob(blob) if blob.starts_with(&self.0) => {
                    blob.drain(..MARK);
                    true
                }
                Part::Blob(_) => false,
                _ => true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin_host::kinds::ai::{Message, Role};

    #[test]
    fn a_blob_goes_back_to_where_it_came_from_and_nowhere_else() {
        let (here, there) = (Origin::new("p", "m"), Origin::new("p", "n"));
        let mut events = [Event::Blob(b"signed".to_vec())];
        here.mark(&mut events);
        let [Event::Blob(marked)] = events else {
            panic!("it is a blob")
        };
        let request = Request {
            messages: vec![Message {
                role: Role::Assistant,
                parts: vec![
                    Part::Text("x".into()),
                    Part::Blob(marked),
                    Part::Blob(b"forged".to_vec()),
                ],
            }],
            ..Request::default()
        };
        let parts = |origin: Origin| {
            let mut request = request.clone();
            origin.unmark(&mut request);
            request.messages.remove(0).parts
        };
        let text = Part::Text("x".into());
        assert_eq!(parts(here), [text.clone(), Part::Blob(b"signed".to_vec())]);
        assert_eq!(parts(there), [text]);
    }
}
