//! PostgreSQL through broker and connector, beside tokio-postgres, in turn.

use crate::{
    Result,
    figures::{Amount, Figures, Samples, ratio},
    plugins::Plugins,
};
use futures_util::TryStreamExt as _;
use labd_data::{ConnectorEntry, Connectors, Sources, SourcesOptions};
use labd_plugin_host::{
    PluginHost,
    kinds::connector::{QueryOptions, TlsMode, Values},
};
use labd_protocol::{QueryRequest, Secret, SourceCreate};
use labd_store::{Options, Store};
use labd_tests::{
    access,
    servers::{self, TestDatabase},
};
use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio_postgres::types::ToSql;

const POSTGRES: &str = "labd.postgres";
const ROUNDS: usize = 40;
const QUERIES: usize = 100;
const FETCHES: usize = 15;
const ROWS: usize = 100_000;
/// Six columns of the kinds that tables of businesses have.
const TABLE: &str = "CREATE TABLE orders AS
    SELECT n::bigint AS id, (n % 5000)::int AS customer, 'Order number ' || n AS title,
           n * 1.25::float8 AS total, n % 3 = 0 AS paid,
           timestamptz '2024-01-01' + n * interval '1 minute' AS ordered_at
    FROM generate_series(1, 100000) AS n";
const FETCH: &str = "SELECT id, customer, title, total, paid, ordered_at FROM orders";

/// Small queries and a large one.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let plugins = Plugins::start().await?;
    let database = servers::postgres().await?;
    let native = database.client().await?;
    native.batch_execute(TABLE).await?;
    small(figures, &plugins, &database, &native).await?;
    large(figures, &plugins, &database, &native).await
}

async fn small(
    figures: &mut Figures,
    plugins: &Plugins,
    database: &TestDatabase,
    native: &tokio_postgres::Client,
) -> Result<()> {
    let store = Store::open(plugins.folder.path(), Options::default()).await?;
    let connectors = Arc::new(OnlyPostgres(Arc::clone(&plugins.host)));
    let options = SourcesOptions {
        data_dir: plugins.folder.path().to_owned(),
    };
    let sources = Sources::new(store, connectors, options);
    let source = sources
        .create(SourceCreate {
            name: "bench".into(),
            url: Secret::new(database.url_without_tls().as_str()),
            ca: None,
            client: None,
            time_zone: None,
            save_untested: false,
        })
        .await?;
    let request = || QueryRequest {
        text: "SELECT 1".into(),
        params: BTreeMap::new(),
        max_rows: None,
    };
    let prepared = native.prepare("SELECT 1").await?;
    let no_parameters: [&(dyn ToSql + Sync); 0] = [];
    let (mut ours, mut once, mut again) =
        (Samples::default(), Samples::default(), Samples::default());
    for round in 0..=ROUNDS {
        for _ in 0..QUERIES {
            let start = Instant::now();
            black_box(sources.query(source.id, request(), "bench").await?);
            let labd = start.elapsed();
            let start = Instant::now();
            black_box(native.query("SELECT 1", &no_parameters).await?);
            let unprepared = start.elapsed();
            let start = Instant::now();
            black_box(native.query(&prepared, &no_parameters).await?);
            let known = start.elapsed();
            // The first round warms all of them.
            if round > 0 {
                ours.push(labd);
                once.push(unprepared);
                again.push(known);
            }
        }
    }
    figures.goal(
        "`SELECT 1` through broker, connector and pooled connection, over tokio-postgres, p50",
        Amount::Ratio(1.5),
        ratio(ours.p50(), once.p50()),
        format!(
            "{} to {}; it reads in a read-only transaction with limits, native without",
            Amount::Time(ours.p50()),
            Amount::Time(once.p50())
        ),
    );
    figures.plain(
        "the same, over tokio-postgres with the statement prepared before",
        ratio(ours.p50(), again.p50()),
        format!(
            "{} to {}",
            Amount::Time(ours.p50()),
            Amount::Time(again.p50())
        ),
    );
    Ok(())
}

async fn large(
    figures: &mut Figures,
    plugins: &Plugins,
    database: &TestDatabase,
    native: &tokio_postgres::Client,
) -> Result<()> {
    let connector = plugins.host.connector(POSTGRES).ok_or("no connector")?;
    let mut connection = connector
        .open(Arc::new(access::server(database.url(), TlsMode::Disable)))
        .await?;
    let statement = native.prepare(FETCH).await?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for round in 0..=FETCHES {
        let start = Instant::now();
        let options = QueryOptions {
            read_only: true,
            timeout: Duration::from_secs(60),
            max_rows: 10_000,
            max_bytes: 16 << 20,
        };
        let rows = connection.query(FETCH, &[], options).await?;
        let (mut batch, mut more, mut count) = (rows.first, rows.more, 0);
        loop {
            count += batch.rows;
            if !matches!(
                batch.columns.first().map(|one| &one.values),
                Some(Values::Integers(_)) | None
            ) {
                return Err("the first column is not of integers".into());
            }
            black_box(&batch);
            if !more {
                break;
            }
            batch = connection.next(10_000, 16 << 20).await?;
            more = batch.rows > 0;
        }
        let labd = start.elapsed();

        let start = Instant::now();
        let no_parameters: [&(dyn ToSql + Sync); 0] = [];
        let mut stream = Box::pin(native.query_raw(&statement, no_parameters).await?);
        let mut columns = Columns::default();
        while let Some(row) = stream.try_next().await? {
            columns.id.push(row.try_get(0)?);
            columns.customer.push(row.try_get(1)?);
            columns.title.push(row.try_get(2)?);
            columns.total.push(row.try_get(3)?);
            columns.paid.push(row.try_get(4)?);
            columns.ordered_at.push(row.try_get(5)?);
        }
        let direct = start.elapsed();
        if count != ROWS || columns.id.len() != ROWS {
            return Err(format!("{count} and {} rows of {ROWS}", columns.id.len()).into());
        }
        black_box(&columns);
        if round > 0 {
            ours.push(labd);
            theirs.push(direct);
        }
    }
    figures.goal(
        "100 000 rows of 6 columns through the connector, over tokio-postgres, p50",
        Amount::Ratio(2.0),
        ratio(ours.p50(), theirs.p50()),
        format!(
            "{} to {}",
            Amount::Time(ours.p50()),
            Amount::Time(theirs.p50())
        ),
    );
    Ok(())
}

/// What the native client makes of the rows: the same columns.
#[derive(Default)]
struct Columns {
    id: Vec<i64>,
    customer: Vec<i32>,
    title: Vec<String>,
    total: Vec<f64>,
    paid: Vec<bool>,
    ordered_at: Vec<SystemTime>,
}

/// The connectors that the sources know here.
struct OnlyPostgres(Arc<PluginHost>);

impl Connectors for OnlyPostgres {
    fn for_scheme(&self, scheme: &str) -> Option<ConnectorEntry> {
        let (manifest, _) = self.0.connector_for_scheme(scheme)?;
        self.by_plugin(&manifest.id)
    }

    fn by_plugin(&self, plugin: &str) -> Option<ConnectorEntry> {
        Some(ConnectorEntry {
            plugin: plugin.to_owned(),
            name: "PostgreSQL".into(),
            default_port: Some(5432),
            file: false,
            connector: self.0.connector(plugin)?,
        })
    }

    fn schemes(&self) -> Vec<String> {
        vec!["postgres".into(), "postgresql".into()]
    }
}
