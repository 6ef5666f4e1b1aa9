//! What a statement may do, decided while SQLite compiles it.
//!
//! | action | rule |
//! | --- | --- |
//! | `ATTACH`, `DETACH`, `VACUUM`, `VACUUM INTO` | refused: they open other files |
//! | `load_extension`, `fts3_tokenizer` | refused: they run foreign code |
//! | pragmas about tables, indexes, keys, functions and modules | allowed with a value |
//! | pragmas that tell a setting | allowed without a value |
//! | `database_list` and every other pragma | refused: they change the connection or tell paths |
//! | what this version of rusqlite does not know | refused |
//! | all else | allowed; whether it may write is decided by how the file was opened and by `query_only` |
//!
//! Table-valued forms (`SELECT * FROM pragma_table_info('t')`) go through the same rules.

use super::control::Control;
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};
use std::sync::Arc;

/// Pragmas whose value only names what to tell about.
const ABOUT_THE_SCHEMA: &[&str] = &[
    "collation_list",
    "compile_options",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that tell a setting when they have no value, and change it when they have one.
const SETTINGS: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "data_version",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "journal_mode",
    "page_count",
    "page_size",
    "query_only",
    "schema_version",
    "user_version",
];

/// Functions that reach beyond the database.
const FORBIDDEN_FUNCTIONS: &[&str] = &["fts3_tokenizer", "load_extension"];

/// Installs the rules on a connection. The host's own statements pass while `control` says so.
pub(super) fn install(connection: &mut Connection, control: Arc<Control>) -> rusqlite::Result<()> {
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if control.is_host() {
            return Authorization::Allow;
        }
        match refusal(&context.action) {
            None => Authorization::Allow,
            Some(what) => {
                control.refuse(what);
                Authorization::Deny
            }
        }
    }))
}

/// What is refused about an action, for the message; none when it is allowed.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    match action {
        AuthAction::Attach { .. } => Some("opening another file (ATTACH, VACUUM)".to_owned()),
        AuthAction::Detach { .. } => Some("DETACH".to_owned()),
        AuthAction::Function { function_name } if is_one_of(function_name, FORBIDDEN_FUNCTIONS) => {
            Some(format!("the function {function_name}"))
        }
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            let allowed = is_one_of(pragma_name, ABOUT_THE_SCHEMA)
                || pragma_value.is_none() && is_one_of(pragma_name, SETTINGS);
            match (allowed, pragma_value) {
                (true, _) => None,
                (false, Some(_)) => Some(format!("PRAGMA {pragma_name} with a value")),
                (false, None) => Some(format!("PRAGMA {pragma_name}")),
            }
        }
        AuthAction::Unknown { code, .. } => Some(format!("the action {code}")),
        _ => None,
    }
}

fn is_one_of(name: &str, list: &[&str]) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(name))
}
