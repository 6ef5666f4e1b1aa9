//! SQLite's errors as those of the contract.

use super::control::Control;
use crate::{Denial, Fault, PluginError};
use rusqlite::{Error, ErrorCode, ffi};
use std::path::Path;

/// What is needed to explain an error.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) writable: bool,
    pub(super) control: &'a Control,
    /// The statement, to find the position of a fault in it.
    pub(super) sql: &'a str,
}

impl Context<'_> {
    /// Maps an error of rusqlite.
    pub(super) fn map(&self, error: Error) -> PluginError {
        match error {
            Error::SqlInputError {
                error,
                msg,
                sql,
                offset,
            } => {
                let position = self.position(&sql, offset);
                self.fault(error, msg, position)
            }
            Error::SqliteFailure(error, message) => {
                let message = message.unwrap_or_else(|| error.to_string());
                self.fault(error, message, None)
            }
            Error::MultipleStatement => PluginError::InvalidRequest(Fault {
                hint: Some("send them one after another".to_owned()),
                ..Fault::new("the text holds more than one statement")
            }),
            Error::NulError(_) => {
                PluginError::InvalidRequest(Fault::new("the statement contains a NUL character"))
            }
            other => PluginError::InvalidRequest(Fault::new(other.to_string())),
        }
    }

    /// The position in characters from 1. SQLite gives the byte offset in the text that it
    /// compiled, which may be the tail of the whole.
    fn position(&self, compiled: &str, offset: i32) -> Option<u32> {
        let before = self.sql.strip_suffix(compiled)?.len();
        let upto = before.checked_add(usize::try_from(offset).ok()?)?;
        let characters = self.sql.get(..upto)?.chars().count();
        u32::try_from(characters).ok()?.checked_add(1)
    }

    fn fault(&self, error: ffi::Error, message: String, position: Option<u32>) -> PluginError {
        let fault = |hint: Option<&str>| Fault {
            message: message.clone(),
            code: Some(code_name(error.extended_code)),
            position,
            hint: hint.map(str::to_owned),
        };
        match error.code {
            ErrorCode::OperationInterrupted => {
                self.control.stop_reason().unwrap_or(PluginError::Cancelled)
            }
            // A wait for a lock ends early when the call must.
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                self.control.stop_reason().unwrap_or_else(|| {
                    PluginError::Unavailable(Fault {
                        message: "another process holds a lock on the database".to_owned(),
                        ..fault(Some("try again when its transaction has ended"))
                    })
                })
            }
            ErrorCode::ReadOnly => self.read_only(error.extended_code),
            ErrorCode::AuthorizationForStatementDenied => self.refused(),
            ErrorCode::ConstraintViolation => PluginError::Conflict(fault(None)),
            ErrorCode::NotADatabase => PluginError::Unavailable(Fault {
                message: format!("{} is not a SQLite database", self.path.display()),
                ..fault(Some("check the path; an encrypted database cannot be read"))
            }),
            ErrorCode::DatabaseCorrupt => {
                PluginError::Unavailable(fault(Some("the file is damaged; restore a backup")))
            }
            ErrorCode::CannotOpen => PluginError::Unavailable(Fault {
                message: format!("{} cannot be opened: {message}", self.path.display()),
                ..fault(Some(
                    "the daemon's user needs to read the file, and for a write-ahead log to write \
                     in its directory",
                ))
            }),
            ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport => PluginError::Unavailable(fault(None)),
            ErrorCode::TooBig => PluginError::InvalidRequest(fault(Some(
                "a value or row may have 64 MiB, a statement 1 MiB",
            ))),
            _ => PluginError::InvalidRequest(fault(None)),
        }
    }

    fn read_only(&self, extended: i32) -> PluginError {
        // Recovery after a crash needs to write, whatever the statement does.
        if matches!(
            extended,
            ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY
        ) {
            return PluginError::Unavailable(Fault {
                message: "the database was left in the middle of a transaction".to_owned(),
                code: Some(code_name(extended)),
                position: None,
                hint: Some("open it once with the program that writes it".to_owned()),
            });
        }
        let path = self.path.display();
        self.denied(if self.writable {
            format!("this call may only read {path}")
        } else {
            format!("writing to {path} is not granted; the data source is opened for reading only")
        })
    }

    fn refused(&self) -> PluginError {
        let what = self
            .control
            .take_refused()
            .unwrap_or_else(|| "this statement".to_owned());
        self.denied(format!(
            "{what} is never allowed on a data source; use other SQL"
        ))
    }

    pub(super) fn denied(&self, message: String) -> PluginError {
        PluginError::Denied(Denial {
            capability: "sqlite".to_owned(),
            target: self.path.display().to_string(),
            message,
        })
    }
}

/// The name that SQLite's documentation gives to a result code.
fn code_name(extended: i32) -> String {
    let extended_name = match extended {
        ffi::SQLITE_CONSTRAINT_CHECK => Some("SQLITE_CONSTRAINT_CHECK"),
        ffi::SQLITE_CONSTRAINT_DATATYPE => Some("SQLITE_CONSTRAINT_DATATYPE"),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some("SQLITE_CONSTRAINT_FOREIGNKEY"),
        ffi::SQLITE_CONSTRAINT_NOTNULL => Some("SQLITE_CONSTRAINT_NOTNULL"),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => Some("SQLITE_CONSTRAINT_PRIMARYKEY"),
        ffi::SQLITE_CONSTRAINT_ROWID => Some("SQLITE_CONSTRAINT_ROWID"),
        ffi::SQLITE_CONSTRAINT_TRIGGER => Some("SQLITE_CONSTRAINT_TRIGGER"),
        ffi::SQLITE_CONSTRAINT_UNIQUE => Some("SQLITE_CONSTRAINT_UNIQUE"),
        ffi::SQLITE_BUSY_SNAPSHOT => Some("SQLITE_BUSY_SNAPSHOT"),
        ffi::SQLITE_READONLY_ROLLBACK => Some("SQLITE_READONLY_ROLLBACK"),
        ffi::SQLITE_READONLY_RECOVERY => Some("SQLITE_READONLY_RECOVERY"),
        _ => None,
    };
    let primary_name = match extended & 0xff {
        ffi::SQLITE_ERROR => Some("SQLITE_ERROR"),
        ffi::SQLITE_PERM => Some("SQLITE_PERM"),
        ffi::SQLITE_BUSY => Some("SQLITE_BUSY"),
        ffi::SQLITE_LOCKED => Some("SQLITE_LOCKED"),
        ffi::SQLITE_NOMEM => Some("SQLITE_NOMEM"),
        ffi::SQLITE_IOERR => Some("SQLITE_IOERR"),
        ffi::SQLITE_CORRUPT => Some("SQLITE_CORRUPT"),
        ffi::SQLITE_FULL => Some("SQLITE_FULL"),
        ffi::SQLITE_CANTOPEN => Some("SQLITE_CANTOPEN"),
        ffi::SQLITE_PROTOCOL => Some("SQLITE_PROTOCOL"),
        ffi::SQLITE_SCHEMA => Some("SQLITE_SCHEMA"),
        ffi::SQLITE_TOOBIG => Some("SQLITE_TOOBIG"),
        ffi::SQLITE_CONSTRAINT => Some("SQLITE_CONSTRAINT"),
        ffi::SQLITE_MISMATCH => Some("SQLITE_MISMATCH"),
        ffi::SQLITE_MISUSE => Some("SQLITE_MISUSE"),
        ffi::SQLITE_RANGE => Some("SQLITE_RANGE"),
        ffi::SQLITE_NOTADB => Some("SQLITE_NOTADB"),
        _ => None,
    };
    extended_name
        .or(primary_name)
        .map_or_else(|| format!("SQLITE_{extended}"), str::to_owned)
}
