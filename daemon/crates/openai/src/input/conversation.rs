//! A conversation as the contract wants it: system parts apart, then messages that begin with the
//! user and alternate.

use crate::errors::Fault;
use labd_plugin_host::kinds::ai::{Message, Part, Role};

/// Gathers what a client sends, message for message.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) system: Vec<String>,
    messages: Vec<Message>,
}

impl Conversation {
    /// Adds parts to the conversation, to its last message when that is of the same role.
    pub(crate) fn add(&mut self, role: Role, parts: impl IntoIterator<Item = Part>) {
        let mut parts = parts.into_iter().peekable();
        if parts.peek().is_none() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.messages.push(Message {
                role,
                parts: parts.collect(),
            }),
        }
    }

    /// System parts and messages. `param` is where they came from.
    pub(crate) fn finish(self, param: &str) -> Result<(Vec<String>, Vec<Message>), Fault> {
        match self.messages.first() {
            Some(Message {
                role: Role::User, ..
            }) => Ok((self.system, self.messages)),
            Some(_) => Err(Fault::invalid(
                param,
                "The conversation begins with the assistant; it must begin with the user.",
            )),
            None => Err(Fault::invalid(
                param,
                "There is nothing from the user; add a message that is not empty.",
            )),
        }
    }
}
