//! All data sources, and everything that can be asked of one.

use crate::{
    broker::{
        Cursors, Held, Lease, Page, Pool, ResultCache, by_contract, by_value, first_page, limits,
        next_page,
    },
    errors,
    source::{
        connectors::Connectors,
        record::{self, AccessOptions, FIRST_ENVIRONMENT, Parsed, SourceRecord},
        schema::{self, SchemaRecord},
    },
    statement::{Dialect, Effect, Statement, functions::FunctionName},
};
use bytes::Bytes;
use jiff::Timestamp;
use labd_plugin_host::{
    PluginError,
    kinds::{
        connector::{Column, Param},
        sandbox::{self, QueryContract},
    },
};
use labd_protocol::{
    ApiError, CursorId, ErrorCode, Notice, QueryColumn, QueryRequest, QueryResult, Secret,
    SourceCreate, SourceId, SourceInfo, SourceSchema, SourceTest, SourceTestRequest, SourceUpdate,
};
use labd_store::{Batch, Store};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};
use tokio::{sync::broadcast, time::timeout};

/// What the sources need to know of the daemon.
#[derive(Clone, Debug)]
pub struct SourcesOptions {
    /// The daemon's own data, which is no database for apps.
    pub data_dir: PathBuf,
}

/// A parameter of a checked query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedParameter {
    /// Its name.
    pub name: String,
    /// The type that the database expects; empty when it does not type parameters.
    pub database_type: String,
}

/// What the database says of a named query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedQuery {
    /// In the order of their first use.
    pub parameters: Vec<CheckedParameter>,
    /// The result's columns.
    pub columns: Vec<QueryColumn>,
}

/// All data sources. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    connectors: Arc<dyn Connectors>,
    options: SourcesOptions,
    active: Mutex<HashMap<SourceId, Arc<Active>>>,
    cursors: Cursors,
    results: ResultCache,
    notices: broadcast::Sender<Notice>,
    /// Names are unique: checked and saved under this lock.
    saving: tokio::sync::Mutex<()>,
}

/// A source that has been used since the daemon started.
struct Active {
    record: SourceRecord,
    dialect: Dialect,
    pool: Arc<Pool>,
    placeholders: labd_plugin_host::kinds::connector::Placeholders,
    statements: Mutex<HashMap<String, Arc<Statement>>>,
    /// Functions that the catalogue was asked about, and whether they only read.
    functions: Mutex<HashMap<FunctionName, bool>>,
}

impl Sources {
    /// Opens the sources that are stored.
    pub fn new(store: Store, connectors: Arc<dyn Connectors>, options: SourcesOptions) -> Self {
        let inner = Arc::new(Inner {
            store,
            connectors,
            options,
            active: Mutex::new(HashMap::new()),
            cursors: Cursors::default(),
            results: ResultCache::default(),
            notices: broadcast::channel(256).0,
            saving: tokio::sync::Mutex::new(()),
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// What changes.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    /// All sources, the oldest first.
    pub async fn list(&self) -> Result<Vec<SourceInfo>, ApiError> {
        Ok(self
            .records()?
            .iter()
            .map(|record| record.info(self.connectors()))
            .collect())
    }

    /// One source.
    pub async fn get(&self, id: SourceId) -> Result<SourceInfo, ApiError> {
        Ok(self.record(id)?.info(self.connectors()))
    }

    /// Tests a new source, saves it sealed and reads its schema.
    pub async fn create(&self, create: SourceCreate) -> Result<SourceInfo, ApiError> {
        self.add(create, false).await
    }

    /// Adds the daemon's own sample database.
    pub async fn add_sample(&self, path: &Path) -> Result<SourceInfo, ApiError> {
        let create = SourceCreate {
            name: "Sample shop".to_owned(),
            url: Secret::new(format!("sqlite://{}", path.display())),
            ca: None,
            time_zone: None,
            save_untested: false,
        };
        self.add(create, true).await
    }

    async fn add(&self, create: SourceCreate, sample: bool) -> Result<SourceInfo, ApiError> {
        let parsed = record::parse(self.connectors(), create.url.expose())?;
        let now = Timestamp::now();
        let mut record = SourceRecord {
            id: SourceId::generate(),
            name: name(&create.name)?,
            plugin: parsed.entry.plugin.clone(),
            connector: parsed.entry.name.clone(),
            dialect: String::new(),
            url: create.url,
            ca: certificate(create.ca)?,
            environment: FIRST_ENVIRONMENT.to_owned(),
            time_zone: time_zone(create.time_zone)?,
            sample,
            created_at: now,
            updated_at: now,
            last_test: None,
        };
        self.expect_free_name(&record)?;
        self.test_and_save(&mut record, create.save_untested)
            .await?;
        Ok(record.info(self.connectors()))
    }

    /// Changes a source. Another URL is tested like a new one.
    pub async fn update(&self, id: SourceId, update: SourceUpdate) -> Result<SourceInfo, ApiError> {
        let mut record = self.record(id)?;
        let reconnects = update.url.is_some() || update.ca.is_some() || update.time_zone.is_some();
        if let Some(new) = &update.name {
            record.name = name(new)?;
        }
        if let Some(url) = update.url {
            let parsed = record::parse(self.connectors(), url.expose())?;
            record.plugin = parsed.entry.plugin;
            record.connector = parsed.entry.name;
            record.url = url;
            record.sample = false;
        }
        if let Some(ca) = update.ca {
            record.ca = certificate(Some(ca))?;
        }
        if let Some(zone) = update.time_zone {
            record.time_zone = time_zone(Some(zone))?;
        }
        record.updated_at = Timestamp::now();
        self.expect_free_name(&record)?;
        if reconnects {
            self.test_and_save(&mut record, update.save_untested)
                .await?;
        } else {
            self.save(&record).await?;
        }
        Ok(record.info(self.connectors()))
    }

    /// Removes a source with its credential and its cached schema.
    pub async fn remove(&self, id: SourceId) -> Result<(), ApiError> {
        self.record(id)?;
        let mut batch = Batch::new();
        batch.delete::<SourceRecord>(&id.to_string());
        batch.delete::<SchemaRecord>(&id.to_string());
        self.inner.store.commit(batch).await.map_err(storage)?;
        self.forget(id);
        self.notify(id);
        Ok(())
    }

    /// Tests a source that is saved, and keeps the outcome.
    pub async fn test(&self, id: SourceId) -> Result<SourceTest, ApiError> {
        let mut record = self.record(id)?;
        let (test, dialect) = self.probe(&record).await?;
        record.last_test = Some(test.clone());
        if let Some(dialect) = dialect {
            record.dialect = dialect;
        }
        self.save(&record).await?;
        Ok(test)
    }

    /// Tests a connection without saving anything.
    pub async fn try_connection(&self, request: SourceTestRequest) -> Result<SourceTest, ApiError> {
        let parsed = record::parse(self.connectors(), request.url.expose())?;
        let now = Timestamp::now();
        let record = SourceRecord {
            id: SourceId::generate(),
            name: String::new(),
            plugin: parsed.entry.plugin,
            connector: parsed.entry.name,
            dialect: String::new(),
            url: request.url,
            ca: certificate(request.ca)?,
            environment: FIRST_ENVIRONMENT.to_owned(),
            time_zone: time_zone(None)?,
            sample: false,
            created_at: now,
            updated_at: now,
            last_test: None,
        };
        self.probe(&record).await.map(|(test, _)| test)
    }

    /// The schema. The cached one is given at once and read anew in the background when it is old.
    pub async fn schema(&self, id: SourceId, refresh: bool) -> Result<Arc<SourceSchema>, ApiError> {
        let active = self.active(id).await?;
        if !refresh
            && let Some(cached) = self
                .inner
                .store
                .get::<SchemaRecord>(&id.to_string())
                .map_err(storage)?
        {
            let age = Timestamp::now().duration_since(cached.schema.read_at);
            if age.unsigned_abs() > limits::SCHEMA_AGE {
                self.refresh_in_background(id);
            }
            return Ok(Arc::new(cached.schema));
        }
        self.read_schema(&active).await.map(Arc::new)
    }

    /// Runs a statement by hand.
    pub async fn query(
        &self,
        id: SourceId,
        request: QueryRequest,
        caller: &str,
    ) -> Result<QueryResult, ApiError> {
        let started = Instant::now();
        let active = self.active(id).await?;
        let outcome = self.query_page(&active, &request).await;
        record_query("by hand", &active, caller, started, &outcome);
        let (page, lease) = outcome?;
        self.answer(id, page, lease, max_rows(&request), caller, started)
            .await
    }

    async fn query_page(
        &self,
        active: &Arc<Active>,
        request: &QueryRequest,
    ) -> Result<(Page, Lease), ApiError> {
        let statement = self.reading(active, &request.text).await?;
        let params = by_value(statement.parameters(), &request.params)?;
        self.run(active, &statement, &params, max_rows(request))
            .await
    }

    /// More rows of a query by hand.
    pub async fn query_next(
        &self,
        cursor: CursorId,
        caller: &str,
    ) -> Result<QueryResult, ApiError> {
        let started = Instant::now();
        let mut held = self.inner.cursors.take(cursor, caller)?;
        let page = next_page(held.page, &mut held.lease, held.max_rows).await?;
        self.answer(
            held.source,
            page,
            held.lease,
            held.max_rows,
            caller,
            started,
        )
        .await
    }

    /// Gives up the rest of a query by hand.
    pub async fn query_close(&self, cursor: CursorId, caller: &str) -> Result<(), ApiError> {
        let mut held = self.inner.cursors.take(cursor, caller)?;
        held.lease.close_cursor().await.map_err(errors::running)
    }

    async fn answer(
        &self,
        source: SourceId,
        page: Page,
        mut lease: Lease,
        max_rows: u32,
        caller: &str,
        started: Instant,
    ) -> Result<QueryResult, ApiError> {
        let rows = serde_json::from_slice(&page.rows)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        let columns = columns(&page.columns);
        let next = if page.more {
            let held = Held {
                source,
                caller: caller.to_owned(),
                page,
                lease,
                max_rows,
            };
            Some(self.inner.cursors.hold(held))
        } else {
            // The next caller of this connection finds it free.
            lease.close_cursor().await.map_err(errors::running)?;
            None
        };
        Ok(QueryResult {
            columns,
            rows,
            next,
            truncated: false,
            duration_ms: milliseconds(started),
        })
    }

    /// Has a named query checked: its effect by the parser, its names and types by the database.
    /// Positions of errors count characters of the query's text.
    pub async fn check_query(
        &self,
        id: SourceId,
        query: &QueryContract,
    ) -> Result<CheckedQuery, ApiError> {
        let active = self.active(id).await?;
        let statement = self.reading_contract(&active, query).await?;
        for name in statement.parameters() {
            if !query
                .parameters
                .iter()
                .any(|declared| declared.name == *name)
            {
                return Err(ApiError::new(
                    ErrorCode::QueryFailed,
                    format!("The parameter :{name} is used but not declared."),
                )
                .with_hint(format!("Add a line: -- @param {name} text")));
            }
        }
        let mut lease = active.pool.lease().await?;
        let prepare = lease.prepare(statement.text());
        let prepared = timeout(limits::STATEMENT, prepare)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(|error| self.query_error(&active, &statement, error))?;
        let parameters = statement
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, name)| CheckedParameter {
                name: name.clone(),
                database_type: prepared
                    .parameters
                    .get(index)
                    .map(|parameter| parameter.database_type.clone())
                    .unwrap_or_default(),
            })
            .collect();
        Ok(CheckedQuery {
            parameters,
            columns: columns(&prepared.columns),
        })
    }

    /// Runs a named query of an app. The answer is JSON:
    /// `{"columns": […], "rows": [[…]], "truncated": false, "duration_ms": 1.5}`.
    pub async fn run_named(
        &self,
        id: SourceId,
        query: &QueryContract,
        params: Map<String, Value>,
        caller: &str,
    ) -> Result<Bytes, ApiError> {
        let started = Instant::now();
        let active = self.active(id).await?;
        let key = query.cache.map(|_| {
            let params = Value::Object(params.clone()).to_string();
            (id, query.text.clone(), params)
        });
        if let (Some(key), Some(age)) = (&key, query.cache)
            && let Some(result) = self
                .inner
                .results
                .get(key, Duration::from_millis(u64::from(age)))
        {
            return Ok(result);
        }
        let outcome = self.named_page(&active, query, &params).await;
        record_query(&query.name, &active, caller, started, &outcome);
        let (page, mut lease) = outcome?;
        if page.more {
            // Cut off by a limit: what the database still holds is given up.
            lease.close_cursor().await.map_err(errors::running)?;
        }
        drop(lease);
        let result = Bytes::from(named_answer(&page, started));
        if let Some(key) = key {
            self.inner.results.put(key, result.clone());
        }
        Ok(result)
    }

    async fn named_page(
        &self,
        active: &Arc<Active>,
        query: &QueryContract,
        params: &Map<String, Value>,
    ) -> Result<(Page, Lease), ApiError> {
        let statement = self.reading_contract(active, query).await?;
        let params = by_contract(statement.parameters(), &query.parameters, params)?;
        self.run(active, &statement, &params, limits::ROWS).await
    }

    async fn run(
        &self,
        active: &Arc<Active>,
        statement: &Statement,
        params: &[Param],
        max_rows: u32,
    ) -> Result<(Page, Lease), ApiError> {
        first_page(&active.pool, statement.text(), params, max_rows)
            .await
            .map_err(|error| self.locate(active, statement, error))
    }

    /// A named query whose declared effect can be run.
    async fn reading_contract(
        &self,
        active: &Arc<Active>,
        query: &QueryContract,
    ) -> Result<Arc<Statement>, ApiError> {
        if query.effect == sandbox::Effect::Write {
            return Err(ApiError::new(
                ErrorCode::WriteRefused,
                format!(
                    "The query {} declares that it writes. This version of labd runs only queries \
                     that read.",
                    query.name
                ),
            ));
        }
        self.reading(active, &query.text).await
    }

    /// A statement that has been shown to only read.
    async fn reading(&self, active: &Arc<Active>, text: &str) -> Result<Arc<Statement>, ApiError> {
        let known = active.statements().get(text).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                if text.len() > limits::TEXT {
                    return Err(ApiError::new(
                        ErrorCode::TooLarge,
                        format!("The statement is longer than {} KiB.", limits::TEXT / 1024),
                    ));
                }
                let statement = Statement::parse(text, active.dialect, active.placeholders)
                    .map_err(errors::statement)?;
                let statement = Arc::new(statement);
                let mut statements = active.statements();
                if statements.len() >= 1_000 {
                    statements.clear();
                }
                statements.insert(text.to_owned(), statement.clone());
                statement
            }
        };
        if statement.effect() != Effect::Read {
            return Err(errors::not_reading(statement.effect()));
        }
        let functions: Vec<_> = statement.unknown_functions().cloned().collect();
        for function in functions {
            if !self.only_reads(active, &function).await? {
                return Err(ApiError::new(
                    ErrorCode::WriteRefused,
                    format!(
                        "The function {function} cannot be shown to only read data, so the \
                         statement is not run."
                    ),
                ));
            }
        }
        Ok(statement)
    }

    /// Whether the database's catalogue calls every function of this name immutable or stable.
    async fn only_reads(
        &self,
        active: &Arc<Active>,
        function: &FunctionName,
    ) -> Result<bool, ApiError> {
        if active.dialect != Dialect::Postgres {
            return Ok(false);
        }
        if let Some(known) = active.functions().get(function) {
            return Ok(*known);
        }
        let schema = match &function.schema {
            Some(schema) => Param::Text(schema.clone()),
            None => Param::Null,
        };
        let params = [Param::Text(function.name.clone()), schema];
        let (page, _lease) = first_page(&active.pool, VOLATILITY, &params, 1).await?;
        let only_reads = page.rows == b"[[true]]";
        active.functions().insert(function.clone(), only_reads);
        Ok(only_reads)
    }

    fn query_error(
        &self,
        active: &Arc<Active>,
        statement: &Statement,
        error: PluginError,
    ) -> ApiError {
        self.locate(active, statement, errors::running(error))
    }

    /// Maps the position of an error to the text that the caller knows, and has the schema read
    /// anew when a name was not found.
    fn locate(&self, active: &Arc<Active>, statement: &Statement, mut error: ApiError) -> ApiError {
        error.position = error
            .position
            .map(|position| statement.original_position(position));
        // PostgreSQL: undefined_column, undefined_table. SQLite has one code for all errors.
        let unknown_name = matches!(error.upstream_code.as_deref(), Some("42703" | "42P01"))
            || error.message.contains("no such table")
            || error.message.contains("no such column");
        if unknown_name {
            self.refresh_in_background(active.record.id);
        }
        error
    }

    fn refresh_in_background(&self, id: SourceId) {
        let sources = self.clone();
        tokio::spawn(async move {
            let read = async {
                let active = sources.active(id).await?;
                sources.read_schema(&active).await
            };
            if let Err(error) = read.await {
                tracing::warn!(source = %id, %error, "the schema could not be read anew");
            }
        });
    }

    async fn read_schema(&self, active: &Arc<Active>) -> Result<SourceSchema, ApiError> {
        let mut lease = active.pool.lease().await?;
        let read = lease.schema();
        let schema = timeout(limits::SCHEMA, read)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(errors::running)?;
        let schema = schema::to_protocol(schema, &active.record.dialect, Timestamp::now());
        let mut batch = Batch::new();
        let stored = SchemaRecord {
            schema: schema.clone(),
        };
        batch
            .put(&active.record.id.to_string(), &stored)
            .map_err(storage)?;
        self.inner.store.commit(batch).await.map_err(storage)?;
        self.notify(active.record.id);
        Ok(schema)
    }

    /// Connects as a record says and asks the server about itself.
    async fn probe(&self, record: &SourceRecord) -> Result<(SourceTest, Option<String>), ApiError> {
        let parsed = record::parse(self.connectors(), record.url.expose())?;
        let mut test = SourceTest {
            at: Timestamp::now(),
            product: None,
            user: None,
            database: None,
            latency_ms: 0,
            warnings: parsed.warnings(),
            error: None,
        };
        let started = Instant::now();
        let outcome = self.ask_server(record, &parsed, &mut test).await;
        test.latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(dialect) => Ok((test, Some(dialect))),
            Err(error) => {
                test.error = Some(error);
                Ok((test, None))
            }
        }
    }

    async fn ask_server(
        &self,
        record: &SourceRecord,
        parsed: &Parsed,
        test: &mut SourceTest,
    ) -> Result<String, ApiError> {
        let access = parsed.access(self.access_options(record, &record.id.to_string()))?;
        let describe = parsed.entry.connector.describe();
        let described = describe.await.map_err(errors::connecting)?;
        let pool = Pool::new(parsed.entry.connector.clone(), access);
        let mut lease = pool.lease().await?;
        let ask = lease.server_info();
        let server = timeout(limits::STATEMENT, ask)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(errors::connecting)?;
        test.product = Some(server.product);
        test.user = server.user;
        test.database = server.database;
        test.warnings.extend(server.warnings);
        lease.discard();
        Ok(described.dialect)
    }

    async fn test_and_save(
        &self,
        record: &mut SourceRecord,
        save_untested: bool,
    ) -> Result<(), ApiError> {
        let (test, dialect) = self.probe(record).await?;
        if let Some(error) = &test.error
            && !save_untested
        {
            return Err(error.clone());
        }
        let reached = test.error.is_none();
        record.last_test = Some(test);
        if let Some(dialect) = dialect {
            record.dialect = dialect;
        }
        self.save(record).await?;
        if reached {
            let active = self.active(record.id).await?;
            if let Err(error) = self.read_schema(&active).await {
                tracing::warn!(source = %record.id, %error, "the schema could not be read");
            }
        }
        Ok(())
    }

    async fn save(&self, record: &SourceRecord) -> Result<(), ApiError> {
        let _saving = self.inner.saving.lock().await;
        self.expect_free_name(record)?;
        let mut batch = Batch::new();
        batch.put(&record.id.to_string(), record).map_err(storage)?;
        self.inner.store.commit(batch).await.map_err(storage)?;
        self.forget(record.id);
        self.notify(record.id);
        Ok(())
    }

    fn expect_free_name(&self, record: &SourceRecord) -> Result<(), ApiError> {
        let taken = self
            .records()?
            .iter()
            .any(|other| other.id != record.id && other.name == record.name);
        if taken {
            return Err(ApiError::new(
                ErrorCode::Conflict,
                format!("There is a source named {} already.", record.name),
            ));
        }
        Ok(())
    }

    /// Forgets connections and results, so that the next use sees the stored record.
    fn forget(&self, id: SourceId) {
        self.inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        self.inner.cursors.evict(Some(id));
        self.inner.results.forget(id);
    }

    async fn active(&self, id: SourceId) -> Result<Arc<Active>, ApiError> {
        let known = self
            .inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(active) = known {
            return Ok(active);
        }
        let record = self.record(id)?;
        let parsed = record::parse(self.connectors(), record.url.expose())?;
        let access = parsed.access(self.access_options(&record, &id.to_string()))?;
        let connector = parsed.entry.connector;
        let info = connector.describe().await.map_err(errors::connecting)?;
        let active = Arc::new(Active {
            dialect: Dialect::from_name(&info.dialect),
            placeholders: info.placeholders,
            pool: Pool::new(connector, access),
            statements: Mutex::new(HashMap::new()),
            functions: Mutex::new(HashMap::new()),
            record: SourceRecord {
                dialect: info.dialect,
                ..record
            },
        });
        let mut all = self
            .inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(all.entry(id).or_insert(active).clone())
    }

    fn access_options<'a>(&'a self, record: &'a SourceRecord, id: &'a str) -> AccessOptions<'a> {
        AccessOptions {
            id,
            ca: record.ca.as_deref(),
            time_zone: &record.time_zone,
            data_dir: &self.inner.options.data_dir,
            sample: record.sample,
        }
    }

    fn connectors(&self) -> &dyn Connectors {
        self.inner.connectors.as_ref()
    }

    fn records(&self) -> Result<Vec<SourceRecord>, ApiError> {
        let records = self.inner.store.list("").map_err(storage)?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    fn record(&self, id: SourceId) -> Result<SourceRecord, ApiError> {
        self.inner
            .store
            .get(&id.to_string())
            .map_err(storage)?
            .ok_or_else(|| ApiError::not_found("source", id))
    }

    fn notify(&self, source: SourceId) {
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(Notice::Source { source });
    }
}

impl Active {
    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Statement>>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn functions(&self) -> std::sync::MutexGuard<'_, HashMap<FunctionName, bool>> {
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether every function of a name (in a schema, or anywhere in the search path) is immutable or
/// stable; false when there is none.
const VOLATILITY: &str = "SELECT coalesce(bool_and(p.provolatile <> 'v'), false) \
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE p.proname = $1 AND ($2::text IS NULL OR n.nspname = $2::text)";

/// Closes what nobody uses, as long as the sources live.
async fn sweep(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(limits::CURSOR_IDLE / 2).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.cursors.evict(None);
        let active: Vec<_> = inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        for active in active {
            active.pool.evict_idle();
        }
    }
}

fn max_rows(request: &QueryRequest) -> u32 {
    request
        .max_rows
        .unwrap_or(limits::ROWS_BY_HAND)
        .clamp(1, limits::ROWS)
}

fn columns(columns: &[Column]) -> Vec<QueryColumn> {
    columns
        .iter()
        .map(|column| QueryColumn {
            name: column.name.clone(),
            database_type: column.database_type.clone(),
            kind: schema::kind(column.kind),
        })
        .collect()
}

fn named_answer(page: &Page, started: Instant) -> Vec<u8> {
    let mut answer = Vec::with_capacity(page.rows.len() + 512);
    answer.extend_from_slice(b"{\"columns\":");
    // Columns are plain strings and enums: writing them cannot fail.
    let _ = serde_json::to_writer(&mut answer, &columns(&page.columns));
    answer.extend_from_slice(b",\"rows\":");
    answer.extend_from_slice(&page.rows);
    let end = format!(
        ",\"truncated\":{},\"duration_ms\":{:.3}}}",
        page.more,
        milliseconds(started)
    );
    answer.extend_from_slice(end.as_bytes());
    answer
}

/// One line per query: never its parameters.
fn record_query(
    name: &str,
    active: &Active,
    caller: &str,
    started: Instant,
    outcome: &Result<(Page, Lease), ApiError>,
) {
    let (rows, bytes, error) = match outcome {
        Ok((page, _)) => (page.count, page.rows.len(), None),
        Err(error) => (0, 0, Some(error.code.as_str())),
    };
    tracing::info!(
        query = name,
        source = %active.record.id,
        caller,
        duration_ms = milliseconds(started),
        rows,
        bytes,
        error,
        "query"
    );
}

fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

fn name(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "name",
            "A source's name has 1 to 100 characters, in one line.",
        ));
    }
    Ok(name.to_owned())
}

fn certificate(ca: Option<String>) -> Result<Option<String>, ApiError> {
    match ca.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Ok(Some(pem.to_owned())),
        Some(_) => Err(ApiError::invalid(
            "ca",
            "The certificate of the authority must be PEM text: -----BEGIN CERTIFICATE-----…",
        )),
    }
}

fn time_zone(zone: Option<String>) -> Result<String, ApiError> {
    let zone = zone.unwrap_or_else(|| "UTC".to_owned());
    jiff::tz::TimeZone::get(&zone).map_err(|_| {
        ApiError::invalid(
            "time_zone",
            format!("{zone} is not a time zone; write it like Europe/Berlin, or UTC."),
        )
    })?;
    Ok(zone)
}

fn storage(error: labd_store::StoreError) -> ApiError {
    ApiError::new(ErrorCode::StorageFailed, error.to_string())
}
