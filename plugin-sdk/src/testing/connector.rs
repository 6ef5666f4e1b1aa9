//! Small configurations and options.

use crate::connector::{Config, QueryOptions};

/// The user `app` of the database `shop`, in UTC, without options.
pub fn config() -> Config {
    Config {
        user: Some("app".into()),
        database: Some("shop".into()),
        base_url: None,
        options: Vec::new(),
        time_zone: "UTC".into(),
        application_name: "labd".into(),
    }
}

/// Read-only, 15 s, at most 1000 rows and 1 MiB in the first batch.
pub fn options() -> QueryOptions {
    QueryOptions {
        read_only: true,
        timeout: 15_000,
        max_rows: 1000,
        max_bytes: 1 << 20,
    }
}
