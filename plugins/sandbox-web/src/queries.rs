//! Query files: `queries/<name>.sql`, which begin with their contract.
//!
//! | line | meaning |
//! | --- | --- |
//! | `-- text` | the description |
//! | `-- @param name type` | a parameter; `type?` when it may be left out |
//! | `-- @effect read` | or `write`; `read` when nothing is said |
//! | `-- @cache 30s` | how long a result may be used again: `ms`, `s`, `m`, `h` |
//!
//! The statement follows, with `:name` for each parameter.

use crate::fault::{Detail, error, warning};
use crate::text::{Lines, Place, nearest};
use labd_plugin::sandbox::{Diagnostic, Effect, QueryContract, QueryParameter};
use std::collections::BTreeSet;

const TYPES: [&str; 9] = [
    "text",
    "int",
    "float",
    "decimal",
    "bool",
    "date",
    "timestamp",
    "uuid",
    "json",
];

/// Other words for the types, as people and models write them.
const SYNONYMS: [(&str, &str); 14] = [
    ("string", "text"),
    ("varchar", "text"),
    ("integer", "int"),
    ("bigint", "int"),
    ("smallint", "int"),
    ("number", "float"),
    ("real", "float"),
    ("double", "float"),
    ("numeric", "decimal"),
    ("boolean", "bool"),
    ("timestamptz", "timestamp"),
    ("datetime", "timestamp"),
    ("jsonb", "json"),
    ("str", "text"),
];

/// The name of the query that a file holds; none when the path is no query's.
#[must_use]
pub fn name_of(path: &str) -> Option<&str> {
    path.strip_prefix("queries/")?.strip_suffix(".sql")
}

/// Reads a query file. The contract is there even when something is wrong with it, so that its
/// uses are not reported as well.
#[must_use]
pub fn parse(path: &str, source: &str) -> (QueryContract, Vec<Diagnostic>) {
    let name = name_of(path).unwrap_or(path);
    let mut reader = Reader {
        path,
        faults: Vec::new(),
        contract: QueryContract {
            name: name.to_owned(),
            path: path.to_owned(),
            text: String::new(),
            effect: Effect::Read,
            parameters: Vec::new(),
            description: String::new(),
            cache: None,
            line_offset: 0,
        },
        declared: Vec::new(),
    };
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !plain || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        reader.faults.push(
            error("query-name", format!("`{name}` is no name for a query: small letters, digits and `_`, beginning with a letter."))
                .in_file(path)
                .hint(Some(format!("queries/{}.sql", tidy_name(name)))),
        );
    }
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut offset = 0;
    let mut line_number = 0u32;
    for line in source.split_inclusive('\n') {
        let text = line.trim();
        if let Some(comment) = text.strip_prefix("--") {
            let column = u32::try_from(
                line.encode_utf16().count() - line.trim_start().encode_utf16().count(),
            )
            .unwrap_or(0)
                + 1;
            reader.header(
                comment.trim(),
                Place {
                    line: line_number + 1,
                    column,
                },
            );
        } else if !text.is_empty() {
            break;
        }
        offset += line.len();
        line_number += 1;
    }
    reader.contract.line_offset = line_number;
    let statement = source.get(offset..).unwrap_or("").trim_end();
    reader.contract.text = statement.to_owned();
    if statement.is_empty() {
        reader.faults.push(
            error(
                "empty-query",
                format!("The query `{name}` has no statement."),
            )
            .in_file(path),
        );
    }
    reader.check_parameters();
    (reader.contract, reader.faults)
}

struct Reader<'a> {
    path: &'a str,
    faults: Vec<Diagnostic>,
    contract: QueryContract,
    declared: Vec<Place>,
}

impl Reader<'_> {
    fn header(&mut self, comment: &str, place: Place) {
        let Some(directive) = comment.strip_prefix('@') else {
            if !comment.is_empty() {
                if !self.contract.description.is_empty() {
                    self.contract.description.push(' ');
                }
                self.contract.description.push_str(comment);
            }
            return;
        };
        let mut words = directive.split_whitespace();
        match words.next().unwrap_or("") {
            "param" => self.parameter(words.next(), words.next(), place),
            "effect" => match words.next() {
                Some("read") => self.contract.effect = Effect::Read,
                Some("write") => self.contract.effect = Effect::Write,
                other => self.fault(
                    "query-header",
                    format!(
                        "`@effect {}` is neither `read` nor `write`.",
                        other.unwrap_or("")
                    ),
                    place,
                    None,
                ),
            },
            "cache" => match words.next().and_then(milliseconds) {
                Some(time) => self.contract.cache = Some(time),
                None => self.fault(
                    "query-header",
                    "`@cache` takes a time such as `30s` or `5m`.".to_owned(),
                    place,
                    None,
                ),
            },
            other => {
                let meant =
                    nearest(other, ["param", "effect", "cache"]).map(|word| format!("@{word}"));
                self.faults.push(
                    warning(
                        "query-header",
                        format!("`@{other}` means nothing in a query file."),
                    )
                    .in_file(self.path)
                    .at(place)
                    .hint(meant),
                );
            }
        }
    }

    fn parameter(&mut self, name: Option<&str>, kind: Option<&str>, place: Place) {
        let (Some(name), Some(kind)) = (name, kind) else {
            return self.fault(
                "query-header",
                "`@param` takes a name and a type.".to_owned(),
                place,
                Some("@param year int".to_owned()),
            );
        };
        let name = name.trim_start_matches(':');
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, kind.ends_with('?')),
        };
        let kind = kind.trim_end_matches('?').to_ascii_lowercase();
        let (base, list) = kind
            .strip_suffix("[]")
            .map_or((kind.as_str(), ""), |base| (base, "[]"));
        let base = SYNONYMS
            .iter()
            .find(|(word, _)| *word == base)
            .map_or(base, |(_, kind)| kind);
        if !TYPES.contains(&base) {
            let meant = nearest(base, TYPES)
                .map(str::to_owned)
                .or_else(|| Some(TYPES.join(", ")));
            self.fault(
                "unknown-type",
                format!("`{kind}` is no type of a parameter."),
                place,
                meant,
            );
        }
        if self.contract.parameters.iter().any(|one| one.name == name) {
            return self.fault(
                "query-header",
                format!("The parameter `{name}` is declared twice."),
                place,
                None,
            );
        }
        self.declared.push(place);
        self.contract.parameters.push(QueryParameter {
            name: name.to_owned(),
            param_type: format!("{base}{list}"),
            required: !optional,
        });
    }

    fn check_parameters(&mut self) {
        let used = parameters_of(&self.contract.text);
        let lines = Lines::of(&self.contract.text);
        let mut seen = BTreeSet::new();
        for (name, offset) in &used {
            if self.contract.parameters.iter().any(|one| one.name == *name) || !seen.insert(*name) {
                continue;
            }
            let mut place = lines.place(*offset);
            place.line += self.contract.line_offset;
            let declared = self.contract.parameters.iter().map(|one| one.name.as_str());
            let hint = nearest(name, declared).map_or_else(
                || format!("add `-- @param {name} text` at the top"),
                |near| format!(":{near}"),
            );
            self.faults.push(
                error(
                    "undeclared-parameter",
                    format!("The statement uses `:{name}`, which no `@param` declares."),
                )
                .in_file(self.path)
                .at(place)
                .hint(Some(hint)),
            );
        }
        for (parameter, place) in self.contract.parameters.iter().zip(&self.declared) {
            if !used.iter().any(|(name, _)| *name == parameter.name) {
                self.faults.push(
                    warning(
                        "unused-parameter",
                        format!("The statement does not use `:{}`.", parameter.name),
                    )
                    .in_file(self.path)
                    .at(*place),
                );
            }
        }
    }

    fn fault(&mut self, code: &str, message: String, place: Place, hint: Option<String>) {
        self.faults
            .push(error(code, message).in_file(self.path).at(place).hint(hint));
    }
}

fn tidy_name(name: &str) -> String {
    let mut tidy = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !tidy.is_empty() && !tidy.ends_with('_') {
            tidy.push('_');
        }
        tidy.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    tidy
}

fn milliseconds(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(factor)
}

/// The `:name` parameters of a statement with their places, in order. Text in quotes, comments
/// and casts (`::date`) are none.
#[must_use]
pub fn parameters_of(sql: &str) -> Vec<(&str, usize)> {
    let bytes = sql.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let find = |from: usize, end: &str| {
        sql.get(from..)
            .and_then(|rest| rest.find(end))
            .map_or(sql.len(), |found| from + found + end.len())
    };
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    let mut index = 0;
    while index < bytes.len() {
        index = match at(index) {
            quote @ (b'\'' | b'"' | b'`') => find(
                index + 1,
                match quote {
                    b'\'' => "'",
                    b'"' => "\"",
                    _ => "`",
                },
            ),
            b'-' if at(index + 1) == b'-' => find(index, "\n"),
            b'/' if at(index + 1) == b'*' => find(index + 2, "*/"),
            b'$' => {
                let mut end = index + 1;
                while word(at(end)) {
                    end += 1;
                }
                match sql.get(index..=end) {
                    Some(tag) if at(end) == b'$' => find(end + 1, tag),
                    _ => index + 1,
                }
            }
            b':' if at(index + 1) == b':' => index + 2,
            b':' if at(index + 1).is_ascii_alphabetic() || at(index + 1) == b'_' => {
                let mut end = index + 1;
                while word(at(end)) {
                    end += 1;
                }
                let slice = index > 0 && word(at(index - 1));
                if let (false, Some(name)) = (slice, sql.get(index + 1..end)) {
                    found.push((name, index));
                }
                end
            }
            _ => index + 1,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_becomes_a_contract() {
        let source = "-- Monthly revenue\n-- of one year.\n-- @param year int\n-- @param region text?\n-- @effect read\n-- @cache 30s\n\nSELECT :year, :region -- :not\n";
        let (contract, faults) = parse("queries/monthly_revenue.sql", source);
        assert_eq!(faults.len(), 0, "{faults:?}");
        assert_eq!(contract.description, "Monthly revenue of one year.");
        assert_eq!(contract.cache, Some(30_000));
        assert_eq!(contract.line_offset, 7);
        assert_eq!(contract.text, "SELECT :year, :region -- :not");
        let parameters: Vec<_> = contract
            .parameters
            .iter()
            .map(|one| (one.name.as_str(), one.param_type.as_str(), one.required))
            .collect();
        assert_eq!(
            parameters,
            [("year", "int", true), ("region", "text", false)]
        );
    }

    #[test]
    fn only_real_parameters_count() {
        let sql = "select ':a', \":b\", x::date, arr[1:n], $$ :c $$, $t$ :d $t$, /* :e */ :real_1, `:f` -- :g\n, 'it''s :h', :z";
        let names: Vec<_> = parameters_of(sql)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["real_1", "z"]);
    }

    #[test]
    fn an_undeclared_parameter_is_an_error_at_its_place() {
        let (_, faults) = parse(
            "queries/q.sql",
            "-- @param year int\nSELECT 1\nWHERE 😀 = :yaer AND x = :year",
        );
        assert_eq!(faults.len(), 1);
        assert_eq!(
            (faults[0].code.as_str(), faults[0].line, faults[0].column),
            ("undeclared-parameter", Some(3), Some(12))
        );
        assert_eq!(faults[0].hint.as_deref(), Some(":year"));
    }

    #[test]
    fn a_bad_header_says_what_is_wrong() {
        let codes = |source: &str| {
            parse("queries/q.sql", source)
                .1
                .into_iter()
                .map(|one| one.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(codes("-- @effect delete\nselect 1"), ["query-header"]);
        assert_eq!(codes("-- @cache soon\nselect 1"), ["query-header"]);
        assert_eq!(codes("-- @param a wat\nselect :a"), ["unknown-type"]);
        assert_eq!(codes("-- @parm a int\nselect 1"), ["query-header"]);
        assert_eq!(codes("-- nothing"), ["empty-query"]);
        assert_eq!(
            parse("queries/Top Ten.sql", "select 1").1[0]
                .hint
                .as_deref(),
            Some("queries/top_ten.sql")
        );
    }
}
