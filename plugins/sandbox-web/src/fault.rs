//! Diagnostics, made short.

use crate::text::Place;
use labd_plugin::sandbox::{Diagnostic, Severity};

/// An error of the app: it cannot run like this.
#[must_use]
pub fn error(code: &str, message: impl Into<String>) -> Diagnostic {
    diagnostic(Severity::Error, code, message.into())
}

/// Something that its author should know; the app runs.
#[must_use]
pub fn warning(code: &str, message: impl Into<String>) -> Diagnostic {
    diagnostic(Severity::Warning, code, message.into())
}

fn diagnostic(severity: Severity, code: &str, message: String) -> Diagnostic {
    Diagnostic {
        severity,
        code: code.to_owned(),
        message,
        path: None,
        line: None,
        column: None,
        hint: None,
    }
}

/// Adds where and what would help.
pub trait Detail {
    /// In this file.
    #[must_use]
    fn in_file(self, path: &str) -> Self;
    /// At this place.
    #[must_use]
    fn at(self, place: Place) -> Self;
    /// What would help, when something is known to.
    #[must_use]
    fn hint(self, hint: Option<String>) -> Self;
}

impl Detail for Diagnostic {
    fn in_file(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn at(mut self, place: Place) -> Self {
        self.line = Some(place.line);
        self.column = Some(place.column);
        self
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// Whether one of them keeps the app from running.
#[must_use]
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error)
}

/// The order in which people read them: by file and place, errors first at the same place; no
/// fault twice.
pub fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    let key = |one: &Diagnostic| {
        (
            one.path.clone(),
            one.line,
            one.column,
            one.severity == Severity::Warning,
            one.code.clone(),
            one.message.clone(),
        )
    };
    diagnostics.sort_by_key(key);
    diagnostics.dedup_by_key(|one| key(one));
}
