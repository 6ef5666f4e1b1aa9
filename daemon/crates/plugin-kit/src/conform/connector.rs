//! The checks of connectors.

use super::{
    ConformError, Setting, Suite,
    bench::{self, Bench, CANARY, name, told},
    database::{Database, kind, rows},
    growth,
    peer::{Peer, Reply, nobody},
    provider::found_secret,
    spec::Query,
    suite::{Done, Trouble, fail, present, skip},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use labd_plugin_host::{
    Ceiling, PluginError,
    kinds::connector::{Connection, Connector, Param, QueryOptions, Rows, SourceAccess, Target},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Statements of one connection in a long run.
const PER_CONNECTION: u32 = 500;

pub(super) async fn run(setting: &Setting<'_>, suite: &mut Suite) -> Result<(), ConformError> {
    let peer = Peer::start().await?;
    let aside = setting.spec.reply.clone();
    peer.play(move |request| {
        let found = aside.iter().find(|reply| reply.answers(request));
        found.map_or_else(|| Reply::of(404, "{}"), super::spec::Recorded::reply)
    });
    let database = Database::of(setting, &peer);
    let bench = Bench::start(setting, Ceiling::default(), bench::limits()).await?;
    let all = Checks {
        setting,
        bench: &bench,
        database: &database,
    };
    suite
        .check("it loads and describes itself", &bench, all.describes())
        .await;
    if bench.refused().is_some() {
        return Ok(());
    }
    for query in &setting.spec.query {
        let name = format!("rows are exact: {}", query.sql);
        suite.check(&name, &bench, all.exact(query)).await;
    }
    suite
        .check(
            "text in every script passes both ways",
            &bench,
            all.scripts(),
        )
        .await;
    suite
        .check("the schema is told", &bench, all.schema())
        .await;
    suite
        .check(
            "many rows come in batches within bounds",
            &bench,
            all.many_rows(),
        )
        .await;
    suite
        .check(
            "a cursor that is given up leaves the connection usable",
            &bench,
            all.given_up(),
        )
        .await;
    suite
        .check(
            "a wrong statement is refused, and the connection stays usable",
            &bench,
            all.wrong_statements(),
        )
        .await;
    suite
        .check(
            "nothing is written where only reading is asked for",
            &bench,
            all.writing(),
        )
        .await;
    suite
        .check(
            "a statement that takes too long is a `timeout`",
            &bench,
            all.slow(),
        )
        .await;
    suite
        .check("a cancelled statement ends", &bench, all.cancelled())
        .await;
    suite
        .check(
            "a wrong password is `unauthenticated`",
            &bench,
            all.wrong_password(),
        )
        .await;
    suite
        .check(
            "a database that is not there is named as such",
            &bench,
            all.absent(),
        )
        .await;
    refused(setting, suite, &bench, &database).await?;
    suite
        .check(
            "eight connections at once are all right",
            &bench,
            all.at_once(8),
        )
        .await;
    suite
        .check("a long run leaves nothing behind", &bench, all.long_run())
        .await;
    suite
        .check("no secret is in a log or an error", &bench, all.secrets())
        .await;
    Ok(())
}

/// What needs a host of another kind.
async fn refused(
    setting: &Setting<'_>,
    suite: &mut Suite,
    bench: &Bench,
    database: &Result<Database, String>,
) -> Result<(), ConformError> {
    let silent = Peer::start().await?;
    silent.play(|_| Reply::silence());
    let hasty = Bench::start(setting, Ceiling::default(), bench::impatient()).await?;
    let other = Checks {
        setting,
        bench: &hasty,
        database,
    };
    suite
        .check(
            "a server that says nothing is a `timeout`",
            &hasty,
            other.silent(&silent),
        )
        .await;
    let nothing = Ceiling {
        http: Some(Vec::new()),
        net: false,
        sqlite: false,
        ..Ceiling::default()
    };
    let denying = Bench::start(setting, nothing, bench::limits()).await?;
    let other = Checks {
        setting,
        bench: &denying,
        database,
    };
    suite
        .check(
            "a denial is returned, and not trapped",
            &denying,
            other.denied(),
        )
        .await;
    for other in [&hasty, &denying] {
        bench.take_over(other);
    }
    Ok(())
}

struct Checks<'a> {
    setting: &'a Setting<'a>,
    bench: &'a Bench,
    database: &'a Result<Database, String>,
}

impl Checks<'_> {
    fn connector(&self) -> Result<Arc<dyn Connector>, Trouble> {
        present(
            self.bench.host.connector(&self.setting.manifest.id),
            "a connector",
        )
    }

    fn database(&self) -> Result<&Database, Trouble> {
        match self.database {
            Ok(database) => Ok(database),
            Err(reason) => skip(reason.clone()),
        }
    }

    /// The database, for checks of the way to it.
    fn reached(&self) -> Result<&Database, Trouble> {
        let database = self.database()?;
        if self.setting.manifest.permissions.is_empty() {
            return skip("the plugin asks for no permission, and so it reaches no database");
        }
        Ok(database)
    }

    async fn open(
        &self,
        access: &Arc<SourceAccess>,
    ) -> Result<Result<Box<dyn Connection>, PluginError>, Trouble> {
        let opened = self.connector()?.open(Arc::clone(access)).await;
        Ok(opened.inspect_err(|error| self.bench.note(error)))
    }

    async fn opened(&self) -> Result<Box<dyn Connection>, Trouble> {
        match self.open(&self.database()?.access).await? {
            Ok(connection) => Ok(connection),
            Err(error) => fail(
                "a connection",
                told(&error),
                "see that the database runs and that [source] names it",
            ),
        }
    }

    async fn describes(&self) -> Done {
        self.bench.loaded()?;
        let connector = self.connector()?;
        let (one, other) = (connector.describe().await, connector.describe().await);
        match (one, other) {
            (Ok(one), Ok(other))
                if one == other && !one.name.is_empty() && !one.dialect.is_empty() =>
            {
                Ok(())
            }
            (one, _) => fail(
                "a name and a dialect, the same each time",
                format!("{one:?}"),
                "fill them in `describe`, and let it depend on nothing",
            ),
        }
    }

    async fn exact(&self, query: &Query) -> Done {
        let wanted: Vec<Vec<Value>> = match serde_json::from_str(&query.rows) {
            Ok(wanted) => wanted,
            Err(error) => {
                return fail(
                    "a JSON list of rows in conformance.toml",
                    error.to_string(),
                    "write `rows` like [[1, \"text\", null]]",
                );
            }
        };
        let mut connection = self.opened().await?;
        let params: Vec<_> = query.params.iter().cloned().map(Param::Text).collect();
        let answer = self
            .all(&mut *connection, &query.sql, &params, options())
            .await?;
        let (answer, found) = match answer {
            Ok(answer) => answer,
            Err(error) => return fail("rows", told(&error), "see the statement's error"),
        };
        let help = "map values by their type, exactly; see `values` in wit/connector";
        let names: Vec<_> = answer
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let kinds: Vec<_> = answer
            .columns
            .iter()
            .map(|c| kind(c.kind).to_owned())
            .collect();
        for (wanted, found) in [(&query.columns, names), (&query.kinds, kinds)] {
            if wanted.as_ref().is_some_and(|wanted| *wanted != found) {
                return fail(
                    format!("the columns {wanted:?}"),
                    format!("{found:?}"),
                    help,
                );
            }
        }
        if wanted == found {
            return Ok(());
        }
        let shown = |rows: &[Vec<Value>]| serde_json::to_string(rows).unwrap_or_default();
        fail(shown(&wanted), shown(&found), help)
    }

    /// All rows of a statement.
    async fn all(
        &self,
        connection: &mut dyn Connection,
        sql: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Result<(Rows, Vec<Vec<Value>>), PluginError>, Trouble> {
        let answer = match connection.query(sql, params, options).await {
            Ok(answer) => answer,
            Err(error) => {
                self.bench.note(&error);
                return Ok(Err(error));
            }
        };
        let mut found = rows(&answer.first);
        let mut more = answer.more;
        bounded(answer.first.rows, options)?;
        while more {
            match connection.next(options.max_rows, options.max_bytes).await {
                Ok(batch) => {
                    bounded(batch.rows, options)?;
                    more = batch.rows > 0;
                    found.extend(rows(&batch));
                }
                Err(error) => {
                    self.bench.note(&error);
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok((answer, found)))
    }

    async fn scripts(&self) -> Done {
        let spoken = |query: &&Query| {
            query.params.iter().any(|param| !param.is_ascii()) && !query.rows.is_ascii()
        };
        match self.setting.spec.query.iter().find(spoken) {
            Some(query) => self.exact(query).await,
            None => skip(
                "conformance.toml has no [[query]] with text beyond ASCII in `params` and `rows`",
            ),
        }
    }

    async fn schema(&self) -> Done {
        let mut connection = self.opened().await?;
        let schema = match connection.schema().await {
            Ok(schema) => schema,
            Err(error) => return fail("a schema", told(&error), "see wit/connector, `schema`"),
        };
        let empty = schema
            .relations
            .iter()
            .find(|relation| relation.columns.is_empty());
        match empty {
            Some(relation) => fail(
                "columns of every relation",
                format!("{} has none", relation.name),
                "list the columns of tables and views",
            ),
            None => Ok(()),
        }
    }

    async fn many_rows(&self) -> Done {
        let Some(large) = &self.setting.spec.large_query else {
            return skip("conformance.toml has no [large-query]");
        };
        let mut connection = self.opened().await?;
        for max_rows in [7, 1000] {
            let options = QueryOptions {
                max_rows,
                ..options()
            };
            match self.all(&mut *connection, &large.sql, &[], options).await? {
                Ok((_, found)) if found.len() as u64 == large.rows => {}
                Ok((_, found)) => {
                    return fail(
                        format!("{} rows, {max_rows} at a time", large.rows),
                        format!("{}", found.len()),
                        "give the rest by `cursor.next` until there are no more rows",
                    );
                }
                Err(error) => return fail("rows", told(&error), "see the statement's error"),
            }
        }
        Ok(())
    }

    async fn given_up(&self) -> Done {
        let (Some(large), Some(query)) = (
            &self.setting.spec.large_query,
            self.setting.spec.query.first(),
        ) else {
            return skip("conformance.toml has no [large-query] or no [[query]]");
        };
        let mut connection = self.opened().await?;
        let few = QueryOptions {
            max_rows: 1,
            ..options()
        };
        for close in [true, false] {
            let begun = connection.query(&large.sql, &[], few).await;
            let closed = match begun {
                Ok(_) if close => connection.close_cursor().await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            let params: Vec<_> = query.params.iter().cloned().map(Param::Text).collect();
            let again = match closed {
                Ok(()) => {
                    self.all(&mut *connection, &query.sql, &params, options())
                        .await?
                }
                Err(error) => Err(error),
            };
            if let Err(error) = again {
                return fail(
                    "the next statement to work",
                    told(&error),
                    "close or drain the former cursor when it is dropped",
                );
            }
        }
        Ok(())
    }

    async fn wrong_statements(&self) -> Done {
        let wrong = &self.setting.spec.wrong_query;
        if wrong.is_empty() {
            return skip("conformance.toml has no [[wrong-query]]");
        }
        let mut connection = self.opened().await?;
        for statement in wrong {
            let answer = self
                .all(&mut *connection, &statement.sql, &[], options())
                .await?;
            match answer {
                Err(error) if name(&error) == statement.error => {}
                other => {
                    return fail(
                        format!("`{}` for {}", statement.error, statement.sql),
                        other.map_or_else(|error| told(&error), |_| "rows".into()),
                        "map the database's error codes to the contract's errors",
                    );
                }
            }
            if let Err(error) = connection.ping().await {
                return fail(
                    "a connection that can be used again",
                    told(&error),
                    "read the database's answer to its end, also after an error",
                );
            }
        }
        Ok(())
    }

    async fn writing(&self) -> Done {
        let Some(sql) = &self.setting.spec.writing else {
            return skip("conformance.toml has no `writing`");
        };
        let mut connection = self.opened().await?;
        match self.all(&mut *connection, sql, &[], options()).await? {
            Err(_) => Ok(()),
            Ok(_) => fail(
                "an error",
                "it was run",
                "use a read-only transaction or session of the database when `read-only` is set",
            ),
        }
    }

    async fn slow(&self) -> Done {
        let Some(sql) = &self.setting.spec.slow_query else {
            return skip("conformance.toml has no `slow-query`");
        };
        let mut connection = self.opened().await?;
        let short = QueryOptions {
            timeout: Duration::from_millis(300),
            ..options()
        };
        match self.all(&mut *connection, sql, &[], short).await? {
            Err(PluginError::Timeout) => Ok(()),
            other => fail(
                "`timeout`",
                other.map_or_else(|error| told(&error), |_| "rows".into()),
                "have the database enforce `timeout`, and map its error",
            ),
        }
    }

    async fn cancelled(&self) -> Done {
        let Some(sql) = &self.setting.spec.slow_query else {
            return skip("conformance.toml has no `slow-query`");
        };
        let mut connection = self.opened().await?;
        let token = match connection.cancel_token().await {
            Ok(token) => token,
            Err(error) => {
                return fail("a token", told(&error), "see wit/connector, `cancel-token`");
            }
        };
        if token.is_empty() {
            return skip("the token is empty: what runs ends with its connection alone");
        }
        let access = &self.database()?.access;
        let connector = self.connector()?;
        let ask = async {
            let mut cancelled = Ok(());
            // Until the statement runs there is nothing to cancel.
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                cancelled = connector.cancel(Arc::clone(access), &token).await;
            }
            cancelled
        };
        let run = connection.query(sql, &[], options());
        tokio::select! {
            ended = run => match ended {
                Err(PluginError::Cancelled) => Ok(()),
                other => fail(
                    "`cancelled`",
                    other.map_or_else(|error| told(&error), |_| "rows".into()),
                    "map what the database says of a cancelled statement",
                ),
            },
            cancelled = ask => fail(
                "the statement to end",
                cancelled.map_or_else(|error| told(&error), |()| "it went on".into()),
                "send the database's cancel request in `cancel`",
            ),
        }
    }

    async fn wrong_password(&self) -> Done {
        let database = self.database()?;
        if !database.access.secrets.contains_key("password") {
            return skip("the source has no password");
        }
        let access = database.with(|access| {
            let canary = CANARY.to_owned().into();
            access.secrets.insert("password".into(), canary);
        });
        match self.open(&access).await? {
            Err(PluginError::Unauthenticated(_)) => Ok(()),
            Ok(_) => skip("the server lets this user in with any password"),
            Err(error) => fail(
                "`unauthenticated`",
                told(&error),
                "map what the server says of a password",
            ),
        }
    }

    async fn absent(&self) -> Done {
        let database = self.reached()?;
        let closed = match nobody().await {
            Ok(closed) => closed,
            Err(error) => return skip(format!("no port is free: {error}")),
        };
        let port = Url::parse(&closed).ok().and_then(|url| url.port());
        let access = database.with(|access| {
            if let Some(file) = &mut access.sqlite {
                file.path = file.path.with_file_name("nothing.db");
            }
            access.targets = to(port.unwrap_or_default(), &access.targets);
        });
        let opened = self.open(&access).await?;
        // Who has no connection to make notices at the first statement.
        let error = match opened {
            Ok(mut connection) => connection.ping().await.err(),
            Err(error) => Some(error),
        };
        match error {
            Some(PluginError::Unavailable(_) | PluginError::NotFound(_)) => Ok(()),
            other => fail(
                "`unavailable` or `not-found`",
                other.map_or_else(|| "a connection".into(), |error| told(&error)),
                "pass on what the host says of the connection",
            ),
        }
    }

    async fn silent(&self, silent: &Peer) -> Done {
        let database = self.reached()?;
        if database.access.targets.is_empty() {
            return skip("the source has no server");
        }
        let port = Url::parse(&silent.origin()).ok().and_then(|url| url.port());
        let access = database.with(|access| {
            access.targets = to(port.unwrap_or_default(), &access.targets);
        });
        match self.open(&access).await? {
            Err(PluginError::Timeout) => Ok(()),
            other => fail(
                "`timeout`",
                other.map_or_else(|error| told(&error), |_| "a connection".into()),
                "pass on what the host says of the connection; do not try again",
            ),
        }
    }

    async fn denied(&self) -> Done {
        let database = self.database()?;
        if self.setting.manifest.permissions.is_empty() {
            return skip("the plugin asks for nothing that could be denied");
        }
        let error = match self.open(&database.access).await? {
            Ok(mut connection) => connection.ping().await.err(),
            Err(error) => Some(error),
        };
        match error {
            Some(PluginError::Denied(_)) if self.bench.denials() > 0 => Ok(()),
            other => fail(
                "`denied`, as the host says it",
                other.map_or_else(|| "a connection".into(), |error| told(&error)),
                "pass on what the host says",
            ),
        }
    }

    async fn at_once(&self, count: usize) -> Done {
        let Some(query) = self.setting.spec.query.first() else {
            return skip("conformance.toml has no [[query]]");
        };
        self.exact(query).await?;
        stream::iter((0..count * 2).map(Ok))
            .try_for_each_concurrent(count, |_| self.exact(query))
            .await
    }

    async fn long_run(&self) -> Done {
        let Some(query) = self.setting.spec.query.first() else {
            return skip("conformance.toml has no [[query]]");
        };
        let params: Vec<_> = query.params.iter().cloned().map(Param::Text).collect();
        let calls = self.setting.options.calls;
        let half = async |count: u32| {
            let connections = count.div_ceil(PER_CONNECTION);
            stream::iter(0..connections)
                .map(Ok)
                .try_for_each(|_| async {
                    let mut connection = self.opened().await?;
                    for _ in 0..PER_CONNECTION.min(count) {
                        let answer = self.all(&mut *connection, &query.sql, &params, options());
                        if let Err(error) = answer.await? {
                            return fail("rows", told(&error), "see the checks before");
                        }
                    }
                    Ok(())
                })
                .await
        };
        half(calls / 2).await?;
        let middle = growth::resident();
        half(calls / 2).await?;
        let end = growth::resident();
        match self.bench.instances() {
            0 | 1 => growth::compare(middle, end, calls),
            instances => fail(
                "no instance of a connection that was closed",
                format!("{instances}"),
                "this is a fault of the host; please report it",
            ),
        }
    }

    async fn secrets(&self) -> Done {
        let database = self.database()?;
        let Some(password) = database.access.secrets.get("password") else {
            return skip("the source has no password");
        };
        found_secret(self.bench)?;
        let said = self.bench.said();
        // A short one may be part of any word.
        match said
            .iter()
            .find(|s| password.len() >= 8 && s.text.contains(password.as_str()))
        {
            None => Ok(()),
            Some(said) => fail(
                "the password nowhere",
                format!("it is in {}", said.place),
                "use it for signing in, and name it nowhere",
            ),
        }
    }
}

fn options() -> QueryOptions {
    QueryOptions {
        read_only: true,
        timeout: Duration::from_secs(15),
        max_rows: 1000,
        max_bytes: 1 << 20,
    }
}

fn bounded(rows: usize, options: QueryOptions) -> Done {
    if rows <= usize::try_from(options.max_rows).unwrap_or(usize::MAX) {
        return Ok(());
    }
    fail(
        format!("at most {} rows in a batch", options.max_rows),
        format!("{rows}"),
        "give the rest by `cursor.next`",
    )
}

/// As many targets, all on this port of loopback.
fn to(port: u16, targets: &[Target]) -> Vec<Target> {
    let there = |_| Target::Tcp {
        host: "127.0.0.1".into(),
        port,
    };
    targets.iter().map(there).collect()
}
