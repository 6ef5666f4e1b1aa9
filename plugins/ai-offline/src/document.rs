//! The context document, as far as this generator reads it. Unknown fields are ignored.

use labd_plugin::{Error, Result};
use serde::Deserialize;

/// The document's version that is understood.
const VERSION: u32 = 1;

/// Everything that an answer depends on.
#[derive(Debug, Deserialize)]
pub struct Document {
    /// The document's version.
    version: u32,
    /// The project's name.
    pub project: String,
    /// What is wanted, in the user's words.
    pub request: String,
    /// The data source.
    pub source: Option<Source>,
    /// What it holds.
    pub schema: Option<Schema>,
    /// The parsed `app.json`.
    pub app: Option<serde_json::Value>,
    /// The files of the present state.
    #[serde(default)]
    pub files: Vec<File>,
}

/// The data source.
#[derive(Debug, Deserialize)]
pub struct Source {
    /// Its name, as the user wrote it.
    pub name: String,
    /// `postgresql`, `sqlite`, `mysql`, `generic`.
    pub dialect: String,
}

/// The schema.
#[derive(Debug, Deserialize)]
pub struct Schema {
    /// The schema that unqualified names mean.
    pub default_schema: String,
    /// Tables and views.
    pub relations: Vec<Relation>,
}

/// A table or view.
#[derive(Debug, Deserialize)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Approximate number of rows.
    #[serde(default)]
    pub row_estimate: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Columns of the primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Foreign keys.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The database's own name of the type.
    #[serde(rename = "type")]
    pub database_type: String,
    /// What its values are.
    pub kind: String,
    /// It may hold no value.
    pub nullable: bool,
    /// The labels of an enumerated type.
    #[serde(default)]
    pub enum_values: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Deserialize)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema referred to.
    pub referenced_schema: String,
    /// The table referred to.
    pub referenced_table: String,
    /// The columns referred to.
    pub referenced_columns: Vec<String>,
}

/// A file of the present state.
#[derive(Debug, Deserialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its text, unless it is binary or left out.
    #[serde(default)]
    pub content: Option<String>,
}

impl Document {
    /// Reads the document of a request.
    ///
    /// # Errors
    /// `invalid-request` when there is none, or when it is of another version.
    pub fn read(json: Option<&str>) -> Result<Self> {
        let Some(json) = json else {
            return Err(Error::invalid(
                "the template generator works from labd's context document, and this request has none; choose a model for free conversation",
            ));
        };
        let document: Self = serde_json::from_str(json)
            .map_err(|error| Error::invalid(format!("the context document: {error}")))?;
        if document.version != VERSION {
            return Err(Error::invalid(format!(
                "the context document has version {}, and this generator reads version {VERSION}",
                document.version
            )));
        }
        Ok(document)
    }

    /// The text of a file of the present state.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}
