//! Data sources.

use super::{Client, quick, read_text, show, slow};
use crate::{
    cli::{SourceCommand, UrlOptions},
    failure::Failure,
    output,
};
use labd_protocol::{
    ApiError, ClientCertificate, QueryRequest, QueryResult, Secret, SourceCreate, SourceInfo,
    SourceTest, SourceUpdate, answer,
};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) async fn run(client: &Client, command: SourceCommand) -> Result<(), Failure> {
    match command {
        SourceCommand::Add {
            name,
            url,
            time_zone,
            save_untested,
        } => {
            let create = SourceCreate {
                name,
                ca: certificate(&url)?,
                client: client_certificate(&url)?,
                url: ask_url(&url)?,
                time_zone,
                save_untested,
            };
            let source = answer(client.labd.source_create(slow(), create).await)?;
            show(client, &source, saved)
        }
        SourceCommand::List => list(client).await,
        SourceCommand::Update {
            source,
            name,
            url,
            from,
            no_ca,
            time_zone,
            save_untested,
        } => {
            let source = client.source(&source).await?;
            let update = SourceUpdate {
                name,
                ca: if no_ca {
                    Some(String::new())
                } else {
                    certificate(&from)?
                },
                client: client_certificate(&from)?,
                url: if url || from.url_file.is_some() {
                    Some(ask_url(&from)?)
                } else {
                    None
                },
                time_zone,
                save_untested,
            };
            let source = answer(client.labd.source_update(slow(), source.id, update).await)?;
            show(client, &source, saved)
        }
        SourceCommand::Test { source } => {
            let source = client.source(&source).await?;
            let test = answer(client.labd.source_test(slow(), source.id).await)?;
            show(client, &test, tested)?;
            test.error.map_or(Ok(()), |error| Err(error.into()))
        }
        SourceCommand::Schema {
            source,
            table,
            refresh,
        } => schema(client, &source, table.as_deref(), refresh).await,
        SourceCommand::Query {
            source,
            sql,
            params,
            max_rows,
        } => query(client, &source, sql, &params, max_rows).await,
        SourceCommand::Remove { source, yes } => remove(client, &source, yes).await,
    }
}

fn ask_url(options: &UrlOptions) -> Result<Secret, Failure> {
    output::secret("Connection URL (not shown): ", options.url_file.as_deref())
}

fn certificate(options: &UrlOptions) -> Result<Option<String>, Failure> {
    options.ca_file.as_deref().map(read_text).transpose()
}

fn client_certificate(options: &UrlOptions) -> Result<Option<ClientCertificate>, Failure> {
    let files = options.client_cert_file.as_deref();
    let Some((certificate, key)) = files.zip(options.client_key_file.as_deref()) else {
        return Ok(None);
    };
    Ok(Some(ClientCertificate {
        certificate: read_text(certificate)?,
        key: Secret::new(read_text(key)?),
    }))
}

fn saved(source: &SourceInfo) -> Result<(), Failure> {
    output::line(format!(
        "{} is saved ({} at {}).",
        source.name, source.connector, source.location
    ))?;
    match &source.last_test {
        Some(test) => tested(test),
        None => Ok(()),
    }
}

fn tested(test: &SourceTest) -> Result<(), Failure> {
    if test.error.is_none() {
        output::line(format!(
            "Connected to {} as {} in {} ms.",
            test.product.as_deref().unwrap_or("the database"),
            test.user.as_deref().unwrap_or("-"),
            test.latency_ms
        ))?;
    }
    for warning in &test.warnings {
        output::line(format!("warning: {warning}"))?;
    }
    Ok(())
}

async fn list(client: &Client) -> Result<(), Failure> {
    let sources = answer(client.labd.sources(quick()).await)?;
    show(client, &sources, |sources| {
        let rows: Vec<_> = sources
            .iter()
            .map(|source| {
                vec![
                    source.name.clone(),
                    source.connector.clone(),
                    source.location.clone(),
                    source.projects.len().to_string(),
                    source.id.to_string(),
                ]
            })
            .collect();
        output::table(&["name", "kind", "location", "projects", "id"], &rows)
    })
}

async fn schema(
    client: &Client,
    source: &str,
    table: Option<&str>,
    refresh: bool,
) -> Result<(), Failure> {
    let source = client.source(source).await?;
    let mut schema = answer(client.labd.source_schema(slow(), source.id, refresh).await)?;
    if let Some(table) = table {
        schema
            .relations
            .retain(|relation| relation.name.contains(table));
    }
    show(client, &schema, |schema| {
        for relation in &schema.relations {
            let rows = relation
                .row_estimate
                .map(|rows| format!("  about {rows} rows"))
                .unwrap_or_default();
            output::line(format!("{}.{}{rows}", relation.schema, relation.name))?;
            for column in &relation.columns {
                let key = if relation.primary_key.contains(&column.name) {
                    "  primary key"
                } else {
                    ""
                };
                let null = if column.nullable { "" } else { "  not null" };
                output::line(format!(
                    "  {}  {}{null}{key}",
                    column.name, column.database_type
                ))?;
            }
            for key in &relation.foreign_keys {
                output::line(format!(
                    "  ({}) → {}.{} ({})",
                    key.columns.join(", "),
                    key.referenced_schema,
                    key.referenced_table,
                    key.referenced_columns.join(", ")
                ))?;
            }
        }
        Ok(())
    })
}

async fn query(
    client: &Client,
    source: &str,
    sql: String,
    params: &[String],
    max_rows: u32,
) -> Result<(), Failure> {
    let source = client.source(source).await?;
    let text = if sql == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        sql
    };
    let request = QueryRequest {
        text,
        params: parameters(params)?,
        max_rows: Some(max_rows),
    };
    let result = answer(client.labd.source_query(slow(), source.id, request).await)?;
    if let Some(cursor) = result.next {
        // The rest is not wanted; what holds it is given up with the connection otherwise.
        answer(client.labd.query_close(quick(), cursor).await)?;
    }
    show(client, &result, rows)
}

fn parameters(params: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    params
        .iter()
        .map(|param| match param.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), Value::String(value.to_owned()))),
            None => Err(ApiError::invalid(
                "param",
                format!("Write a parameter as name=value, not {param}."),
            )
            .into()),
        })
        .collect()
}

fn rows(result: &QueryResult) -> Result<(), Failure> {
    let headings: Vec<_> = result
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let rows: Vec<Vec<String>> = result
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    output::table(&headings, &rows)?;
    let more = if result.next.is_some() {
        ", more not shown"
    } else {
        ""
    };
    output::line(format!(
        "({} rows{more}, {:.1} ms)",
        result.rows.len(),
        result.duration_ms
    ))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "∅".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

async fn remove(client: &Client, source: &str, yes: bool) -> Result<(), Failure> {
    let source = client.source(source).await?;
    let question = match source.projects.len() {
        0 => format!("Remove the source {} with its credential?", source.name),
        count => format!(
            "{count} projects use {}. They keep their files and history but show no data until they get another source. Remove it?",
            source.name
        ),
    };
    if !yes && !output::confirm(&question)? {
        return Ok(());
    }
    let removed = answer(client.labd.source_remove(slow(), source.id, true).await)?;
    show(client, &removed, |_| {
        output::line(format!("{} is removed.", source.name))
    })
}
