//! What the sample database promises.

use std::path::PathBuf;

use jiff::civil::{Date, date};
use labd_sample::{Error, create};
use rusqlite::{Connection, types::FromSql};

const END: Date = date(2026, 6, 30);

/// A sample database in a folder of its own.
struct Shop {
    folder: tempfile::TempDir,
    database: Connection,
}

impl Shop {
    fn new(end: Date) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("shop.db");
        create(&path, end)?;
        let database = Connection::open(path)?;
        Ok(Self { folder, database })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    fn one<T: FromSql>(&self, query: &str) -> rusqlite::Result<T> {
        self.database.query_row(query, [], |row| row.get(0))
    }

    fn rows(&self, query: &str) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.database.prepare(query)?;
        statement.query_map([], |row| row.get(0))?.collect()
    }
}

#[test]
fn every_foreign_key_and_check_holds() {
    let shop = Shop::new(END).unwrap();
    let broken: i64 = shop
        .one("SELECT count(*) FROM pragma_foreign_key_check")
        .unwrap();
    assert_eq!(broken, 0);
    let health: String = shop.one("SELECT * FROM pragma_integrity_check").unwrap();
    assert_eq!(health, "ok");
}

#[test]
fn there_are_a_few_thousand_rows() {
    let shop = Shop::new(END).unwrap();
    for (table, expected) in [
        ("customers", 300..=300),
        ("products", 48..=48),
        ("inventory", 48..=48),
        ("orders", 1_400..=2_000),
        ("order_lines", 3_000..=4_500),
        ("payments", 1_400..=2_100),
    ] {
        let count: i64 = shop.one(&format!("SELECT count(*) FROM {table}")).unwrap();
        assert!(expected.contains(&count), "{table} has {count} rows");
    }
}

#[test]
fn the_same_end_date_gives_the_same_file() {
    let (one, other) = (Shop::new(END).unwrap(), Shop::new(END).unwrap());
    assert_eq!(
        std::fs::read(one.path()).unwrap(),
        std::fs::read(other.path()).unwrap()
    );
}

#[test]
fn every_month_has_revenue_whatever_the_end_date() {
    for end in [END, date(2024, 2, 29), date(2027, 1, 1)] {
        let shop = Shop::new(end).unwrap();
        let months = shop
            .rows(
                "SELECT strftime('%Y-%m', ordered_at) FROM orders
                 WHERE status NOT IN ('pending', 'cancelled', 'refunded')
                 GROUP BY 1 HAVING sum(total) > 0",
            )
            .unwrap();
        let last = end.to_string();
        assert_eq!(months.last().unwrap().as_str(), last.get(..7).unwrap());
        // Two years touch 24 or 25 months.
        assert!((24..=25).contains(&months.len()), "{}", months.len());
        let last_order: String = shop
            .one("SELECT max(date(ordered_at)) FROM orders")
            .unwrap();
        assert_eq!(last_order, last);
    }
}

#[test]
fn totals_lines_and_payments_agree() {
    let shop = Shop::new(END).unwrap();
    let wrong: i64 = shop
        .one(
            "SELECT count(*) FROM orders o
             WHERE round(o.total * 100) <>
               (SELECT round(sum(l.quantity * l.unit_price) * 100) FROM order_lines l
                WHERE l.order_id = o.id)",
        )
        .unwrap();
    assert_eq!(wrong, 0);
    let sold: i64 = shop
        .one(
            "SELECT CAST(round(sum(total) * 100) AS INTEGER) FROM orders
             WHERE status NOT IN ('pending', 'cancelled', 'refunded')",
        )
        .unwrap();
    let paid: i64 = shop
        .one(
            "SELECT CAST(round(sum(amount) * 100) AS INTEGER) FROM payments
             WHERE status = 'succeeded'",
        )
        .unwrap();
    assert_eq!(sold, paid);
}

#[test]
fn the_rows_have_what_apps_must_cope_with() {
    let shop = Shop::new(END).unwrap();
    for (what, query) in [
        (
            "names beyond the basic plane",
            "SELECT count(*) FROM customers WHERE name GLOB '*[\u{20000}-\u{2ffff}]*'",
        ),
        (
            "unknown phones",
            "SELECT count(*) FROM customers WHERE phone IS NULL",
        ),
        (
            "orders without a note",
            "SELECT count(*) FROM orders WHERE note IS NULL",
        ),
        (
            "orders not shipped",
            "SELECT count(*) FROM orders WHERE shipped_at IS NULL",
        ),
        (
            "failed payments",
            "SELECT count(*) FROM payments WHERE status = 'failed'",
        ),
        (
            "refunds",
            "SELECT count(*) FROM payments WHERE status = 'refunded'",
        ),
        (
            "low stock",
            "SELECT count(*) FROM inventory WHERE quantity_on_hand < reorder_level",
        ),
        (
            "discontinued products",
            "SELECT count(*) FROM products WHERE NOT active",
        ),
    ] {
        let count: i64 = shop.one(query).unwrap();
        assert!(count >= 3, "{what}: {count}");
    }
}

#[test]
fn sales_grow_peak_before_christmas_and_concentrate() {
    let shop = Shop::new(END).unwrap();
    let revenue = |when: &str| -> f64 {
        shop.one(&format!(
            "SELECT sum(total) FROM orders WHERE ordered_at {when}"
        ))
        .unwrap()
    };
    assert!(revenue(">= '2025-07-01'") > 1.2 * revenue("< '2025-07-01'"));
    assert!(
        revenue("BETWEEN '2025-12-01' AND '2026-01-01'")
            > 1.3 * revenue("BETWEEN '2025-08-01' AND '2025-09-01'")
    );
    let share: f64 = shop
        .one(
            "WITH sold AS (SELECT sum(quantity) AS n FROM order_lines GROUP BY product_id)
             SELECT (SELECT sum(n) FROM (SELECT n FROM sold ORDER BY n DESC LIMIT 12)) * 1.0
                    / sum(n) FROM sold",
        )
        .unwrap();
    assert!(share > 0.5, "a quarter of the products sells {share}");
}

#[test]
fn an_existing_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(create(&path, END), Err(Error::Exists(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
