//! Statements: describing, binding, reading.

use crate::kinds::{self, Declared};
use labd_plugin::connector::{
    Batch, BatchBuilder, Column, Param, Parameter, Prepared, QueryOptions, Rows, ValueKind,
};
use labd_plugin::sqlite::{self, Database, Statement, Value};
use labd_plugin::{Error, Fault, Result};

/// Checks a statement and tells what it takes and gives. SQLite knows no types of parameters.
pub fn prepare<D: Database>(database: &D, text: &str) -> Result<Prepared> {
    let statement = database.prepare(text)?;
    Ok(Prepared {
        parameters: statement
            .parameters()
            .iter()
            .map(|_| Parameter {
                database_type: String::new(),
                kind: ValueKind::Other,
            })
            .collect(),
        columns: statement
            .columns()
            .into_iter()
            .map(|column| {
                let kind = kinds::declared(column.declared_type.as_deref()).kind();
                described(column, kind)
            })
            .collect(),
    })
}

/// Runs a statement and reads its first rows.
pub fn run<D: Database>(
    database: &D,
    text: &str,
    params: &[Param],
    options: &QueryOptions,
) -> Result<Rows<Rest<D::Statement>>> {
    database.set_read_only(options.read_only)?;
    database.set_time_limit(options.timeout);
    let statement = database.prepare(text)?;
    let writes = !statement.is_read_only();
    if writes && options.read_only {
        return Err(Error::invalid(
            Fault::new("the statement writes, and it was asked to run read-only")
                .code("SQLITE_READONLY"),
        ));
    }
    let expected = statement.parameters().len();
    if expected != params.len() {
        return Err(Error::invalid(format!(
            "the statement has {expected} parameters and {} were given",
            params.len()
        )));
    }
    let values = params.iter().map(bound).collect::<Result<Vec<_>>>()?;
    statement.bind(&values)?;

    let source: Vec<sqlite::Column> = statement.columns();
    let (rows, done) = step(&statement, options.max_rows, options.max_bytes)?;
    let shape: Vec<ValueKind> = source
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let declared: Declared = kinds::declared(column.declared_type.as_deref());
            declared.kind_of(column_of(&rows, index))
        })
        .collect();
    let affected = (writes && counts_rows(text)).then(|| database.changes());
    Ok(Rows {
        first: batch(&shape, &rows),
        columns: source
            .into_iter()
            .zip(&shape)
            .map(|(column, kind)| described(column, *kind))
            .collect(),
        rest: (!done).then(|| Rest {
            statement,
            kinds: shape,
            done: false,
        }),
        affected,
    })
}

/// The rows of a query that did not fit its first batch.
pub struct Rest<S> {
    statement: S,
    kinds: Vec<ValueKind>,
    done: bool,
}

impl<S: Statement> Rest<S> {
    /// The next rows; none at the end.
    ///
    /// # Errors
    /// What running the statement gives.
    pub fn next(&mut self, max_rows: u32, max_bytes: u32) -> Result<Batch> {
        let rows = if self.done {
            Vec::new()
        } else {
            let (rows, done) = step(&self.statement, max_rows, max_bytes)?;
            self.done = done;
            rows
        };
        Ok(batch(&self.kinds, &rows))
    }
}

/// At least one row, unless there is none.
fn step<S: Statement>(
    statement: &S,
    max_rows: u32,
    max_bytes: u32,
) -> Result<(Vec<Vec<Value>>, bool)> {
    loop {
        let step = statement.step(max_rows.max(1), max_bytes)?;
        if step.done || !step.rows.is_empty() {
            return Ok((step.rows, step.done));
        }
    }
}

/// The values of one column.
fn column_of(rows: &[Vec<Value>], index: usize) -> impl Iterator<Item = &Value> + Clone {
    rows.iter().filter_map(move |row| row.get(index))
}

fn batch(shape: &[ValueKind], rows: &[Vec<Value>]) -> Batch {
    let shapes: Vec<_> = shape
        .iter()
        .enumerate()
        .map(|(index, kind)| kinds::representation(*kind, column_of(rows, index)))
        .collect();
    let mut batch = BatchBuilder::with_values(shapes.iter().cloned());
    for row in rows {
        for (index, (value, (kind, values))) in
            row.iter().zip(shape.iter().zip(&shapes)).enumerate()
        {
            kinds::push(&mut batch, index, *kind, values, value);
        }
        batch.end_row();
    }
    batch.finish()
}

fn described(column: sqlite::Column, kind: ValueKind) -> Column {
    Column {
        name: column.name,
        database_type: column.declared_type.unwrap_or_default(),
        kind,
    }
}

/// A parameter as SQLite takes it. Booleans are 0 and 1, and a list of texts is a JSON array, for
/// `IN (SELECT value FROM json_each(?1))`.
fn bound(param: &Param) -> Result<Value> {
    Ok(match param {
        Param::Null => Value::Null,
        Param::Boolean(value) => Value::Integer(i64::from(*value)),
        Param::Integer(value) => Value::Integer(*value),
        Param::Float(value) if value.is_nan() => {
            return Err(Error::invalid("SQLite cannot store NaN"));
        }
        Param::Float(value) => Value::Real(*value),
        Param::Text(value) => Value::Text(value.clone()),
        Param::Binary(value) => Value::Blob(value.clone()),
        // A number that SQLite can store as it is; the affinity of a column converts the rest.
        Param::Typed(typed) => match (typed.kind, typed.text.parse()) {
            (ValueKind::Integer | ValueKind::Decimal, Ok(number)) => Value::Integer(number),
            _ => Value::Text(typed.text.clone()),
        },
        Param::Array(array) => Value::Text(
            serde_json::to_string(&array.items)
                .map_err(|error| Error::internal(error.to_string()))?,
        ),
    })
}

/// Whether SQLite counts the rows that a statement changes; after any other statement it would
/// tell the count of an earlier one.
fn counts_rows(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            break;
        }
    }
    let word: String = rest
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_ascii_uppercase();
    matches!(
        word.as_str(),
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH"
    )
}
