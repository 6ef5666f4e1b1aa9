//! Checks of a state that need the database.
//!
//! | finding | problem |
//! | --- | --- |
//! | the database refuses a query | an error, at the place it names |
//! | the database cannot be reached, or is too slow | one warning: nothing is known of the queries |
//! | the project has no source | one warning |

use crate::{
    limits::{ALL_QUERY_CHECKS, QUERY_CHECK, QUERY_CHECKS_AT_ONCE},
    ports::DataSources,
};
use futures_util::{StreamExt, stream};
use labd_plugin_host::kinds::sandbox::QueryContract;
use labd_protocol::{ApiError, ErrorCode, Problem, ProblemSource, Severity, SourceId};
use tokio::time::timeout;

/// Has the database check these queries. Problems are in the order of the queries.
pub(crate) async fn queries(
    sources: &dyn DataSources,
    source: Option<SourceId>,
    queries: &[&QueryContract],
) -> Vec<Problem> {
    let Some(first) = queries.first() else {
        return Vec::new();
    };
    let Some(source) = source else {
        let message = "The project has no data source, so its queries cannot run. Choose one in the project's settings.";
        let mut problem = problem(Severity::Warning, "no-source", message);
        problem.path = Some(first.path.clone());
        return vec![problem];
    };
    let check = |query: &QueryContract| {
        let query = query.clone();
        async move {
            let checked = timeout(QUERY_CHECK, sources.check_query(source, &query)).await;
            let error = checked.unwrap_or_else(|_| {
                Err(ApiError::new(
                    ErrorCode::Timeout,
                    "The database did not answer in time.",
                ))
            });
            error.err().map(|error| (query, error))
        }
    };
    // Futures are made here, so that the stream holds no borrow of a closure's argument.
    let checks: Vec<_> = queries.iter().map(|query| check(query)).collect();
    let all = stream::iter(checks)
        .buffered(QUERY_CHECKS_AT_ONCE)
        .collect::<Vec<_>>();
    let found = match timeout(ALL_QUERY_CHECKS, all).await {
        Ok(found) => found,
        Err(_) => {
            let error = ApiError::new(ErrorCode::Timeout, "Checking the queries took too long.");
            vec![Some(((*first).clone(), error))]
        }
    };
    let mut problems = Vec::new();
    let mut away = false;
    for (query, error) in found.into_iter().flatten() {
        if is_about_the_query(error.code) {
            problems.push(refused(&query, error));
        } else if !away {
            away = true;
            let message = format!(
                "The queries could not be checked: {} They may still be right.",
                sentence(&error.message)
            );
            let mut problem = problem(Severity::Warning, "source-unavailable", &message);
            problem.hint = error.hint;
            problems.push(problem);
        }
    }
    problems
}

fn is_about_the_query(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::QueryFailed
            | ErrorCode::WriteRefused
            | ErrorCode::InvalidRequest
            | ErrorCode::PermissionDenied
            | ErrorCode::Forbidden
            | ErrorCode::TooLarge
    )
}

fn problem(severity: Severity, code: &str, message: &str) -> Problem {
    Problem {
        source: ProblemSource::Query,
        severity,
        code: code.to_owned(),
        message: message.to_owned(),
        path: None,
        line: None,
        column: None,
        hint: None,
        detail: None,
    }
}

fn refused(query: &QueryContract, error: ApiError) -> Problem {
    let (line, column) = place(query, error.position);
    Problem {
        path: Some(query.path.clone()),
        line: Some(line),
        column,
        hint: error.hint,
        detail: error.upstream_code,
        ..problem(
            Severity::Error,
            error.code.as_str(),
            &format!("The query {}: {}", query.name, sentence(&error.message)),
        )
    }
}

fn sentence(message: &str) -> String {
    let message = message.trim();
    if message.ends_with(['.', '!', '?']) {
        message.to_owned()
    } else {
        format!("{message}.")
    }
}

/// Line and column in the file for a position in the statement.
fn place(query: &QueryContract, position: Option<u32>) -> (u32, Option<u32>) {
    let first = query.line_offset.saturating_add(1);
    let Some(position) = position else {
        return (first, None);
    };
    let before = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    let (mut line, mut column) = (first, 1u32);
    for c in query.text.chars().take(before) {
        if c == '\n' {
            line = line.saturating_add(1);
            column = 1;
        } else {
            column = column.saturating_add(if c.len_utf16() == 2 { 2 } else { 1 });
        }
    }
    (line, Some(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin_host::kinds::sandbox::Effect;

    #[test]
    fn a_position_in_the_statement_is_a_place_in_the_file() {
        let query = QueryContract {
            name: "q".into(),
            path: "queries/q.sql".into(),
            text: "select 1\nfrom '📦', missing".into(),
            effect: Effect::Read,
            parameters: Vec::new(),
            description: String::new(),
            cache: None,
            line_offset: 3,
        };
        assert_eq!(place(&query, None), (4, None));
        assert_eq!(place(&query, Some(1)), (4, Some(1)));
        assert_eq!(place(&query, Some(10)), (5, Some(1)));
        assert_eq!(place(&query, Some(20)), (5, Some(12)));
        assert_eq!(place(&query, Some(u32::MAX)).0, 5);
    }
}
