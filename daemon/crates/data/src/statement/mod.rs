//! What a statement is, before anything is run.
//!
//! A statement is parsed with the source's dialect. More than one is refused. What cannot be shown
//! to only read is not `read`:
//!
//! | statement | effect |
//! | --- | --- |
//! | `SELECT`, `VALUES`, set operations, `EXPLAIN` of one of these | read |
//! | the same with a locking clause, `SELECT INTO`, a data-modifying `WITH` | write |
//! | `INSERT`, `UPDATE`, `DELETE`, `MERGE` | write |
//! | everything else: DDL, `COPY`, `CALL`, `SET`, `PRAGMA`, … | admin |
//! | what does not parse, and begins as one of the last | admin |
//!
//! A call of a function makes it `read` only if the function is on the list of [`functions`], or if
//! the database's catalogue says that it is immutable or stable (the broker asks for those in
//! [`Statement::unknown_functions`]).

pub mod functions;
mod named;

use functions::FunctionName;
use named::Rewritten;
use sqlparser::{
    ast::{
        Expr, ObjectName, Query, Select, SetExpr, Statement as Ast, TableFactor, Visit, Visitor,
    },
    dialect,
    parser::Parser,
};
use std::{collections::BTreeSet, ops::ControlFlow};

/// What a statement does to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    Read,
    /// It changes rows, or takes locks for it.
    Write,
    /// It changes the database itself, or cannot be classified.
    Admin,
}

/// A SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
    /// What most databases share.
    Generic,
}

impl Dialect {
    /// The dialect that a connector names.
    pub fn from_name(name: &str) -> Self {
        match name {
            "postgresql" => Self::Postgres,
            "sqlite" => Self::Sqlite,
            "mysql" => Self::MySql,
            _ => Self::Generic,
        }
    }

    fn parser(self) -> Box<dyn dialect::Dialect> {
        match self {
            Self::Postgres => Box::new(dialect::PostgreSqlDialect {}),
            Self::Sqlite => Box::new(dialect::SQLiteDialect {}),
            Self::MySql => Box::new(dialect::MySqlDialect {}),
            Self::Generic => Box::new(dialect::GenericDialect {}),
        }
    }
}

/// Why a text is not a statement that can be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It does not parse.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Where, in characters from 1.
        position: Option<u32>,
    },
    /// There is nothing to run.
    #[error("There is no statement in this text.")]
    Empty,
    /// There is more than one.
    #[error("Only one statement can be run at a time; this text has {0}.")]
    Several(usize),
}

/// How the dialect writes the n-th parameter.
pub use labd_plugin_host::kinds::connector::Placeholders;

/// A parsed statement, ready to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    rewritten: Rewritten,
    effect: Effect,
    functions: BTreeSet<FunctionName>,
    dialect: Dialect,
}

impl Statement {
    /// Parses a text with `:name` for each parameter.
    ///
    /// ```
    /// use labd_data::statement::{Dialect, Effect, Placeholders, Statement};
    /// let statement = Statement::parse(
    ///     "SELECT total FROM orders WHERE year = :year AND (:region IS NULL OR region = :region)",
    ///     Dialect::Postgres,
    ///     Placeholders::Dollar,
    /// )?;
    /// assert_eq!(statement.effect(), Effect::Read);
    /// assert_eq!(statement.parameters(), ["year", "region"]);
    /// assert!(statement.text().ends_with("year = $1 AND ($2 IS NULL OR region = $2)"));
    /// # Ok::<_, labd_data::statement::StatementError>(())
    /// ```
    pub fn parse(
        text: &str,
        dialect: Dialect,
        placeholders: Placeholders,
    ) -> Result<Self, StatementError> {
        let grammar = dialect.parser();
        let rewritten = named::rewrite(text, grammar.as_ref(), placeholders)?;
        let parsed = Parser::new(grammar.as_ref())
            .with_recursion_limit(100)
            .try_with_sql(&rewritten.text)
            .and_then(|mut parser| parser.parse_statements());
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(_) if rewritten.first_word.as_deref().is_some_and(never_reads) => {
                return Ok(Self {
                    effect: Effect::Admin,
                    functions: BTreeSet::new(),
                    rewritten,
                    dialect,
                });
            }
            Err(error) => return Err(syntax(&error.to_string(), &rewritten)),
        };
        let statement = match parsed.as_slice() {
            [] => return Err(StatementError::Empty),
            [one] => one,
            several => return Err(StatementError::Several(several.len())),
        };
        let mut inspection = Inspection::new(dialect);
        let _ = statement.visit(&mut inspection);
        Ok(Self {
            effect: inspection.effect.max(effect_of(statement)),
            functions: inspection.functions,
            rewritten,
            dialect,
        })
    }

    /// The statement as the database receives it.
    pub fn text(&self) -> &str {
        &self.rewritten.text
    }

    /// The names of the parameters, in the order of their placeholders.
    pub fn parameters(&self) -> &[String] {
        &self.rewritten.parameters
    }

    /// What it does, provided that each of [`Self::unknown_functions`] only reads.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Called functions that are not on the list of harmless ones.
    pub fn unknown_functions(&self) -> impl Iterator<Item = &FunctionName> {
        self.functions
            .iter()
            .filter(|name| !functions::is_harmless(name, self.dialect))
    }

    /// Where a position in [`Self::text`] lies in the text that was parsed. Both count characters
    /// from 1.
    pub fn original_position(&self, position: u32) -> u32 {
        self.rewritten.original_position(position)
    }
}

fn syntax(message: &str, rewritten: &Rewritten) -> StatementError {
    // sqlparser ends its messages with "at Line: 1, Column: 8".
    let (text, place) = message
        .rsplit_once(" at Line: ")
        .map_or((message, None), |(text, place)| (text, Some(place)));
    let position = place.and_then(|place| {
        let (line, column) = place.split_once(", Column: ")?;
        named::position_at(&rewritten.text, line.parse().ok()?, column.parse().ok()?)
    });
    StatementError::Syntax {
        message: text
            .trim_start_matches("sql parser error: ")
            .trim_end_matches(',')
            .to_owned(),
        position: position.map(|position| rewritten.original_position(position)),
    }
}

/// Whether a word begins commands of which none reads rows. The parser does not know all their
/// forms (`DO $$ … $$`), and what is wrong with such a statement is not its syntax.
fn never_reads(word: &str) -> bool {
    const COMMANDS: [&str; 36] = [
        "abort",
        "alter",
        "analyze",
        "attach",
        "call",
        "checkpoint",
        "cluster",
        "comment",
        "copy",
        "create",
        "deallocate",
        "declare",
        "detach",
        "discard",
        "do",
        "drop",
        "execute",
        "grant",
        "import",
        "listen",
        "load",
        "lock",
        "move",
        "notify",
        "pragma",
        "prepare",
        "reassign",
        "refresh",
        "reindex",
        "rename",
        "revoke",
        "security",
        "set",
        "truncate",
        "unlisten",
        "vacuum",
    ];
    COMMANDS.contains(&word.to_lowercase().as_str())
}

/// The effect of a statement by its kind alone.
fn effect_of(statement: &Ast) -> Effect {
    match statement {
        Ast::Query(query) => body_effect(&query.body),
        Ast::Explain { statement, .. } => effect_of(statement),
        Ast::Insert(_) | Ast::Update(_) | Ast::Delete(_) | Ast::Merge(_) => Effect::Write,
        _ => Effect::Admin,
    }
}

fn body_effect(body: &SetExpr) -> Effect {
    match body {
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Effect::Read,
        SetExpr::Query(query) => body_effect(&query.body),
        SetExpr::SetOperation { left, right, .. } => body_effect(left).max(body_effect(right)),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Effect::Write
        }
    }
}

/// What is found anywhere inside a statement.
struct Inspection {
    effect: Effect,
    functions: BTreeSet<FunctionName>,
    dialect: Dialect,
}

impl Inspection {
    fn new(dialect: Dialect) -> Self {
        Self {
            effect: Effect::Read,
            functions: BTreeSet::new(),
            dialect,
        }
    }

    fn at_least(&mut self, effect: Effect) {
        self.effect = self.effect.max(effect);
    }

    fn call(&mut self, name: &ObjectName) {
        match FunctionName::from_object_name(name) {
            Some(name) => {
                self.functions.insert(name);
            }
            None => self.at_least(Effect::Admin),
        }
    }
}

impl Visitor for Inspection {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Ast) -> ControlFlow<()> {
        self.at_least(effect_of(statement));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.at_least(body_effect(&query.body));
        if !query.locks.is_empty() {
            self.at_least(Effect::Write);
        }
        if query.settings.is_some() || !query.pipe_operators.is_empty() {
            self.at_least(Effect::Admin);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if select.into.is_some() {
            self.at_least(Effect::Write);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. } => self.call(name),
            TableFactor::Table { name, .. } if self.dialect == Dialect::Sqlite => {
                // SQLite reads a pragma through a table of that name without arguments, too.
                if let Some(name) = FunctionName::from_object_name(name)
                    && name.name.starts_with("pragma_")
                {
                    self.functions.insert(name);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => self.call(&function.name),
            // A custom operator calls a function that this text does not name.
            Expr::BinaryOp {
                op: sqlparser::ast::BinaryOperator::PGCustomBinaryOperator(_),
                ..
            } => self.at_least(Effect::Admin),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
