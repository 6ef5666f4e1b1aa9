//! Who we are to the server, and what that allows beyond reading.

use crate::session::Session;
use labd_plugin::connector::ServerInfo;
use labd_plugin::{Host, Result};

/// The role and what it is a member of. `pg_has_role` follows grants; a superuser has all.
const QUESTION: &str = "\
    SELECT current_user, pg_catalog.current_database(), r.rolsuper, \
      pg_catalog.pg_has_role(current_user, 'pg_read_server_files', 'MEMBER'), \
      pg_catalog.pg_has_role(current_user, 'pg_write_server_files', 'MEMBER'), \
      pg_catalog.pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER'), \
      pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'MEMBER'), \
      r.rolreplication, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, \
      pg_catalog.quote_ident(pg_catalog.current_database()), \
      pg_catalog.quote_ident(coalesce(pg_catalog.current_schema(), 'public')) \
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

/// What each of the flags above means, in their order after the first two.
const POWERS: [&str; 9] = [
    "is a superuser: it can read and write files of the server and run programs there",
    "may read files of the server (pg_read_server_files)",
    "may write files of the server (pg_write_server_files)",
    "may run programs on the server (pg_execute_server_program)",
    "may stop other sessions (pg_signal_backend)",
    "may copy the whole server (REPLICATION)",
    "sees rows that row-level security hides (BYPASSRLS)",
    "may create roles, among them stronger ones (CREATEROLE)",
    "may create databases (CREATEDB)",
];

/// Asks the server.
pub fn read<H: Host>(session: &mut Session<H>) -> Result<ServerInfo> {
    let mut results = session.simple(QUESTION)?;
    let row = results
        .pop()
        .and_then(|rows| rows.into_iter().next())
        .unwrap_or_default();
    let field = |index: usize| row.get(index).cloned().flatten();
    let version = session
        .wire
        .settings
        .get("server_version")
        .and_then(|version| version.split(' ').next())
        .unwrap_or_default();
    let user = field(0);
    Ok(ServerInfo {
        product: format!("PostgreSQL {version}").trim_end().to_owned(),
        warnings: warnings(
            user.as_deref().unwrap_or_default(),
            &|index| field(index).as_deref() == Some("t"),
            &field(11).unwrap_or_default(),
            &field(12).unwrap_or_default(),
        ),
        user,
        database: field(1),
    })
}

fn warnings(
    user: &str,
    holds: &dyn Fn(usize) -> bool,
    database: &str,
    schema: &str,
) -> Vec<String> {
    let superuser = holds(2);
    let powers: Vec<&str> = POWERS
        .iter()
        .enumerate()
        // A superuser has the other powers too; naming them adds nothing.
        .filter(|(index, _)| holds(index + 2) && (*index == 0 || !superuser))
        .map(|(_, power)| *power)
        .collect();
    if powers.is_empty() {
        return Vec::new();
    }
    let mut warnings: Vec<String> = powers
        .into_iter()
        .map(|power| format!("The role \"{user}\" {power}."))
        .collect();
    warnings.push(format!(
        "A role that can only read: CREATE ROLE labd_reader LOGIN PASSWORD '…'; \
         GRANT CONNECT ON DATABASE {database} TO labd_reader; \
         GRANT USAGE ON SCHEMA {schema} TO labd_reader; \
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO labd_reader; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO labd_reader;"
    ));
    warnings
}
