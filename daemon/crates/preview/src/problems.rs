//! Faults found while an app runs, mapped back to its sources.

use labd_plugin_host::kinds::sandbox::Asset;
use labd_protocol::{ApiError, Problem, ProblemSource, Severity};
use serde::Deserialize;
use sourcemap::SourceMap;
use std::{collections::HashMap, sync::Arc};

/// Faults kept per state: more than that says nothing new.
const MOST: usize = 50;
/// Characters kept of a message, and of a stack.
const MESSAGE: usize = 2_000;
const STACK: usize = 8_000;

/// Faults of a state while it runs, each once.
#[derive(Debug, Default)]
pub(crate) struct RunTimeProblems(Vec<Problem>);

impl RunTimeProblems {
    /// Adds a fault; false when it is known.
    pub fn add(&mut self, problem: Problem) -> bool {
        let known = |other: &Problem| {
            (other.source, &other.code, &other.message, &other.path)
                == (
                    problem.source,
                    &problem.code,
                    &problem.message,
                    &problem.path,
                )
        };
        if self.0.len() >= MOST || self.0.iter().any(known) {
            return false;
        }
        self.0.push(problem);
        true
    }

    /// All of them, in the order in which they appeared.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

/// What the shell reports from the browser.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    /// `error`, `rejection`, `import`, `query`, …
    kind: String,
    message: String,
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    hint: Option<String>,
}

impl Report {
    /// A query's failure is recorded where it is run; the browser's word on it adds nothing.
    pub fn is_of_query(&self) -> bool {
        self.kind == "query"
    }

    /// The report as a problem, with the place in the app's sources where one is known.
    pub fn into_problem(self, assets: &HashMap<String, Arc<Asset>>) -> Problem {
        let stack = self.stack.map(|stack| mapped_stack(&stack, assets));
        let place = stack.as_ref().and_then(|stack| stack.first.clone());
        Problem {
            source: ProblemSource::Browser,
            severity: Severity::Error,
            code: shorten(&self.kind, 40),
            message: shorten(&self.message, MESSAGE),
            path: place.as_ref().map(|place| place.path.clone()),
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            hint: self.hint.map(|hint| shorten(&hint, MESSAGE)),
            detail: stack.map(|stack| shorten(&stack.text, STACK)),
        }
    }
}

/// A named query that failed.
pub(crate) fn of_query(path: &str, name: &str, error: &ApiError) -> Problem {
    Problem {
        source: ProblemSource::Query,
        severity: Severity::Error,
        code: error.code.as_str().to_owned(),
        message: format!("The query {name} failed: {}", error.message),
        path: Some(path.to_owned()),
        line: None,
        column: None,
        hint: error.hint.clone(),
        detail: None,
    }
}

/// Server code that failed. Its stack names the app's sources; the first of them is the place.
pub(crate) fn of_server(message: &str, stack: Option<&str>) -> Problem {
    let place = stack.and_then(|stack| stack.lines().find_map(server_place));
    Problem {
        source: ProblemSource::Server,
        severity: Severity::Error,
        code: "exception".to_owned(),
        message: shorten(message, MESSAGE),
        path: place.as_ref().map(|place| place.path.clone()),
        line: place.as_ref().map(|place| place.line),
        column: place.as_ref().map(|place| place.column),
        hint: None,
        detail: stack.map(|stack| shorten(stack, STACK)),
    }
}

/// The place in a line such as `at GET (server/total.ts:2:13)`.
fn server_place(line: &str) -> Option<Place> {
    let address = line
        .trim()
        .trim_end_matches(')')
        .rsplit(['(', ' '])
        .next()?;
    let mut parts = address.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let path = parts.next()?;
    ["server/", "src/"]
        .iter()
        .any(|folder| path.starts_with(folder))
        .then(|| Place {
            path: path.to_owned(),
            line,
            column,
        })
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: String,
    line: u32,
    column: u32,
}

struct MappedStack {
    text: String,
    first: Option<Place>,
}

/// Replaces addresses such as `…/_lab/m/<name>.js:3:14` by places in the sources.
fn mapped_stack(stack: &str, assets: &HashMap<String, Arc<Asset>>) -> MappedStack {
    let mut first = None;
    let lines: Vec<String> = stack
        .lines()
        .take(40)
        .map(|line| match place_in(line, assets) {
            Some((place, address)) => {
                let text = format!("{}:{}:{}", place.path, place.line, place.column);
                first.get_or_insert(place);
                line.replace(&address, &text)
            }
            None => line.to_owned(),
        })
        .collect();
    MappedStack {
        text: lines.join("\n"),
        first,
    }
}

/// The place that a line of a stack names, and the text that names it.
fn place_in(line: &str, assets: &HashMap<String, Arc<Asset>>) -> Option<(Place, String)> {
    let marker = line.find("/_lab/m/")?;
    let start = line
        .get(..marker)?
        .rfind(['(', ' ', '@'])
        .map_or(0, |index| index + 1);
    let address = line.get(start..)?.trim_end_matches(')').to_owned();
    let rest = line.get(marker + "/_lab/m/".len()..)?.trim_end_matches(')');
    let mut parts = rest.rsplitn(3, ':');
    let column: u32 = parts.next()?.parse().ok()?;
    let row: u32 = parts.next()?.parse().ok()?;
    let asset = assets.get(parts.next()?)?;
    let path = asset.source_path.clone()?;
    let map = SourceMap::from_slice(asset.source_map.as_deref()?.as_bytes()).ok()?;
    let token = map.lookup_token(row.checked_sub(1)?, column.checked_sub(1)?)?;
    let place = Place {
        path,
        line: token.get_src_line() + 1,
        column: token.get_src_col() + 1,
    };
    Some((place, address))
}

fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> HashMap<String, Arc<Asset>> {
        // Line 2 of the script comes from line 7, column 3 of the source.
        let map = r#"{"version":3,"sources":["src/App.tsx"],"names":[],"mappings":";AAME"}"#;
        let asset = Asset {
            name: "abc.js".into(),
            media_type: "text/javascript".into(),
            content: Default::default(),
            source_path: Some("src/App.tsx".into()),
            source_map: Some(map.into()),
        };
        HashMap::from([("abc.js".to_owned(), Arc::new(asset))])
    }

    #[test]
    fn a_stack_names_places_in_the_sources() {
        let stack = "TypeError: x is undefined\n    at App (http://p.preview.labd.localhost:1/_lab/m/abc.js:2:1)\n    at b (http://p/_lab/v/react.js:1:5)";
        let report = Report {
            kind: "error".into(),
            message: "x is undefined".into(),
            stack: Some(stack.into()),
            hint: None,
        };
        let problem = report.into_problem(&assets());
        assert_eq!(problem.path.as_deref(), Some("src/App.tsx"));
        assert_eq!((problem.line, problem.column), (Some(7), Some(3)));
        assert!(problem.detail.unwrap().contains("at App (src/App.tsx:7:3)"));
    }

    #[test]
    fn the_same_fault_is_kept_once_and_not_without_end() {
        let mut problems = RunTimeProblems::default();
        assert!(problems.add(of_server("boom", None)));
        assert!(!problems.add(of_server("boom", None)));
        for index in 0..1_000 {
            problems.add(of_server(&index.to_string(), None));
        }
        assert_eq!(problems.all().len(), MOST);
    }

    #[test]
    fn a_fault_of_server_code_has_its_place() {
        let stack = "    at round (date-fns.js:1:2)\n    at GET (server/total.ts:2:13)";
        let problem = of_server("Error: the till is empty", Some(stack));
        assert_eq!(problem.path.as_deref(), Some("server/total.ts"));
        assert_eq!((problem.line, problem.column), (Some(2), Some(13)));
        let nowhere = of_server("Error: lost", Some("    at GET (server/total.ts)"));
        assert_eq!((nowhere.path, nowhere.line), (None, None));
    }

    #[test]
    fn a_hostile_stack_is_only_text() {
        for stack in [
            "/_lab/m/",
            "at (/_lab/m/abc.js:0:0)",
            "/_lab/m/abc.js:99999999999:1",
            "/_lab/m/../../etc/passwd:1:1",
            "🦊/_lab/m/abc.js:1:1",
        ] {
            let _ = mapped_stack(stack, &assets());
        }
    }
}
