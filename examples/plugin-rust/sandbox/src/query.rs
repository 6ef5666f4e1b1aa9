//! Named queries: `queries/<name>.sql`, with comments before the statement.
//!
//! ```sql
//! -- Orders of a day.
//! -- @param day date
//! SELECT * FROM orders WHERE placed_on = :day
//! ```

use labd_plugin::sandbox::{Effect, QueryContract, QueryParameter};

/// The query of a file, if the file is one.
pub fn read(path: &str, content: &[u8]) -> Option<QueryContract> {
    let name = path.strip_prefix("queries/")?.strip_suffix(".sql")?;
    let text = String::from_utf8_lossy(content);
    let mut description = Vec::new();
    let mut parameters = Vec::new();
    let mut line_offset = 0;
    let mut statement = text.as_ref();
    while let Some(comment) = statement.trim_start().strip_prefix("--") {
        let (comment, rest) = comment.split_once('\n').unwrap_or((comment, ""));
        match comment.trim().strip_prefix("@param ") {
            Some(declared) => parameters.extend(parameter(declared)),
            None => description.push(comment.trim()),
        }
        statement = rest;
        line_offset += 1;
    }
    Some(QueryContract {
        name: name.into(),
        path: path.into(),
        text: statement.into(),
        // The host looks for itself.
        effect: Effect::Read,
        parameters,
        description: description.join(" "),
        cache: None,
        line_offset,
    })
}

/// `name type`, with `?` behind the type when it may be left out.
fn parameter(declared: &str) -> Option<QueryParameter> {
    let (name, kind) = declared.trim().split_once(' ')?;
    let kind = kind.trim();
    Some(QueryParameter {
        name: name.into(),
        param_type: kind.trim_end_matches('?').into(),
        required: !kind.ends_with('?'),
    })
}
