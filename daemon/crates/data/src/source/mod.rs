//! What a data source is.

pub mod connectors;
pub mod record;
pub mod schema;
pub mod url;
