//! The files that an answer leaves, while it arrives.

use crate::{
    answer::{self, Change, Piece},
    edit,
    path::{ProjectPath, shorten},
    workspace::{files::Files, repo::State},
};
use bytes::Bytes;
use labd_protocol::{FileAction, Problem, ProblemSource, Severity, TurnEvent};

/// Longest prose that is kept for later turns (characters).
const PROSE_CHARS: usize = 8_000;

/// A file whose end has not come yet.
#[derive(Debug)]
struct Open {
    path: ProjectPath,
    action: FileAction,
    text: String,
}

/// The working copy of a turn.
#[derive(Debug)]
pub(crate) struct Work {
    files: Files,
    open: Option<Open>,
    /// What the answer itself got wrong.
    problems: Vec<Problem>,
    prose: String,
}

/// What a piece of the answer leads to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) events: Vec<TurnEvent>,
    /// A complete file, to be compiled early.
    pub(crate) warm: Option<(ProjectPath, Bytes)>,
}

impl Work {
    pub(crate) fn on(base: &State) -> Self {
        Self {
            files: base.files.clone(),
            open: None,
            problems: Vec::new(),
            prose: String::new(),
        }
    }

    /// The files with everything that is complete.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// The files with what there is of the one that is not complete; none when all are.
    pub(crate) fn with_partial(&self) -> Option<Files> {
        let open = self.open.as_ref()?;
        if open.action != FileAction::Write || open.text.is_empty() {
            return None;
        }
        let mut files = self.files.clone();
        files.put(&open.path, Bytes::from(open.text.clone())).ok()?;
        Some(files)
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn prose(&self) -> &str {
        &self.prose
    }

    /// Takes a piece of the answer. `whole`: the answer came to its end, so a file without its
    /// closing tag is complete all the same.
    pub(crate) fn take(&mut self, piece: Piece, whole: bool) -> Taken {
        match piece {
            Piece::Text(text) => {
                if self.prose.len() < PROSE_CHARS {
                    self.prose.push_str(&text);
                }
                Taken::of(TurnEvent::Text { text })
            }
            Piece::Title(_) => Taken::default(),
            Piece::Started { path, action } => {
                self.open = Some(Open {
                    path: path.clone(),
                    action,
                    text: String::new(),
                });
                Taken::of(TurnEvent::FileStarted {
                    path: path.into(),
                    action,
                })
            }
            Piece::FileText { path, text } => {
                if let Some(open) = &mut self.open {
                    open.text.push_str(&text);
                }
                Taken::of(TurnEvent::FileText {
                    path: path.into(),
                    text,
                })
            }
            Piece::Finished {
                path,
                change,
                closed,
            } => self.finished(path, change, closed || whole),
            Piece::Refused {
                path,
                action,
                fault,
            } => {
                self.fault(Severity::Error, "refused-path", &fault, None);
                Taken {
                    events: vec![
                        TurnEvent::FileStarted {
                            path: path.clone(),
                            action,
                        },
                        TurnEvent::FileFinished {
                            path,
                            size: 0,
                            fault: Some(fault),
                        },
                    ],
                    warm: None,
                }
            }
            Piece::Ignored { kind, text } => {
                let message = format!(
                    "The answer asked for a command ({}: `{}`). labd never runs commands from a model.",
                    kind,
                    shorten(&text)
                );
                self.fault(Severity::Warning, "ignored-command", &message, None);
                Taken::default()
            }
            Piece::TooLong => Taken::default(),
        }
    }

    fn finished(
        &mut self,
        path: ProjectPath,
        change: Result<Change, String>,
        closed: bool,
    ) -> Taken {
        if !closed {
            // It stays open, as what there is of it.
            let fault = Some("the answer ended in the middle of this file".to_owned());
            return Taken::of(TurnEvent::FileFinished {
                path: path.into(),
                size: 0,
                fault,
            });
        }
        self.open = None;
        match change.and_then(|change| self.apply(&path, change)) {
            Ok(content) => Taken {
                events: vec![TurnEvent::FileFinished {
                    path: path.to_string(),
                    size: content.as_ref().map_or(0, |content| content.len() as u64),
                    fault: None,
                }],
                warm: content.map(|content| (path, content)),
            },
            Err(fault) => {
                self.fault(Severity::Error, "not-applied", &fault, Some(&path));
                let fault = Some(fault);
                Taken::of(TurnEvent::FileFinished {
                    path: path.into(),
                    size: 0,
                    fault,
                })
            }
        }
    }

    fn apply(&mut self, path: &ProjectPath, change: Change) -> Result<Option<Bytes>, String> {
        let content = match change {
            Change::Delete => {
                self.files.remove(path);
                return Ok(None);
            }
            Change::Write(text) => text,
            Change::Edit(blocks) => {
                let before = match self.files.get(path) {
                    Some(content) => std::str::from_utf8(content).map_err(|_| {
                        format!("{path} is not a text file, so it cannot be edited")
                    })?,
                    // Edits of a file that is not there may only make it.
                    None if blocks.iter().all(|block| block.search.trim().is_empty()) => "",
                    None => {
                        return Err(format!("there is no {path} to edit; write the whole file"));
                    }
                };
                edit::apply(before, &blocks).map_err(|fault| format!("{path}: {fault}"))?
            }
        };
        let content = Bytes::from(content);
        self.files
            .put(path, content.clone())
            .map_err(|fault| fault.to_string())?;
        Ok(Some(content))
    }

    fn fault(&mut self, severity: Severity, code: &str, message: &str, path: Option<&ProjectPath>) {
        self.problems.push(Problem {
            source: ProblemSource::Compile,
            severity,
            code: code.to_owned(),
            message: message.to_owned(),
            path: path.map(ToString::to_string),
            line: None,
            column: None,
            hint: None,
            detail: None,
        });
    }

    /// Takes an event that was journaled: what the piece behind it did, done again.
    pub(crate) fn replay(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Text { text } => {
                self.take(Piece::Text(text), false);
            }
            TurnEvent::FileStarted { path, action } => {
                if let Ok(path) = ProjectPath::parse(&path) {
                    self.take(Piece::Started { path, action }, false);
                }
            }
            TurnEvent::FileText { text, .. } => {
                if let Some(open) = &mut self.open {
                    open.text.push_str(&text);
                }
            }
            TurnEvent::FileFinished { fault: None, .. } => {
                let Some(Open { path, action, text }) = self.open.take() else {
                    return;
                };
                let change = match action {
                    FileAction::Write => Ok(Change::Write(text)),
                    FileAction::Edit => answer::edit_blocks(&text).map(Change::Edit),
                    FileAction::Delete => Ok(Change::Delete),
                };
                self.finished(path, change, true);
            }
            TurnEvent::FileFinished { fault: Some(_), .. } => self.open = None,
            _ => {}
        }
    }
}

impl Taken {
    fn of(event: TurnEvent) -> Self {
        Self {
            events: vec![event],
            warm: None,
        }
    }
}
