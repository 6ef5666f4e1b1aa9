//! Puts the context document together, and fits it to who reads it.

use super::{
    APP_FORMAT, DOCUMENT_VERSION, Document, DocumentFile, DocumentSchema, DocumentSource,
    DocumentTurn, RelationSummary, relevance, render,
};
use crate::{
    Builder,
    limits::SCHEMA,
    ports::Model,
    workspace::{
        records::{ProjectRecord, TurnRecord},
        repo::State,
    },
};
use labd_plugin_host::kinds::ai::{CacheHints, Message, Part, Request, Retention, Role};
use labd_protocol::{
    ApiError, ErrorCode, Problem, ProblemSource, ProjectId, RelationSchema, Severity, SourceSchema,
    TurnState,
};
use std::collections::BTreeSet;
use tokio::time::timeout;

/// Former turns that a new one is told of.
const TURNS: usize = 12;

/// Prose of a former answer (characters).
const ANSWER_CHARS: usize = 600;

/// What a document provider gets at most (bytes): contents of files, and relations in full.
const DOCUMENT_FILES: usize = 4 * 1024 * 1024;
const DOCUMENT_SCHEMA: usize = 4 * 1024 * 1024;

/// What a model gets at most (bytes): some 30 000 tokens of files and 15 000 of schema.
const MODEL_FILES: usize = 120 * 1024;
const MODEL_SCHEMA: usize = 48 * 1024;

/// Columns of relations that are only mentioned, to a model (bytes).
const MODEL_OTHERS: usize = 16 * 1024;

/// Everything that the answer may depend on, before it is fitted to the reader.
///
/// # Errors
/// When the store fails. A source that cannot be read is a problem in the document.
pub(crate) async fn assemble(
    builder: &Builder,
    project: &ProjectRecord,
    base: &State,
    turn: &TurnRecord,
) -> Result<Document, ApiError> {
    let mut problems = if project.working.is_some() {
        // A draft by hand is not shown, so the preview knows nothing of its problems.
        let candidate = builder
            .previews()
            .prepare(project.id, base.files.map())
            .await?;
        candidate.problems
    } else {
        builder.previews().problems(project.id).await
    };
    let (mut source, mut schema) = (None, None);
    if let Some(id) = project.source {
        let found = timeout(SCHEMA, async {
            (
                builder.sources().source(id).await,
                builder.sources().schema(id).await,
            )
        });
        let late = || {
            Err(ApiError::new(
                ErrorCode::Timeout,
                "The database did not answer in time.",
            ))
        };
        let (info, read) = match found.await {
            Ok((info, read)) => (info, read),
            Err(_) => (
                late(),
                Err(ApiError::new(
                    ErrorCode::Timeout,
                    "The database did not answer in time.",
                )),
            ),
        };
        match info {
            Ok(info) => {
                source = Some(DocumentSource {
                    name: info.name,
                    dialect: info.dialect,
                    product: info.connector,
                    time_zone: info.time_zone,
                });
            }
            Err(error) => problems.push(unread(&error)),
        }
        match read {
            Ok(read) => schema = Some(whole(&read)),
            Err(error) => problems.push(unread(&error)),
        }
    }
    problems.dedup();
    let text = |path: &str| Builder::text(&base.files, path);
    let files = base.files.map().iter().map(|(path, content)| DocumentFile {
        path: path.clone(),
        size: content.len() as u64,
        content: text(path).map(str::to_owned),
    });
    Ok(Document {
        version: DOCUMENT_VERSION,
        app_format: APP_FORMAT,
        project: project.name.clone(),
        request: turn.text.clone(),
        source,
        schema,
        app: text("app.json").and_then(|text| serde_json::from_str(text).ok()),
        files: files.collect(),
        problems,
        conversation: conversation(builder, project, turn)?,
    })
}

fn whole(schema: &SourceSchema) -> DocumentSchema {
    let mut relations = schema.relations.clone();
    relations.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    DocumentSchema {
        default_schema: schema.default_schema.clone(),
        relations,
        others: Vec::new(),
    }
}

fn unread(error: &ApiError) -> Problem {
    Problem {
        source: ProblemSource::Query,
        severity: Severity::Warning,
        code: "source-unavailable".to_owned(),
        message: format!("The data source could not be read: {}", error.message),
        path: None,
        line: None,
        column: None,
        hint: error.hint.clone(),
        detail: None,
    }
}

fn conversation(
    builder: &Builder,
    project: &ProjectRecord,
    turn: &TurnRecord,
) -> Result<Vec<DocumentTurn>, ApiError> {
    let mut former = builder.repo().turns(project.id)?;
    former.retain(|other| other.id != turn.id && other.state != TurnState::Running);
    let skip = former.len().saturating_sub(TURNS);
    let told = former.into_iter().skip(skip).map(|former| DocumentTurn {
        request: former.text,
        answer: shortened(&former.answer, ANSWER_CHARS),
        changed: former.changed,
        outcome: former.state,
        fault: former.fault,
    });
    Ok(told.collect())
}

fn shortened(text: &str, chars: usize) -> String {
    let mut short: String = text.chars().take(chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What is sent, and the same as text for the user.
///
/// # Errors
/// When the document cannot be written as JSON, which none made here is.
pub(crate) fn request(
    model: &dyn Model,
    project: ProjectId,
    document: Document,
) -> Result<(Request, String), ApiError> {
    let internal = |error: serde_json::Error| ApiError::new(ErrorCode::Internal, error.to_string());
    let mut request = Request {
        model: model.model().to_owned(),
        ..Request::default()
    };
    if model.capabilities().document {
        let document = fit(document, DOCUMENT_SCHEMA, usize::MAX, DOCUMENT_FILES);
        // The interface wants a conversation; this one is what the document says at length.
        request
            .messages
            .push(message(Role::User, document.request.clone()));
        request.document = Some(document.to_json().map_err(internal)?);
        let prompt = serde_json::to_string_pretty(&document).map_err(internal)?;
        return Ok((request, prompt));
    }
    let told = relations(&document);
    let document = fit(document, MODEL_SCHEMA, MODEL_OTHERS, MODEL_FILES);
    request.cache = Some(comes_again(
        project,
        &document,
        told == relations(&document),
    ));
    request.system = render::system(&document);
    for (role, text) in render::messages(&document) {
        request.messages.push(message(role, text));
    }
    let prompt = render::transcript(&request);
    Ok((request, prompt))
}

fn relations(document: &Document) -> usize {
    let schema = document.schema.as_ref();
    schema.map_or(0, |schema| schema.relations.len())
}

/// What the project's next turn begins with too: the guide; the database, unless what is told of it
/// was chosen by the request's words; then what was said before, as long as nothing of it is left out.
fn comes_again(project: ProjectId, document: &Document, whole: bool) -> CacheHints {
    let said = document.conversation.len();
    let said = if whole && said < TURNS { 2 * said } else { 0 };
    CacheHints {
        tools: false,
        system: if whole { 2 } else { 1 },
        messages: u32::try_from(said).unwrap_or_default(),
        retention: Retention::Short,
        key: Some(project.to_string()),
    }
}

fn message(role: Role, text: String) -> Message {
    Message {
        role,
        parts: vec![Part::Text(text)],
    }
}

/// Fits the document into budgets: what matters most to the request stays whole, the rest is
/// mentioned.
pub(super) fn fit(
    mut document: Document,
    schema_bytes: usize,
    others_bytes: usize,
    files_bytes: usize,
) -> Document {
    let recent = document
        .conversation
        .last()
        .map(|turn| turn.request.clone())
        .unwrap_or_default();
    let mut wanted = relevance::words(&document.request);
    wanted.extend(relevance::words(&recent));
    if let Some(schema) = document.schema.take() {
        document.schema = Some(fit_schema(schema, &wanted, schema_bytes, others_bytes));
    }
    let scores: Vec<u64> = document
        .files
        .iter()
        .map(|file| score(&document, &wanted, file))
        .collect();
    let sizes: Vec<usize> = document
        .files
        .iter()
        .map(|file| file.content.as_ref().map_or(0, String::len))
        .collect();
    let chosen = relevance::choose(&scores, &sizes, files_bytes);
    for (index, file) in document.files.iter_mut().enumerate() {
        if !chosen.contains(&index) {
            file.content = None;
        }
    }
    document
}

fn fit_schema(
    schema: DocumentSchema,
    wanted: &BTreeSet<String>,
    bytes: usize,
    others_bytes: usize,
) -> DocumentSchema {
    let DocumentSchema {
        default_schema,
        relations,
        mut others,
    } = schema;
    let scores = relevance::relations(wanted, &relations);
    let sizes: Vec<usize> = relations.iter().map(size).collect();
    let chosen = relevance::choose(&scores, &sizes, bytes);
    let mut left = others_bytes;
    let mut kept = Vec::new();
    for (index, relation) in relations.into_iter().enumerate() {
        if chosen.contains(&index) {
            kept.push(relation);
            continue;
        }
        let mut columns: Vec<String> = relation
            .columns
            .into_iter()
            .map(|column| column.name)
            .collect();
        let needed = columns.iter().map(|column| column.len() + 2).sum::<usize>();
        if needed > left {
            // Its name alone still says that it is there.
            columns.clear();
        } else {
            left -= needed;
        }
        others.push(RelationSummary {
            schema: relation.schema,
            name: relation.name,
            columns,
            row_estimate: relation.row_estimate,
        });
    }
    DocumentSchema {
        default_schema,
        relations: kept,
        others,
    }
}

/// About how long a relation is in text.
fn size(relation: &RelationSchema) -> usize {
    let columns = relation.columns.iter().map(|column| {
        column.name.len()
            + column.database_type.len()
            + column.comment.as_ref().map_or(0, String::len)
            + column
                .enum_values
                .iter()
                .map(|value| value.len() + 3)
                .sum::<usize>()
            + 12
    });
    relation.name.len()
        + relation.comment.as_ref().map_or(0, String::len)
        + columns.sum::<usize>()
        + relation.foreign_keys.len() * 60
        + 40
}

fn score(document: &Document, wanted: &BTreeSet<String>, file: &DocumentFile) -> u64 {
    let place = match file.path.as_str() {
        "app.json" | "src/App.tsx" => 1000,
        "src/main.tsx" => 100,
        path if path.starts_with("src/") => 20,
        path if path.starts_with("queries/") || path.starts_with("server/") => 10,
        _ => 0,
    };
    let faulty = document
        .problems
        .iter()
        .any(|problem| problem.path.as_deref() == Some(file.path.as_str()));
    let recent = document
        .conversation
        .last()
        .is_some_and(|turn| turn.changed.contains(&file.path));
    let named = relevance::words(&file.path).intersection(wanted).count() as u64;
    let said = document.request.contains(&file.path);
    place + named * 100 + u64::from(recent) * 50 + u64::from(faulty) * 500 + u64::from(said) * 2000
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_protocol::{ColumnSchema, RelationKind, ValueKind};

    #[test]
    fn a_large_schema_is_summed_up_by_what_matters_and_nothing_is_left_out() {
        let column = |name: String| ColumnSchema {
            name,
            database_type: "text".into(),
            kind: ValueKind::Text,
            nullable: true,
            default_value: None,
            comment: None,
            enum_values: Vec::new(),
        };
        let relation = |name: String| RelationSchema {
            schema: "public".into(),
            name,
            kind: RelationKind::Table,
            comment: None,
            row_estimate: None,
            columns: (0..20).map(|n| column(format!("column_{n}"))).collect(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
        };
        let mut relations: Vec<_> = (0..2000).map(|n| relation(format!("t{n:04}"))).collect();
        relations.push(relation("zebra_orders".into()));
        let schema = DocumentSchema {
            default_schema: "public".into(),
            relations,
            others: Vec::new(),
        };
        let wanted = relevance::words("orders of zebras");
        let fitted = fit_schema(schema, &wanted, MODEL_SCHEMA, MODEL_OTHERS);
        assert!(
            fitted
                .relations
                .iter()
                .any(|relation| relation.name == "zebra_orders")
        );
        assert_eq!(fitted.relations.len() + fitted.others.len(), 2001);
        assert!(fitted.relations.iter().map(size).sum::<usize>() <= MODEL_SCHEMA);
        assert!(fitted.others.iter().any(|other| !other.columns.is_empty()));
        assert!(fitted.others.iter().any(|other| other.columns.is_empty()));
    }
}
