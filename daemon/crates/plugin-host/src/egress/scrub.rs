//! Takes credentials out of what comes back: a service that is asked with a wrong key may well
//! repeat it.
//!
//! Searched for are the secret as it is, as it stands in JSON, and as it stands in a URL. In bodies
//! only secrets of [`SHORTEST_IN_BODIES`] bytes or more are: a shorter one (`none`, `ollama`, what
//! people enter where no key is needed) is a word that an answer may well use.

use bytes::Bytes;
use memchr::{memchr, memchr2, memchr3};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What stands in the place of an echoed credential.
const SCRUBBED: &str = "[scrubbed]";

/// Secrets shorter than this (bytes) stay in bodies.
const SHORTEST_IN_BODIES: usize = 12;

/// The ways in which a secret may be written, none of them empty.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.get(1..in_json.len() - 1).unwrap_or_default();
    let mut forms = vec![
        Zeroizing::new(secret.to_owned()),
        Zeroizing::new(in_json.to_owned()),
        // Many escape the slash as well.
        Zeroizing::new(in_json.replace('/', "\\/")),
        Zeroizing::new(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
    ];
    forms.retain(|form| !form.is_empty());
    forms.sort_by(|one, other| one.as_str().cmp(other));
    forms.dedup_by(|one, other| one.as_str() == other.as_str());
    forms
}

/// What is looked for.
#[derive(Default)]
pub(super) struct Secrets {
    /// In each way in which they may be written.
    all: Vec<Zeroizing<String>>,
    /// Those that are looked for in bodies.
    in_bodies: Vec<Zeroizing<String>>,
    /// The bytes with which these begin.
    first: Vec<u8>,
}

impl Secrets {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut all, mut in_bodies) = (Vec::new(), Vec::new());
        for secret in secrets {
            let forms = forms(secret);
            if secret.len() >= SHORTEST_IN_BODIES {
                in_bodies.extend(forms.iter().cloned());
            }
            all.extend(forms);
        }
        let mut first: Vec<u8> = in_bodies
            .iter()
            .filter_map(|secret| secret.as_bytes().first().copied())
            .collect();
        first.sort_unstable();
        first.dedup();
        Self {
            all,
            in_bodies,
            first,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes them out of a header's value.
    pub(super) fn scrub(&self, value: &mut String) {
        for secret in &self.all {
            if value.contains(secret.as_str()) {
                *value = value.replace(secret.as_str(), SCRUBBED);
            }
        }
    }

    /// How many bytes come before one with which a secret begins.
    fn plain(&self, text: &[u8]) -> usize {
        let found = match *self.first {
            [one] => memchr(one, text),
            [one, two] => memchr2(one, two, text),
            [one, two, three] => memchr3(one, two, three, text),
            _ => text.iter().position(|byte| self.first.contains(byte)),
        };
        found.unwrap_or(text.len())
    }

    fn beginning(&self, rest: &[u8]) -> Beginning {
        let mut found = Beginning::None;
        for secret in &self.in_bodies {
            let secret = secret.as_bytes();
            if rest.starts_with(secret) {
                return Beginning::Whole(secret.len());
            }
            if secret.starts_with(rest) {
                found = Beginning::Perhaps;
            }
        }
        found
    }
}

/// Takes secrets out of a body while it arrives, wherever it was split.
pub(super) struct Scrubber {
    secrets: Arc<Secrets>,
    /// The end of what has arrived, as far as it may be the beginning of a secret.
    held: Vec<u8>,
}

impl Scrubber {
    pub(super) fn new(secrets: Arc<Secrets>) -> Self {
        Self {
            secrets,
            held: Vec::new(),
        }
    }

    /// Takes the next piece and gives what is free of secrets; what may yet become one is held.
    pub(super) fn push(&mut self, piece: Bytes) -> Bytes {
        if self.secrets.in_bodies.is_empty() {
            return piece;
        }
        let piece = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(&piece);
            Bytes::from(std::mem::take(&mut self.held))
        };
        let mut clean: Option<Vec<u8>> = None;
        let mut at = 0;
        loop {
            // Up to the next byte with which one may begin.
            let rest = piece.get(at..).unwrap_or_default();
            let plain = self.secrets.plain(rest);
            if let Some(clean) = &mut clean {
                clean.extend_from_slice(rest.get(..plain).unwrap_or_default());
            }
            at += plain;
            let Some(&byte) = piece.get(at) else {
                break;
            };
            match self.secrets.beginning(piece.get(at..).unwrap_or_default()) {
                Beginning::None => {
                    if let Some(clean) = &mut clean {
                        clean.push(byte);
                    }
                    at += 1;
                }
                Beginning::Whole(length) => {
                    clean
                        .get_or_insert_with(|| piece.slice(..at).into())
                        .extend_from_slice(SCRUBBED.as_bytes());
                    at += length;
                }
                Beginning::Perhaps => {
                    self.held = piece.slice(at..).into();
                    break;
                }
            }
        }
        match clean {
            Some(clean) => clean.into(),
            None => piece.slice(..at),
        }
    }

    /// Nothing more comes: gives what was held.
    pub(super) fn end(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.held))
    }
}

enum Beginning {
    None,
    /// A secret of this length.
    Whole(usize),
    /// A secret, if it goes on like that.
    Perhaps,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-sk-a/\"kanary";

    fn scrubbed(pieces: &[&[u8]]) -> String {
        let mut scrubber = Scrubber::new(Arc::new(Secrets::new([SECRET, "none"])));
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(scrubber.push(Bytes::copy_from_slice(piece)));
        }
        all.extend(scrubber.end());
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_secret_is_found_in_every_form_and_split() {
        let text = format!(
            "a sk-{SECRET}{SECRET} none sk-sk-a sk-sk-a/\\\"kanary, sk-sk-a\\/\\\"kanary; sk-sk-a%2F%22kanary sk-sk"
        );
        let expected =
            "a sk-[scrubbed][scrubbed] none sk-sk-a [scrubbed], [scrubbed]; [scrubbed] sk-sk";
        let bytes = text.as_bytes();
        assert_eq!(scrubbed(&[bytes]), expected);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(scrubbed(&single), expected);
        for at in 0..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(scrubbed(&[head, tail]), expected, "{at}");
        }
    }

    #[test]
    fn nothing_is_held_but_what_may_be_a_secret() {
        let mut scrubber = Scrubber::new(Arc::new(Secrets::new([SECRET])));
        assert_eq!(
            scrubber.push(Bytes::from_static(b"data: {}\n\n")),
            "data: {}\n\n"
        );
        assert_eq!(scrubber.push(Bytes::from_static(b"tas")), "ta");
        assert_eq!(scrubber.push(Bytes::from_static(b"k")), "");
        assert_eq!(scrubber.push(Bytes::from_static(b" ")), "sk ");
    }
}
