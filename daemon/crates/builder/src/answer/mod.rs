//! The answer of a model: prose, and an app's files in tags.
//!
//! ```text
//! Some words.
//! <lab-app title="Revenue">
//! <lab-file path="src/App.tsx">
//! whole content
//! </lab-file>
//! <lab-edit path="src/pages/Home.tsx">
//! <<<<<<< SEARCH
//! lines that are there now
//! =======
//! lines to stand there
//! >>>>>>> REPLACE
//! </lab-edit>
//! <lab-delete path="src/old.tsx"/>
//! </lab-app>
//! ```
//!
//! What else is understood:
//!
//! | form | meaning |
//! | --- | --- |
//! | `boltArtifact`, `liblabArtifact` with `boltAction type="file" filePath="…"` | a file |
//! | the same with `type="shell"` or any other type | reported as ignored, never run |
//! | tags in another case, with `'` or no quotes, without `lab-app` around them | the same |
//! | a file without its closing tag, at the next tag at the start of a line | complete |
//! | a file without its closing tag, at the end of the answer | not closed |
//! | a whole file in a fence; a fence around the tags | the fence is dropped |
//! | a whole file with `&lt;` for each `<` | the brackets are taken back |
//!
//! Time is linear in the answer's length, and the pieces of an answer, joined, are the same however
//! its text was split on the way.

mod blocks;
mod body;
mod prose;
mod tag;

pub use blocks::EditBlock;
pub(crate) use blocks::parse as edit_blocks;

use crate::{
    limits::{ANSWER_BYTES, FILE_BYTES},
    path::{ProjectPath, shorten},
};
use body::Body;
use labd_protocol::FileAction;
use prose::Prose;
use tag::{Candidate, Name, Step, Tag};

/// A piece of an answer, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Prose, to be appended to the prose before.
    Text(String),
    /// The app's title.
    Title(String),
    /// A file begins.
    Started {
        /// Its path.
        path: ProjectPath,
        /// What is done with it.
        action: FileAction,
    },
    /// Content of the file that was begun last.
    FileText {
        /// Its path.
        path: ProjectPath,
        /// To be appended to what came before.
        text: String,
    },
    /// The file is complete.
    Finished {
        /// Its path.
        path: ProjectPath,
        /// What to do, or what is wrong with it, in words for the model and the person.
        change: Result<Change, String>,
        /// Its end was there: the closing tag, or another tag. Otherwise the answer ended in it.
        closed: bool,
    },
    /// A file that cannot be one of the project's; its content is dropped.
    Refused {
        /// The path, as the answer has it, shortened.
        path: String,
        /// What was to be done with it.
        action: FileAction,
        /// Why it is refused.
        fault: String,
    },
    /// Something that labd does not do: a command.
    Ignored {
        /// `shell`, `start`, …
        kind: String,
        /// Its beginning.
        text: String,
    },
    /// The answer is longer than [`ANSWER_BYTES`]; the rest is dropped.
    TooLong,
}

/// What an answer does to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes it whole.
    Write(String),
    /// Replaces parts of it.
    Edit(Vec<EditBlock>),
    /// Removes it.
    Delete,
}

#[derive(Debug)]
enum Place {
    Prose,
    File {
        path: ProjectPath,
        action: FileAction,
        body: Body,
    },
    /// The content of a refused file, or of a command that is ignored.
    Dropped {
        kind: Option<String>,
        body: Body,
    },
}

/// Takes an answer apart while it arrives.
#[derive(Debug)]
pub struct Parser {
    place: Place,
    candidate: Option<Candidate>,
    prose: Prose,
    bytes: usize,
    too_long: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// At the beginning of an answer.
    pub fn new() -> Self {
        Self {
            place: Place::Prose,
            candidate: None,
            prose: Prose::default(),
            bytes: 0,
            too_long: false,
        }
    }

    /// Takes the next text of the answer and gives what it completes.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        if self.too_long {
            return out;
        }
        let mut text = text;
        if self.bytes + text.len() > ANSWER_BYTES {
            let room = text.floor_char_boundary(ANSWER_BYTES - self.bytes);
            text = text.get(..room).unwrap_or_default();
            self.too_long = true;
        }
        self.bytes += text.len();
        self.take(text, &mut out);
        self.show(&mut out);
        if self.too_long {
            out.push(Piece::TooLong);
        }
        out
    }

    /// The end of the answer.
    pub fn finish(mut self) -> Vec<Piece> {
        let mut out = Vec::new();
        if let Some(candidate) = self.candidate.take() {
            // A tag that is cut off is no text for anyone.
            if !candidate.is_certain() {
                self.text(&candidate.into_text());
            }
        }
        self.close(false, &mut out);
        self.prose.finish();
        self.show(&mut out);
        out
    }

    fn take(&mut self, text: &str, out: &mut Vec<Piece>) {
        let mut rest = Some(text);
        while let Some(text) = rest {
            rest = if let Some(candidate) = self.candidate.take() {
                self.decide(candidate, text, out)
            } else if let Some((before, after)) = text.split_once('<') {
                self.text(before);
                self.candidate = Some(Candidate::begin());
                Some(after)
            } else {
                self.text(text);
                None
            };
        }
    }

    /// Feeds a candidate until it is decided, and gives the text after it; keeps it when the text
    /// ends before.
    fn decide<'a>(
        &mut self,
        mut candidate: Candidate,
        text: &'a str,
        out: &mut Vec<Piece>,
    ) -> Option<&'a str> {
        let mut chars = text.chars();
        loop {
            let before = chars.as_str();
            let Some(c) = chars.next() else {
                self.candidate = Some(candidate);
                return None;
            };
            match candidate.step(c) {
                Step::More => {}
                Step::Complete(tag) => {
                    self.tag(&tag, candidate, out);
                    return Some(chars.as_str());
                }
                Step::CompleteBefore(tag) => {
                    self.tag(&tag, candidate, out);
                    return Some(before);
                }
                Step::Text => {
                    self.text(&candidate.into_text());
                    return Some(before);
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.place {
            Place::Prose => self.prose.push(text),
            Place::File { body, .. } | Place::Dropped { body, .. } => body.push(text),
        }
    }

    /// Gives what can be shown.
    fn show(&mut self, out: &mut Vec<Piece>) {
        if let Place::File { path, body, .. } = &mut self.place
            && let Some(text) = body.fresh()
        {
            out.push(Piece::FileText {
                path: path.clone(),
                text,
            });
        }
        if let Some(text) = self.prose.fresh() {
            out.push(Piece::Text(text));
        }
    }

    fn tag(&mut self, tag: &Tag, candidate: Candidate, out: &mut Vec<Piece>) {
        if tag.closing {
            self.close(true, out);
            self.prose.tag();
            return;
        }
        // Inside a file, only a tag that names a file at the start of a line can be meant.
        if let Place::File { body, .. } | Place::Dropped { body, .. } = &self.place
            && (tag.name == Name::App || tag.path().is_none() || !body.at_line_start())
        {
            self.text(&candidate.into_text());
            return;
        }
        self.close(true, out);
        self.prose.tag();
        self.show(out);
        match tag.name {
            Name::App => {
                if let Some(title) = tag.attribute(&["title"]).map(str::trim)
                    && !title.is_empty()
                {
                    out.push(Piece::Title(title.chars().take(200).collect()));
                }
            }
            Name::File => self.begin(tag, FileAction::Write, out),
            Name::Edit => self.begin(tag, FileAction::Edit, out),
            Name::Delete => self.begin(tag, FileAction::Delete, out),
            Name::Action => match tag.attribute(&["type"]) {
                None | Some("file") => self.begin(tag, FileAction::Write, out),
                Some(kind) => {
                    let kind = Some(shorten(kind));
                    self.place = Place::Dropped {
                        kind,
                        body: Body::new(""),
                    };
                }
            },
        }
    }

    fn begin(&mut self, tag: &Tag, action: FileAction, out: &mut Vec<Piece>) {
        let written = tag.path().unwrap_or_default();
        let path = match ProjectPath::parse(written) {
            Ok(path) => path,
            Err(fault) => {
                let (path, fault) = (shorten(written), fault.to_string());
                out.push(Piece::Refused {
                    path,
                    action,
                    fault,
                });
                if action != FileAction::Delete {
                    self.place = Place::Dropped {
                        kind: None,
                        body: Body::new(""),
                    };
                }
                return;
            }
        };
        out.push(Piece::Started {
            path: path.clone(),
            action,
        });
        if action == FileAction::Delete {
            out.push(Piece::Finished {
                path,
                change: Ok(Change::Delete),
                closed: true,
            });
            return;
        }
        let body = Body::new(path.extension());
        self.place = Place::File { path, action, body };
    }

    /// Ends the file that is open.
    fn close(&mut self, closed: bool, out: &mut Vec<Piece>) {
        match std::mem::replace(&mut self.place, Place::Prose) {
            Place::Prose => {}
            Place::Dropped { kind: None, .. } => {}
            Place::Dropped {
                kind: Some(kind),
                mut body,
            } => {
                let text = body.finish().unwrap_or_default();
                let text = text.trim().chars().take(200).collect();
                out.push(Piece::Ignored { kind, text });
            }
            Place::File {
                path,
                action,
                mut body,
            } => {
                let content = body.finish();
                if let Some(text) = body.fresh() {
                    out.push(Piece::FileText {
                        path: path.clone(),
                        text,
                    });
                }
                let change = match content {
                    None => Err(format!("{path} is larger than {FILE_BYTES} bytes")),
                    Some(text) if action == FileAction::Edit => {
                        blocks::parse(&text).map(Change::Edit)
                    }
                    Some(text) => Ok(Change::Write(text)),
                };
                out.push(Piece::Finished {
                    path,
                    change,
                    closed,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
