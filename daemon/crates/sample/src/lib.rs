//! The sample database: a small shop with two years of sales, so that a first app has real rows to
//! show before a database of one's own is connected.
//!
//! | table | rows | worth knowing |
//! | --- | --- | --- |
//! | `customers` | 300 | joined over time; some are companies; names in many scripts |
//! | `products` | 48 | six categories; a few sell most, a few are discontinued |
//! | `orders` | about 1 600 | grow over time, peak in November and December and on Fridays and Saturdays |
//! | `order_lines` | about 3 300 | price of the day; `line_total` is quantity × price |
//! | `payments` | about 1 650 | some fail first, some are refunded |
//! | `inventory` | 48 | one in five below its reorder level |
//!
//! What holds, always:
//! - The same end date gives the same rows: the seed is fixed, and integers alone decide.
//! - The last order is of the end date. Each day of the two years before it has an order that was
//!   paid, so every month has revenue.
//! - `orders.total` is the sum of the order's lines. Revenue is the total of the orders that are
//!   neither `pending`, `cancelled` nor `refunded`, which is also the sum of the payments that
//!   `succeeded`.
//! - Money is `NUMERIC(10,2)`. SQLite keeps such a value as an integer or a double, which is exact
//!   to the cent for one value; a sum can be off by a rounding error, so round it.
//! - Times are UTC, `YYYY-MM-DD HH:MM:SS`.

mod catalogue;
mod people;
mod random;
mod sales;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{ToSpan, civil::Date};
use rusqlite::Connection;

use crate::random::Random;

/// Why there is no sample database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is at that path already.
    #[error("{} exists already; remove it to have the sample database made again", .0.display())]
    Exists(PathBuf),
    /// The file could not be made or moved to its place.
    #[error("cannot write the sample database {}: {source}", path.display())]
    Io {
        /// The database's path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite refused a statement.
    #[error("cannot fill the sample database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Two years before the end date there is no date.
    #[error("{0} is too early for two years of sales before it")]
    Date(Date),
}

/// Makes the sample database at `path`, with the two years that end with the day `end`. The file
/// appears whole or not at all.
///
/// # Errors
/// [`Error::Exists`] when there is a file; it is left as it is.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("shop.db");
/// labd_sample::create(&path, jiff::civil::date(2026, 6, 30))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create(path: &Path, end: Date) -> Result<(), Error> {
    if path.exists() {
        return Err(Error::Exists(path.to_owned()));
    }
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let temporary = path.with_added_extension("new");
    match fs::remove_file(&temporary) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(io(error)),
    }
    fill(&temporary, end)?;
    fs::rename(&temporary, path).map_err(io)
}

fn fill(path: &Path, end: Date) -> Result<(), Error> {
    let start = end
        .checked_sub(2.years())
        .and_then(|day| day.tomorrow())
        .map_err(|_| Error::Date(end))?;
    let mut random = Random::new(SEED);
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    let customers = people::insert(&transaction, &mut random, start, end)?;
    let products = sales::insert_products(&transaction, &mut random, end)?;
    sales::insert_orders(&transaction, &mut random, &customers, &products, start, end)?;
    transaction.commit()?;
    // Row estimates, for whoever introspects.
    connection.execute_batch("ANALYZE")?;
    connection.close().map_err(|(_, error)| error.into())
}

/// Any number does; this one makes nice charts.
const SEED: u64 = 20_170_601;
