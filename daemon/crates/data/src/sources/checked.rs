//! From a text to a statement that has been shown to only read.

use super::{Active, Sources};
use crate::{
    broker::{first_page, limits},
    errors,
    source::schema,
    statement::{Dialect, Effect, Statement, functions::FunctionName},
};
use labd_plugin_host::{
    PluginError,
    kinds::{
        connector::Param,
        sandbox::{self, QueryContract},
    },
};
use labd_protocol::{ApiError, ErrorCode, QueryColumn, SourceId};
use std::sync::Arc;
use tokio::time::timeout;

/// A parameter of a checked query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedParameter {
    /// Its name.
    pub name: String,
    /// The type that the database expects; empty when it does not type parameters.
    pub database_type: String,
}

/// What the database says of a named query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedQuery {
    /// In the order of their first use.
    pub parameters: Vec<CheckedParameter>,
    /// The result's columns.
    pub columns: Vec<QueryColumn>,
}

/// Whether every function of a name (in a schema, or anywhere in the search path) is immutable or
/// stable; false when there is none.
const VOLATILITY: &str = "SELECT coalesce(bool_and(p.provolatile <> 'v'), false) \
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE p.proname = $1 AND ($2::text IS NULL OR n.nspname = $2::text)";

impl Sources {
    /// Has a named query checked: its effect by the parser, its names and types by the database.
    /// Positions of errors count characters of the query's text.
    pub async fn check_query(
        &self,
        id: SourceId,
        query: &QueryContract,
    ) -> Result<CheckedQuery, ApiError> {
        let active = self.active(id).await?;
        let statement = self.reading_contract(&active, query).await?;
        for name in statement.parameters() {
            if !query
                .parameters
                .iter()
                .any(|declared| declared.name == *name)
            {
                return Err(ApiError::new(
                    ErrorCode::QueryFailed,
                    format!("The parameter :{name} is used but not declared."),
                )
                .with_hint(format!("Add a line: -- @param {name} text")));
            }
        }
        let mut lease = active.pool.lease().await?;
        let prepare = lease.prepare(statement.text());
        let prepared = timeout(limits::STATEMENT, prepare)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(|error| self.locate(&active, &statement, errors::running(error)))?;
        let parameters = statement
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, name)| CheckedParameter {
                name: name.clone(),
                database_type: prepared
                    .parameters
                    .get(index)
                    .map(|parameter| parameter.database_type.clone())
                    .unwrap_or_default(),
            })
            .collect();
        Ok(CheckedQuery {
            parameters,
            columns: schema::columns(&prepared.columns),
        })
    }

    /// A named query whose declared effect can be run.
    pub(super) async fn reading_contract(
        &self,
        active: &Active,
        query: &QueryContract,
    ) -> Result<Arc<Statement>, ApiError> {
        if query.effect == sandbox::Effect::Write {
            return Err(ApiError::new(
                ErrorCode::WriteRefused,
                format!(
                    "The query {} declares that it writes. This version of labd runs only queries \
                     that read.",
                    query.name
                ),
            ));
        }
        self.reading(active, &query.text).await
    }

    /// A statement that has been shown to only read.
    pub(super) async fn reading(
        &self,
        active: &Active,
        text: &str,
    ) -> Result<Arc<Statement>, ApiError> {
        if text.len() > limits::TEXT {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("The statement is longer than {} KiB.", limits::TEXT / 1024),
            ));
        }
        let statement = active.statement(text)?;
        if statement.effect() != Effect::Read {
            return Err(errors::not_reading(statement.effect()));
        }
        for function in statement.unknown_functions() {
            if !only_reads(active, function).await? {
                return Err(ApiError::new(
                    ErrorCode::WriteRefused,
                    format!(
                        "The function {function} cannot be shown to only read data, so the \
                         statement is not run."
                    ),
                ));
            }
        }
        Ok(statement)
    }
}

/// Whether the database's catalogue calls every function of this name immutable or stable.
async fn only_reads(active: &Active, function: &FunctionName) -> Result<bool, ApiError> {
    if active.dialect != Dialect::Postgres {
        return Ok(false);
    }
    if let Some(known) = active.only_reads(function) {
        return Ok(known);
    }
    let schema = match &function.schema {
        Some(schema) => Param::Text(schema.clone()),
        None => Param::Null,
    };
    let params = [Param::Text(function.name.clone()), schema];
    let (page, _lease) = first_page(&active.pool, VOLATILITY, &params, 1).await?;
    let only_reads = page.rows == b"[[true]]";
    active.learn(function.clone(), only_reads);
    Ok(only_reads)
}
