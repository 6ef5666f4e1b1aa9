//! The tags of an answer: recognised one character at a time.
//!
//! A candidate begins at `<` and ends at `>`; a second `<`, a name that is none of ours, or too
//! many bytes make it text. So a character is looked at twice at most.

use crate::limits::TAG_BYTES;

/// What a tag means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// `lab-app`, `boltArtifact`, `liblabArtifact`
    App,
    /// `lab-file`
    File,
    /// `lab-edit`
    Edit,
    /// `lab-delete`
    Delete,
    /// `boltAction`, `liblabAction`: its type says what it does.
    Action,
}

/// Names in lower case; `_` counts as `-`.
const NAMES: [(&str, Name); 8] = [
    ("lab-app", Name::App),
    ("lab-file", Name::File),
    ("lab-edit", Name::Edit),
    ("lab-delete", Name::Delete),
    ("boltartifact", Name::App),
    ("liblabartifact", Name::App),
    ("boltaction", Name::Action),
    ("liblabaction", Name::Action),
];

/// A complete tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: Name,
    pub(super) closing: bool,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The first attribute with one of these names (lower case).
    pub(super) fn attribute(&self, names: &[&str]) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(name, _)| names.contains(&name.as_str()))
            .map(|(_, value)| value.as_str())
    }

    /// The path it names.
    pub(super) fn path(&self) -> Option<&str> {
        self.attribute(&["path", "filepath", "file-path", "file"])
    }
}

/// What a character does to a candidate.
#[derive(Debug)]
pub(super) enum Step {
    /// It may still become a tag.
    More,
    /// The tag is complete; the character belongs to it.
    Complete(Tag),
    /// The tag was complete before this character.
    CompleteBefore(Tag),
    /// It is text, and the character is not part of it.
    Text,
}

/// A tag in the making.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    text: String,
    /// Bytes of `text` until the name begins.
    name_at: usize,
    name: Option<Name>,
    quote: Option<char>,
}

impl Candidate {
    /// Begins with `<`.
    pub(super) fn begin() -> Self {
        Self {
            text: "<".to_owned(),
            name_at: 1,
            name: None,
            quote: None,
        }
    }

    /// What it consists of so far.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Whether the name is complete, so that an end of the answer here cuts a tag and not a text.
    pub(super) fn is_certain(&self) -> bool {
        self.name.is_some()
            || self
                .text
                .strip_prefix(['<'])
                .is_some_and(|rest| rest.trim_start_matches('/').len() >= "lab-".len())
    }

    /// Takes one character.
    pub(super) fn step(&mut self, c: char) -> Step {
        if c == '<' || self.text.len() + c.len_utf8() > TAG_BYTES {
            return Step::Text;
        }
        if self.name.is_none() {
            return self.step_name(c);
        }
        match self.quote {
            Some(quote) if c == quote => self.quote = None,
            // A quote that was never closed: the tag ended with the line.
            Some(_) if c == '\n' => {
                let closed = self.text.trim_end().ends_with('>');
                return if closed {
                    self.finish().map_or(Step::Text, Step::CompleteBefore)
                } else {
                    Step::Text
                };
            }
            Some(_) => {}
            None if c == '>' => {
                self.text.push(c);
                return self.finish().map_or(Step::Text, Step::Complete);
            }
            None if (c == '"' || c == '\'') && self.text.trim_end().ends_with('=') => {
                self.quote = Some(c);
            }
            None => {}
        }
        self.text.push(c);
        Step::More
    }

    fn step_name(&mut self, c: char) -> Step {
        if c == '/' && self.text == "<" {
            self.text.push(c);
            self.name_at = 2;
            return Step::More;
        }
        let written = self.text.get(self.name_at..).unwrap_or_default();
        if c.is_ascii_alphabetic() || c == '-' || c == '_' {
            let mut name = normal(written);
            name.push_str(&normal(c.encode_utf8(&mut [0; 4])));
            if NAMES.iter().any(|(known, _)| known.starts_with(&name)) {
                self.text.push(c);
                return Step::More;
            }
            return Step::Text;
        }
        let name = normal(written);
        let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == name) else {
            return Step::Text;
        };
        if !(c.is_whitespace() || c == '>' || c == '/') {
            return Step::Text;
        }
        self.name = Some(*name);
        self.text.push(c);
        if c == '>' {
            self.finish().map_or(Step::Text, Step::Complete)
        } else {
            Step::More
        }
    }

    fn finish(&self) -> Option<Tag> {
        let closing = self.text.starts_with("</");
        let inner = self.text.trim_end().trim_end_matches('>');
        let inner = inner.trim_end().strip_suffix('/').unwrap_or(inner);
        let from = inner.find(char::is_whitespace).unwrap_or(inner.len());
        let attributes = attributes(inner.get(from..).unwrap_or_default());
        Some(Tag {
            name: self.name?,
            closing,
            attributes,
        })
    }
}

fn normal(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c == '_' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// `name="value"`, `name='value'`, `name=value`; a value may lack its last quote.
fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((before, after)) = text.split_once('=') {
        let name = before
            .split_whitespace()
            .next_back()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let after = after.trim_start();
        let (value, rest) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = after.get(1..).unwrap_or_default();
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if !name.is_empty() {
            found.push((name, unescape(value)));
        }
        text = rest;
    }
    found
}

/// The five entities of an attribute or an escaped file.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = ENTITIES.iter().find(|(name, _)| after.starts_with(name));
        match entity {
            Some((name, c)) => {
                plain.push(*c);
                rest = after.get(name.len()..).unwrap_or_default();
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Entities without their ampersand, and what they stand for.
pub(super) const ENTITIES: [(&str, char); 6] = [
    ("lt;", '<'),
    ("gt;", '>'),
    ("amp;", '&'),
    ("quot;", '"'),
    ("#39;", '\''),
    ("apos;", '\''),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Option<Tag> {
        let mut chars = text.chars();
        assert_eq!(chars.next(), Some('<'));
        let mut candidate = Candidate::begin();
        for c in chars {
            match candidate.step(c) {
                Step::More => {}
                Step::Complete(tag) | Step::CompleteBefore(tag) => return Some(tag),
                Step::Text => return None,
            }
        }
        None
    }

    #[test]
    fn quotes_and_case_and_spaces_do_not_matter() {
        for text in [
            r#"<lab-file path="src/App.tsx">"#,
            "<lab-file path='src/App.tsx'>",
            "<lab-file path=src/App.tsx>",
            "<lab-file path=src/App.tsx />",
            "<LAB_FILE  Path = \"src/App.tsx\"\n>",
            "<lab-file path=\"src/App.tsx>\n",
            "<lab-file type=\"x\" filePath=\"src/App.tsx\">",
        ] {
            let tag = tag(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(tag.name, Name::File, "{text}");
            assert_eq!(tag.path(), Some("src/App.tsx"), "{text}");
        }
    }

    #[test]
    fn other_tags_are_text() {
        for text in [
            "<div>",
            "<label>",
            "<lab-files>",
            "<bolt>",
            "<lab-file<",
            "<li>",
            "</div>",
            "<lab-file path=\"x\ny\">",
        ] {
            assert_eq!(tag(text), None, "{text}");
        }
        assert_eq!(tag(&format!("<lab-file {}>", "x".repeat(5000))), None);
    }

    #[test]
    fn an_attribute_may_hold_entities_and_a_closing_bracket() {
        let tag = tag(r#"<lab-app title="a &gt; b > c &amp; d" id=x>"#).unwrap();
        assert_eq!(tag.attribute(&["title"]), Some("a > b > c & d"));
        assert_eq!(tag.attribute(&["id"]), Some("x"));
    }
}
