//! Adding, changing, testing and removing sources.

use super::Sources;
use crate::{
    broker::{Pool, limits},
    errors,
    source::{
        record::{self, FIRST_ENVIRONMENT, Parsed, SourceRecord},
        schema::SchemaRecord,
    },
};
use jiff::Timestamp;
use labd_plugin_host::PluginError;
use labd_protocol::{
    ApiError, ClientCertificate, Secret, SourceCreate, SourceId, SourceInfo, SourceTest,
    SourceTestRequest, SourceUpdate, name,
};
use std::{path::Path, time::Instant};
use tokio::time::timeout;

/// How a connection went.
struct Probe {
    test: SourceTest,
    /// When the server was reached.
    dialect: Option<String>,
}

impl Probe {
    fn keep_in(self, record: &mut SourceRecord) {
        record.last_test = Some(self.test);
        if let Some(dialect) = self.dialect {
            record.dialect = dialect;
        }
    }
}

impl Sources {
    /// All sources, the oldest first.
    pub async fn list(&self) -> Result<Vec<SourceInfo>, ApiError> {
        let records = self.records().all()?;
        Ok(records
            .iter()
            .map(|record| record.info(self.connectors()))
            .collect())
    }

    /// One source.
    pub async fn get(&self, id: SourceId) -> Result<SourceInfo, ApiError> {
        Ok(self.records().get(id)?.info(self.connectors()))
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
            client: None,
            time_zone: None,
            save_untested: false,
        };
        self.add(create, true).await
    }

    async fn add(&self, create: SourceCreate, sample: bool) -> Result<SourceInfo, ApiError> {
        let mut record = self.new_record(create.url, sample)?;
        record.name = name("source", &create.name)?;
        record.ca = certificate(create.ca)?;
        record.client = client_certificate(create.client)?;
        record.time_zone = time_zone(create.time_zone)?;
        self.records().expect_free_name(&record)?;
        let probe = self.expect_reached(&record, create.save_untested).await?;
        let reached = probe.test.error.is_none();
        probe.keep_in(&mut record);
        self.records().add(&record).await?;
        self.notify(record.id);
        self.learn_schema(record.id, reached).await;
        Ok(record.info(self.connectors()))
    }

    /// Changes a source. Another URL is tested like a new one; nothing that was kept of the
    /// database before is served from then on.
    pub async fn update(&self, id: SourceId, update: SourceUpdate) -> Result<SourceInfo, ApiError> {
        let mut wanted = self.records().get(id)?;
        self.apply(&mut wanted, &update)?;
        self.records().expect_free_name(&wanted)?;
        let reconnects = update.url.is_some()
            || update.ca.is_some()
            || update.client.is_some()
            || update.time_zone.is_some();
        let probe = if reconnects {
            Some(self.expect_reached(&wanted, update.save_untested).await?)
        } else {
            None
        };
        let reached = probe.as_ref().map(|probe| probe.test.error.is_none());
        let change = self.records().change_with(id, |record, batch| {
            self.apply(record, &update)?;
            record.updated_at = Timestamp::now();
            if let Some(probe) = probe {
                probe.keep_in(record);
                record.connection += 1;
                batch.delete::<SchemaRecord>(&id.to_string());
            }
            Ok(())
        });
        let record = change.await?;
        self.forget(id);
        self.notify(id);
        if let Some(reached) = reached {
            self.learn_schema(id, reached).await;
        }
        Ok(record.info(self.connectors()))
    }

    fn apply(&self, record: &mut SourceRecord, update: &SourceUpdate) -> Result<(), ApiError> {
        if let Some(new) = &update.name {
            record.name = name("source", new)?;
        }
        if let Some(url) = &update.url {
            let parsed = record::parse(self.connectors(), url.expose())?;
            record.file = parsed.file_identity(&self.inner.options.data_dir)?;
            record.plugin = parsed.entry.plugin;
            record.connector = parsed.entry.name;
            record.url = url.clone();
            record.sample = false;
            // It was given for the place of before.
            record.client = None;
        }
        if let Some(client) = &update.client {
            record.client = client_certificate(Some(client.clone()))?;
        }
        if let Some(ca) = &update.ca {
            record.ca = certificate(Some(ca.clone()))?;
        }
        if let Some(zone) = &update.time_zone {
            record.time_zone = time_zone(Some(zone.clone()))?;
        }
        Ok(())
    }

    /// Removes a source with its credential and its cached schema.
    pub async fn remove(&self, id: SourceId) -> Result<(), ApiError> {
        let removal = self.records().remove_with(id, |batch| {
            batch.delete::<SchemaRecord>(&id.to_string());
            Ok(())
        });
        removal.await?;
        self.forget(id);
        self.notify(id);
        Ok(())
    }

    /// Tests a source that is saved, and keeps the outcome.
    pub async fn test(&self, id: SourceId) -> Result<SourceTest, ApiError> {
        let probe = self.probe(&self.records().get(id)?).await?;
        let test = probe.test.clone();
        let keep = self.records().change(id, |record| {
            probe.keep_in(record);
            Ok(())
        });
        keep.await?;
        self.notify(id);
        Ok(test)
    }

    /// Tests a connection without saving anything.
    pub async fn try_connection(&self, request: SourceTestRequest) -> Result<SourceTest, ApiError> {
        let mut record = self.new_record(request.url, false)?;
        record.ca = certificate(request.ca)?;
        record.client = client_certificate(request.client)?;
        Ok(self.probe(&record).await?.test)
    }

    fn new_record(&self, url: Secret, sample: bool) -> Result<SourceRecord, ApiError> {
        let parsed = record::parse(self.connectors(), url.expose())?;
        let now = Timestamp::now();
        Ok(SourceRecord {
            id: SourceId::generate(),
            name: String::new(),
            // The daemon makes its sample anew when it is gone.
            file: if sample {
                None
            } else {
                parsed.file_identity(&self.inner.options.data_dir)?
            },
            plugin: parsed.entry.plugin,
            connector: parsed.entry.name,
            dialect: String::new(),
            url,
            ca: None,
            client: None,
            environment: FIRST_ENVIRONMENT.to_owned(),
            time_zone: time_zone(None)?,
            sample,
            connection: 0,
            created_at: now,
            updated_at: now,
            last_test: None,
        })
    }

    /// Connects as a record says and asks the server about itself.
    async fn probe(&self, record: &SourceRecord) -> Result<Probe, ApiError> {
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
        let dialect = match outcome {
            Ok(dialect) => Some(dialect),
            Err(error) => {
                test.error = Some(error);
                None
            }
        };
        Ok(Probe { test, dialect })
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

    /// As [`probe`](Self::probe); a failure is one here, unless it may be saved.
    async fn expect_reached(
        &self,
        record: &SourceRecord,
        save_untested: bool,
    ) -> Result<Probe, ApiError> {
        let probe = self.probe(record).await?;
        match &probe.test.error {
            Some(error) if !save_untested => Err(error.clone()),
            _ => Ok(probe),
        }
    }

    /// Reads the schema of a source that has just been saved, which is saved also without.
    async fn learn_schema(&self, id: SourceId, reached: bool) {
        if reached && let Err(error) = self.schema(id, true).await {
            tracing::warn!(source = %id, %error, "the schema could not be read");
        }
    }
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

fn client_certificate(
    client: Option<ClientCertificate>,
) -> Result<Option<ClientCertificate>, ApiError> {
    let Some(client) = client.filter(|client| !client.certificate.trim().is_empty()) else {
        return Ok(None);
    };
    if !client.certificate.contains("-----BEGIN CERTIFICATE-----") {
        return Err(ApiError::invalid(
            "client.certificate",
            "The certificate to sign in with must be PEM text: -----BEGIN CERTIFICATE-----…",
        ));
    }
    let key = client.key.expose();
    if !key.contains("PRIVATE KEY-----") || key.contains("ENCRYPTED") {
        return Err(ApiError::invalid(
            "client.key",
            "The key of the certificate must be PEM text without a passphrase: -----BEGIN PRIVATE \
             KEY-----… (openssl pkey -in client.key removes a passphrase).",
        ));
    }
    Ok(Some(client))
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
