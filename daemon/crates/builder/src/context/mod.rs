//! What a model is told: one typed document, made deterministically from the project, its source
//! and the conversation.

mod assemble;
pub mod document;
mod relevance;
mod render;

pub(crate) use assemble::{assemble, request};

pub use document::{
    APP_FORMAT, DOCUMENT_VERSION, Document, DocumentFile, DocumentSchema, DocumentSource,
    DocumentTurn, RelationSummary,
};
