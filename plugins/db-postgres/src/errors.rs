//! What the server reports, as the contract's errors.
//!
//! | SQLSTATE | error |
//! | --- | --- |
//! | 28P01, 28000 | `unauthenticated` |
//! | 3D000 (database) | `not-found` |
//! | 57014 | `timeout` or `cancelled`, see [`ServerError::stopped`] |
//! | 53300 and class 53 but full disks | `overloaded` |
//! | 08, 57P, 53100, 58, XX | `unavailable` |
//! | 23 (constraints), 40 (serialisation, deadlock), 55 (locks, state) | `conflict` |
//! | all else: syntax, names, data, privileges, read-only | `invalid-request` |

use crate::wire::Reader;
use labd_plugin::{Error, Fault};

/// An `ErrorResponse`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// SQLSTATE.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: String,
    /// What to do.
    pub hint: String,
    /// In characters from 1.
    pub position: Option<u32>,
}

impl ServerError {
    /// Reads the fields; unknown ones are skipped.
    pub fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        let mut reader = Reader(body);
        while let Some(&[field]) = reader.bytes(1) {
            if field == 0 {
                break;
            }
            let Some(value) = reader.text() else { break };
            match field {
                b'C' => error.code = value,
                b'M' => error.message = value,
                b'D' => error.detail = value,
                b'H' => error.hint = value,
                b'P' => error.position = value.parse().ok(),
                _ => {}
            }
        }
        if error.message.is_empty() {
            error.message = "the server reported an error without a message".into();
        }
        error
    }

    /// The statement was stopped: by its limit of time, or because somebody asked.
    pub fn stopped(&self, by_timeout: bool) -> Option<Error> {
        (self.code == "57014").then_some(if by_timeout {
            Error::Timeout
        } else {
            Error::Cancelled
        })
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        let message = if error.detail.is_empty() {
            error.message
        } else {
            format!("{} ({})", error.message, error.detail)
        };
        let mut fault = Fault::new(message).code(error.code.as_str());
        fault.position = error.position;
        fault.hint = Some(error.hint).filter(|hint| !hint.is_empty());
        let class = error.code.get(..2).unwrap_or_default();
        match (error.code.as_str(), class) {
            ("28P01" | "28000", _) => Self::Unauthenticated(fault),
            ("3D000", _) => Self::NotFound(fault),
            // What stopped it is known better by who asked: see `stopped`.
            ("57014", _) => Self::Cancelled,
            ("53100", _) | (_, "08" | "57" | "58" | "XX") => Self::Unavailable(fault),
            (_, "53") => Self::Overloaded,
            (_, "23" | "40" | "55") => Self::Conflict(fault),
            _ => Self::InvalidRequest(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_hostile_bytes_do_no_harm() {
        let body = b"SERROR\0C42P01\0Mrelation \"x\" does not exist\0P15\0Hlook\0Zunknown\0\0";
        let error = ServerError::parse(body);
        assert_eq!(error.code, "42P01");
        assert_eq!(error.position, Some(15));
        for end in 0..body.len() {
            ServerError::parse(&body[..end]);
        }
        assert!(!ServerError::parse(&[0xFF; 9]).message.is_empty());
    }

    #[test]
    fn codes_map_to_the_contract() {
        let of = |code: &str| {
            Error::from(ServerError {
                code: code.into(),
                message: "m".into(),
                ..ServerError::default()
            })
        };
        assert!(matches!(of("28P01"), Error::Unauthenticated(_)));
        assert!(matches!(of("3D000"), Error::NotFound(_)));
        assert!(matches!(of("23505"), Error::Conflict(_)));
        assert!(matches!(of("40P01"), Error::Conflict(_)));
        assert!(matches!(of("53300"), Error::Overloaded));
        assert!(matches!(of("57P03"), Error::Unavailable(_)));
        assert!(matches!(of("42501"), Error::InvalidRequest(_)));
        assert!(matches!(of("25006"), Error::InvalidRequest(_)));
        assert_eq!(
            of("42601")
                .fault()
                .and_then(|fault| fault.code.clone())
                .as_deref(),
            Some("42601")
        );
    }
}
