//! The context document as text for models: what stays the same from turn to turn comes first, so
//! that caches of prompts hit.

use super::{Document, DocumentSchema};
use labd_plugin_host::kinds::ai::{Part, Request, Role};
use labd_protocol::{Problem, RelationKind, RelationSchema, Severity, TurnState};
use std::fmt::Write;

/// How to answer, and what apps are made of.
const GUIDE: &str = include_str!("guide.md");

/// The system instructions: the guide, then the database.
pub(super) fn system(document: &Document) -> Vec<String> {
    let mut database = String::from("# The database\n");
    match &document.source {
        Some(source) => line(
            &mut database,
            format_args!(
                "{} ({}, SQL dialect: {}; time zone of its sessions: {})",
                one_line(&source.name),
                source.product,
                source.dialect,
                source.time_zone
            ),
        ),
        None => line(
            &mut database,
            format_args!("The project has no data source; queries cannot run. Say so."),
        ),
    }
    match &document.schema {
        Some(schema) => tables(&mut database, schema),
        None if document.source.is_some() => line(
            &mut database,
            format_args!("Its schema could not be read. Do not guess table names: say so."),
        ),
        None => {}
    }
    vec![GUIDE.trim_end().to_owned(), database.trim_end().to_owned()]
}

fn tables(out: &mut String, schema: &DocumentSchema) {
    line(
        out,
        format_args!("Default schema: {}", schema.default_schema),
    );
    for relation in &schema.relations {
        table(out, relation, &schema.default_schema);
    }
    if schema.others.is_empty() {
        return;
    }
    line(
        out,
        format_args!("\nOther tables, in short (ask for one by name to see it whole):"),
    );
    for other in &schema.others {
        let name = qualified(&other.schema, &other.name, &schema.default_schema);
        let rows = rows(other.row_estimate);
        if other.columns.is_empty() {
            line(out, format_args!("{name}{rows}"));
        } else {
            line(
                out,
                format_args!("{name}{rows}: {}", other.columns.join(", ")),
            );
        }
    }
}

fn table(out: &mut String, relation: &RelationSchema, default_schema: &str) {
    let kind = match relation.kind {
        RelationKind::Table => "table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
        RelationKind::Collection => "collection",
    };
    let name = qualified(&relation.schema, &relation.name, default_schema);
    let comment = comment(relation.comment.as_deref());
    line(
        out,
        format_args!("\n{kind} {name}{}{comment}", rows(relation.row_estimate)),
    );
    for column in &relation.columns {
        let mut text = format!("  {} {}", column.name, column.database_type);
        if relation.primary_key.contains(&column.name) {
            text.push_str(" key");
        }
        if !column.nullable {
            text.push_str(" not null");
        }
        for key in &relation.foreign_keys {
            if let ([own], [other]) = (key.columns.as_slice(), key.referenced_columns.as_slice())
                && *own == column.name
            {
                let table = qualified(
                    &key.referenced_schema,
                    &key.referenced_table,
                    default_schema,
                );
                let _ = write!(text, " → {table}.{other}");
            }
        }
        if !column.enum_values.is_empty() {
            let _ = write!(text, " one of: {}", column.enum_values.join(" | "));
        }
        text.push_str(&self::comment(column.comment.as_deref()));
        line(out, format_args!("{text}"));
    }
    for key in relation
        .foreign_keys
        .iter()
        .filter(|key| key.columns.len() > 1)
    {
        let table = qualified(
            &key.referenced_schema,
            &key.referenced_table,
            default_schema,
        );
        line(
            out,
            format_args!(
                "  ({}) → {table} ({})",
                key.columns.join(", "),
                key.referenced_columns.join(", ")
            ),
        );
    }
}

fn qualified(schema: &str, name: &str, default_schema: &str) -> String {
    if schema == default_schema {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

fn rows(estimate: Option<u64>) -> String {
    estimate.map_or_else(String::new, |rows| format!(" (about {rows} rows)"))
}

fn comment(comment: Option<&str>) -> String {
    comment.map_or_else(String::new, |comment| format!(" -- {}", one_line(comment)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The conversation, ending with the request and the state it is about.
pub(super) fn messages(document: &Document) -> Vec<(Role, String)> {
    let mut messages = Vec::new();
    for turn in &document.conversation {
        messages.push((Role::User, turn.request.clone()));
        let mut answer = turn.answer.trim().to_owned();
        if !turn.changed.is_empty() {
            let _ = write!(answer, "\n[changed: {}]", turn.changed.join(", "));
        }
        let outcome = match turn.outcome {
            TurnState::Failed => "this did not become the app's state",
            TurnState::Stopped => "this was stopped by the user",
            TurnState::Interrupted => "this was interrupted and did not become the app's state",
            TurnState::Done | TurnState::Running => "",
        };
        match (&turn.fault, outcome) {
            (Some(fault), outcome) if !outcome.is_empty() => {
                let _ = write!(answer, "\n[{outcome}: {fault}]");
            }
            (_, outcome) if !outcome.is_empty() => {
                let _ = write!(answer, "\n[{outcome}]");
            }
            _ => {}
        }
        let answer = answer.trim();
        messages.push((
            Role::Assistant,
            if answer.is_empty() {
                "[no answer]"
            } else {
                answer
            }
            .to_owned(),
        ));
    }
    messages.push((Role::User, state(document)));
    messages
}

fn state(document: &Document) -> String {
    let mut out = format!("# The app now: {}\n", one_line(&document.project));
    if document.files.is_empty() {
        line(&mut out, format_args!("It has no files yet."));
    } else {
        line(&mut out, format_args!("Files (path, bytes):"));
        for file in &document.files {
            let whole = if file.content.is_some() {
                ""
            } else {
                " (not shown)"
            };
            line(&mut out, format_args!("{} {}{whole}", file.path, file.size));
        }
        for file in &document.files {
            if let Some(content) = &file.content {
                line(&mut out, format_args!("\n=== {} ===", file.path));
                out.push_str(content);
                if !content.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
    }
    if !document.problems.is_empty() {
        line(&mut out, format_args!("\n# Problems"));
        for problem in &document.problems {
            line(&mut out, format_args!("- {}", described(problem)));
        }
    }
    line(&mut out, format_args!("\n# Request\n{}", document.request));
    out.trim_end().to_owned()
}

fn described(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match (&problem.path, problem.line) {
        (Some(path), Some(line)) => format!(" in {path}:{line}"),
        (Some(path), None) => format!(" in {path}"),
        _ => String::new(),
    };
    let hint = problem
        .hint
        .as_deref()
        .map_or_else(String::new, |hint| format!(" Hint: {hint}"));
    format!(
        "{severity} {}{place}: {}{hint}",
        problem.code,
        one_line(&problem.message)
    )
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

/// A request as the user reads it.
pub(super) fn transcript(request: &Request) -> String {
    let mut out = String::new();
    for part in &request.system {
        line(&mut out, format_args!("=== system ===\n{part}\n"));
    }
    for message in &request.messages {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        line(&mut out, format_args!("=== {role} ==="));
        for part in &message.parts {
            if let Part::Text(text) = part {
                line(&mut out, format_args!("{text}\n"));
            }
        }
    }
    out
}
