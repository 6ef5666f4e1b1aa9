//! A connector that serves one table of its own, planets. It shows what a connector is asked for;
//! where the rows come from is what another one changes: an API is asked with `Host::send`
//! (permission `http`), a database's own protocol is spoken over `Host::connect` (permission `net`).

mod planets;
mod sql;

use labd_plugin::connector::{
    Batch, BatchBuilder, Column, ColumnInfo, Config, Connection, Connector, Info, Param, Parameter,
    Placeholders, Prepared, QueryOptions, Relation, RelationKind, Rows, Schema, ServerInfo,
};
use labd_plugin::{Error, Host, Result, export_plugin};
use planets::{Field, PLANETS, Planet};
use sql::Select;

/// The connector.
pub struct Planets<H> {
    host: H,
}

export_plugin!(connector: Planets);

impl<H: Host> Connector<H> for Planets<H> {
    type Connection = Session<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Rows in Rust".into(),
            dialect: "generic".into(),
            placeholders: Placeholders::Question,
        })
    }

    fn open(&self, config: Config) -> Result<Session<H>> {
        if let Some((name, _)) = config.options.first() {
            return Err(Error::invalid(format!(
                "this source has no option `{name}`; remove it from the URL"
            )));
        }
        Ok(Session {
            host: self.host.clone(),
        })
    }

    fn cancel(&self, _config: Config, _token: Vec<u8>) -> Result<()> {
        Err(Error::invalid(
            "nothing here takes long enough to be cancelled",
        ))
    }
}

/// A connection.
pub struct Session<H> {
    host: H,
}

/// The rows of a query that were not fetched yet.
#[derive(Debug)]
pub struct Rest {
    fields: Vec<Field>,
    rows: Vec<&'static Planet>,
}

impl Rest {
    /// The next rows, and how many there are of them at most.
    fn next(&mut self, max_rows: u32) -> Batch {
        let count = usize::try_from(max_rows).unwrap_or(usize::MAX);
        let mut batch = BatchBuilder::new(self.fields.iter().map(|field| field.kind()));
        for planet in self.rows.drain(..count.min(self.rows.len())) {
            for (column, field) in self.fields.iter().enumerate() {
                match field {
                    Field::Name => batch.push_text(column, planet.name),
                    Field::Moons => batch.push_integer(column, planet.moons),
                    Field::Ringed => batch.push_boolean(column, planet.ringed),
                }
            }
            batch.end_row();
        }
        batch.finish()
    }
}

impl<H: Host> Connection for Session<H> {
    type Cursor = Rest;

    fn ping(&mut self) -> Result<()> {
        Ok(())
    }

    fn server_info(&mut self) -> Result<ServerInfo> {
        Ok(ServerInfo {
            product: format!("Planets {}", env!("CARGO_PKG_VERSION")),
            user: None,
            database: None,
            warnings: Vec::new(),
        })
    }

    fn schema(&mut self) -> Result<Schema> {
        Ok(Schema {
            default_schema: String::new(),
            relations: vec![Relation {
                schema_name: String::new(),
                name: planets::TABLE.into(),
                kind: RelationKind::Table,
                comment: Some("What goes round the sun.".into()),
                row_estimate: u64::try_from(PLANETS.len()).ok(),
                columns: Field::ALL.iter().map(|field| info(*field)).collect(),
                primary_key: vec![Field::Name.name().into()],
                unique_keys: Vec::new(),
                foreign_keys: Vec::new(),
                indexes: Vec::new(),
            }],
        })
    }

    fn prepare(&mut self, text: &str) -> Result<Prepared> {
        let select = Select::parse(text)?;
        Ok(Prepared {
            parameters: select
                .parameter()
                .map(|field| Parameter {
                    database_type: field.database_type().into(),
                    kind: field.kind(),
                })
                .into_iter()
                .collect(),
            columns: select.fields.iter().map(|field| column(*field)).collect(),
        })
    }

    fn query(&mut self, text: &str, params: &[Param], options: QueryOptions) -> Result<Rows<Rest>> {
        let select = Select::parse(text)?;
        let rows = select.rows(params)?;
        let count = rows.len();
        // Shown by `labd plugin logs`.
        labd_plugin::debug!(self.host, "answered with {count} rows");
        let columns = select.fields.iter().map(|field| column(*field)).collect();
        let mut rest = Rest {
            fields: select.fields,
            rows,
        };
        Ok(Rows {
            columns,
            first: rest.next(options.max_rows),
            rest: (!rest.rows.is_empty()).then_some(rest),
            affected: None,
        })
    }

    fn fetch(&mut self, cursor: &mut Rest, max_rows: u32, _max_bytes: u32) -> Result<Batch> {
        Ok(cursor.next(max_rows))
    }

    fn close(&mut self, _cursor: Rest) {}

    fn cancel_token(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn column(field: Field) -> Column {
    Column {
        name: field.name().into(),
        database_type: field.database_type().into(),
        kind: field.kind(),
    }
}

fn info(field: Field) -> ColumnInfo {
    ColumnInfo {
        name: field.name().into(),
        database_type: field.database_type().into(),
        kind: field.kind(),
        nullable: false,
        default_value: None,
        comment: None,
        enum_values: Vec::new(),
        frequency: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::connector::Values;
    use labd_plugin::testing::{
        FakeHost,
        connector::{config, options},
    };

    fn session() -> Session<FakeHost> {
        Planets::new(FakeHost::new()).open(config()).unwrap()
    }

    #[test]
    fn a_parameter_chooses_rows() {
        let sql = "SELECT name, moons FROM planets WHERE name = ?";
        let rows = session()
            .query(sql, &[Param::Text("Mars".into())], options())
            .unwrap();
        assert_eq!(rows.first.rows, 1);
        let moons = rows.first.columns.get(1).map(|column| &column.values);
        assert!(
            matches!(moons, Some(Values::Integers(moons)) if *moons == [2]),
            "{moons:?}"
        );
    }

    #[test]
    fn rows_come_in_batches() {
        let mut session = session();
        let few = QueryOptions {
            max_rows: 3,
            ..options()
        };
        let answer = session.query("SELECT * FROM planets", &[], few).unwrap();
        let mut seen = answer.first.rows;
        let mut rest = answer.rest.unwrap();
        loop {
            let batch = session.fetch(&mut rest, 3, 1 << 20).unwrap();
            if batch.rows == 0 {
                break;
            }
            seen += batch.rows;
        }
        assert_eq!(usize::try_from(seen).unwrap(), PLANETS.len());
    }

    #[test]
    fn what_it_cannot_do_is_refused_with_the_reason() {
        for sql in [
            "DELETE FROM planets",
            "SELECT * FROM stars",
            "SELECT mass FROM planets",
        ] {
            let error = session().query(sql, &[], options()).unwrap_err();
            assert!(error.fault().is_some(), "{sql}: {error:?}");
        }
    }

    #[test]
    fn every_column_of_the_schema_can_be_asked_for() {
        for field in Field::ALL {
            let sql = format!("SELECT \"{}\" FROM planets LIMIT 1", field.name());
            let answer = session().query(&sql, &[], options()).unwrap();
            assert_eq!(answer.first.rows, 1);
            assert_eq!(answer.columns.first().map(|c| c.kind), Some(field.kind()));
        }
    }
}
