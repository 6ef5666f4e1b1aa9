//! A conversation as the contract wants it: system parts apart, then messages that begin with the
//! user and alternate.

use crate::errors::Fault;
use labd_plugin_host::kinds::ai::{Message, Part, Role};

/// What the user says in a conversation that a client begins with the assistant.
const BEGINNING: &str = "(The conversation begins with the assistant.)";

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
    ///
    /// OpenAI's models answer conversations that the user does not begin. So here the last system
    /// part becomes the user's message where it would be the only one to answer, and the user says
    /// [`BEGINNING`] before the assistant.
    pub(crate) fn finish(mut self, param: &str) -> Result<(Vec<String>, Vec<Message>), Fault> {
        let first = match self.messages.first() {
            Some(message) if message.role == Role::User => None,
            Some(_) => Some(BEGINNING.to_owned()),
            None => Some(self.system.pop().ok_or_else(|| {
                let message = "There is nothing to answer; add a message that is not empty.";
                Fault::invalid(param, message)
            })?),
        };
        if let Some(text) = first {
            let message = Message {
                role: Role::User,
                parts: vec![Part::Text(text)],
            };
            self.messages.insert(0, message);
        }
        Ok((self.system, self.messages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn a_conversation_begins_with_the_user() {
        let mut conversation = Conversation::default();
        conversation.add(Role::Assistant, [text("Hello.")]);
        conversation.add(Role::User, [text("Hi.")]);
        let (system, messages) = conversation.finish("messages").unwrap();
        let message = |role, said: &str| Message {
            role,
            parts: vec![text(said)],
        };
        assert!(system.is_empty());
        let expected = [
            message(Role::User, BEGINNING),
            message(Role::Assistant, "Hello."),
            message(Role::User, "Hi."),
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn the_last_system_part_is_the_users_where_nobody_else_speaks() {
        let conversation = Conversation {
            system: vec!["Be brief.".into(), "Say hello.".into()],
            ..Conversation::default()
        };
        let (system, messages) = conversation.finish("messages").unwrap();
        assert_eq!(system, ["Be brief."]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].role, Role::User);
        assert_eq!(messages[0].parts, [text("Say hello.")]);
    }

    #[test]
    fn nothing_at_all_is_refused() {
        let fault = Conversation::default().finish("input").unwrap_err();
        assert_eq!(fault.detail.param.as_deref(), Some("input"));
    }
}
