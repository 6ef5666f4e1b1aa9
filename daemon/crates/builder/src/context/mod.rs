//! What a model is told: one typed document, made deterministically from the project, its source
//! and the conversation.

pub mod document;

pub use document::{
    APP_FORMAT, DOCUMENT_VERSION, Document, DocumentFile, DocumentSchema, DocumentSource,
    DocumentTurn, RelationSummary,
};
