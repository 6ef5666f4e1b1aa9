//! Data sources: credentials, schema cache and the query broker.
