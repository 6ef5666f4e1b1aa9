//! Products with their stock, orders with their lines and payments.

use jiff::{
    Span,
    civil::{Date, DateTime},
};
use rusqlite::{Statement, Transaction, params};

use crate::{
    Error,
    catalogue::{CATEGORIES, FAILURES, NOTES},
    people::Customer,
    random::Random,
};

/// Orders of an average day at the start, in thousandths.
const BASE: u32 = 1_450;
/// How much more there are at the end, in percent.
const GROWTH: u32 = 90;
/// Percent of an average month, from January.
const SEASON: [u32; 12] = [80, 78, 92, 96, 100, 98, 90, 88, 100, 108, 142, 168];
/// Percent of an average day, from Monday.
const WEEKDAY: [u32; 7] = [88, 92, 98, 104, 126, 132, 70];
/// How many orders of an hundred are of this kind.
const CANCELLED: u32 = 4;
const REFUNDED: u32 = 3;
/// Days until a paid order is shipped, and delivered.
const SHIPPED: i32 = 3;
const DELIVERED: i32 = 7;

/// A product, as far as orders need to know.
pub struct Product {
    id: u32,
    price: u32,
    /// How often it sells against others.
    weight: u32,
    discontinued: Option<Date>,
}

/// Inserts products and their stock.
pub fn insert_products(
    database: &Transaction<'_>,
    random: &mut Random,
    end: Date,
) -> Result<Vec<Product>, Error> {
    let mut insert = database.prepare(
        "INSERT INTO products (id, sku, name, category, unit_price, unit_cost, active, discontinued_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut stock = database.prepare(
        "INSERT INTO inventory (product_id, location, quantity_on_hand, reorder_level, counted_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let all = CATEGORIES
        .iter()
        .flat_map(|(category, products)| products.iter().map(move |product| (category, product)));
    let mut products = Vec::new();
    for (id, (category, (name, low, high))) in (1..).zip(all) {
        // Prices end in 9 or 0, as they do.
        let price = random.between(low / 10, high / 10) * 10 - 10 * u32::from(random.chance(2));
        let cost = price * random.between(38, 66) / 100;
        // A Pareto curve over ranks that have nothing to do with the order of ids.
        let rank = (id * 29) % 48 + 1;
        let weight = 6_000 / (rank + 3) / (1 + price / 8_000);
        let discontinued = (id % 16 == 5)
            .then(|| end.checked_sub(Span::new().days(i64::from(random.between(60, 300)))))
            .transpose()
            .map_err(|_| Error::Date(end))?;
        insert.execute(params![
            id,
            format!(
                "{}-{:04}",
                category.get(..3).unwrap_or(category).to_uppercase(),
                1000 + id * 7
            ),
            name,
            category,
            money(price),
            money(cost),
            discontinued.is_none(),
            discontinued.map(|day| day.to_string()),
        ])?;
        let level = random.between(1, 6) * 5;
        let on_hand = match random.below(20) {
            0 => 0,
            1..4 => random.below(level),
            _ => level + random.below(level * 6),
        };
        stock.execute(params![
            id,
            format!(
                "{}-{:02}",
                random.pick(&["A", "B", "C"]).unwrap_or(&"A"),
                random.between(1, 24)
            ),
            if discontinued.is_some() { 0 } else { on_hand },
            level,
            format!("{end} 06:{:02}:00", random.below(60)),
        ])?;
        products.push(Product {
            id,
            price,
            weight,
            discontinued,
        });
    }
    Ok(products)
}

/// Inserts the orders of every day, with lines and payments.
pub fn insert_orders(
    database: &Transaction<'_>,
    random: &mut Random,
    customers: &[Customer],
    products: &[Product],
    start: Date,
    end: Date,
) -> Result<(), Error> {
    let mut orders = Orders {
        order: database.prepare(
            "INSERT INTO orders (id, customer_id, status, channel, total, note, ordered_at, shipped_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?,
        line: database.prepare(
            "INSERT INTO order_lines (order_id, product_id, quantity, unit_price, line_total)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?,
        payment: database.prepare(
            "INSERT INTO payments (order_id, method, status, amount, failure_reason, paid_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?,
        customers,
        products,
        last: 0,
        end,
    };
    let all = u32::try_from(start.until(end).map_err(|_| Error::Date(end))?.get_days())
        .map_err(|_| Error::Date(end))?
        .max(1);
    let mut day = start;
    for number in 0..=all {
        let mut times: Vec<u32> = (0..count(random, day, number, all))
            .map(|_| second_of_the_day(random))
            .collect();
        times.sort_unstable();
        for (index, second) in times.into_iter().enumerate() {
            orders.insert(random, day, second, index == 0)?;
        }
        day = day.tomorrow().map_err(|_| Error::Date(end))?;
    }
    Ok(())
}

/// How many orders there are on this day: at least one.
fn count(random: &mut Random, day: Date, number: u32, all: u32) -> u32 {
    let at = |table: &[u32], index: i8| {
        let index = usize::try_from(index).unwrap_or_default();
        table.get(index).copied().unwrap_or(100)
    };
    let season = at(&SEASON, day.month() - 1);
    let weekday = at(&WEEKDAY, day.weekday().to_monday_zero_offset());
    let growth = 100 + GROWTH * number / all;
    let chance = random.between(55, 145);
    let expected = BASE * season / 100 * weekday / 100 * growth / 100 * chance / 100;
    let more = u32::from(random.below(1_000) < expected % 1_000);
    (expected / 1_000 + more).max(1)
}

/// Between 7 and 23, most in the evening.
fn second_of_the_day(random: &mut Random) -> u32 {
    let (one, other) = (random.between(7, 22), random.between(7, 22));
    one.max(other) * 3_600 + random.below(3_600)
}

struct Orders<'a> {
    order: Statement<'a>,
    line: Statement<'a>,
    payment: Statement<'a>,
    customers: &'a [Customer],
    products: &'a [Product],
    last: u32,
    end: Date,
}

impl Orders<'_> {
    /// Inserts one order. A `certain` one is paid.
    fn insert(
        &mut self,
        random: &mut Random,
        day: Date,
        second: u32,
        certain: bool,
    ) -> Result<(), Error> {
        self.last += 1;
        let id = self.last;
        let (customer, business) = self.customer(random, day);
        let lines = self.lines(random, day, business);
        let total = lines.iter().map(|line| line.2 * line.1).sum();
        let ordered = time(day, second, self.end)?;
        let status = self.status(random, day, certain)?;
        let shipped = matches!(status, "shipped" | "delivered" | "refunded")
            .then(|| later(ordered, random.between(16, 60) * 3_600, self.end))
            .transpose()?;
        let channel = match random.below(10) {
            0..7 => "web",
            7..9 => "store",
            _ => "phone",
        };
        self.order.execute(params![
            id,
            customer,
            status,
            channel,
            money(total),
            random.pick(&NOTES).filter(|_| random.chance(7)),
            text(ordered),
            shipped.map(text),
        ])?;
        for (product, quantity, price) in lines {
            self.line.execute(params![
                id,
                product,
                quantity,
                money(price),
                money(price * quantity),
            ])?;
        }
        self.pay(random, id, status, channel, total, ordered)
    }

    /// One of those who have joined, the earlier the more likely.
    fn customer(&self, random: &mut Random, day: Date) -> (u32, bool) {
        let joined = self
            .customers
            .partition_point(|customer| customer.since <= day);
        let end = u32::try_from(joined).unwrap_or_default();
        let index = random.below(end).min(random.below(end)) as usize;
        self.customers
            .get(index)
            .map_or((1, false), |customer| (customer.id, customer.business))
    }

    /// Product, quantity and price in cents of each line; no product twice.
    fn lines(&self, random: &mut Random, day: Date, business: bool) -> Vec<(u32, u32, u32)> {
        let wanted = match random.below(20) {
            0..7 => 1,
            7..14 => 2,
            14..18 => 3,
            _ => 5,
        };
        let mut lines: Vec<(u32, u32, u32)> = Vec::new();
        for _ in 0..wanted {
            let sold = |product: &Product| product.discontinued.is_none_or(|last| day < last);
            let weights = self
                .products
                .iter()
                .map(|product| if sold(product) { product.weight } else { 0 });
            let Some(product) = self.products.get(random.weighted(weights)) else {
                continue;
            };
            if lines.iter().any(|line| line.0 == product.id) {
                continue;
            }
            let quantity = match random.below(10) {
                0..7 => 1,
                7..9 => 2,
                _ => random.between(3, 4),
            };
            // Machines are bought one at a time; companies buy for the office.
            let quantity = match (product.price > 10_000, business) {
                (true, _) => 1,
                (false, true) => quantity * random.between(1, 4),
                (false, false) => quantity,
            };
            // Prices were lower in the past, and there is a sale now and then.
            let past = u32::from(day.until(self.end).is_ok_and(|span| span.get_days() > 365));
            let percent = 100 - 4 * past - if random.chance(8) { 10 } else { 0 };
            lines.push((product.id, quantity, product.price * percent / 100));
        }
        lines
    }

    fn status(&self, random: &mut Random, day: Date, certain: bool) -> Result<&'static str, Error> {
        let fate = random.below(100);
        let age = day
            .until(self.end)
            .map_err(|_| Error::Date(self.end))?
            .get_days();
        Ok(match age {
            _ if !certain && fate < CANCELLED => "cancelled",
            DELIVERED.. if !certain && fate < CANCELLED + REFUNDED => "refunded",
            DELIVERED.. => "delivered",
            SHIPPED..DELIVERED => "shipped",
            _ if !certain && fate < 30 => "pending",
            _ => "paid",
        })
    }

    /// The payments of an order: some fail first, a cancelled or pending one has none that
    /// succeeded.
    fn pay(
        &mut self,
        random: &mut Random,
        order: u32,
        status: &str,
        channel: &str,
        total: u32,
        ordered: DateTime,
    ) -> Result<(), Error> {
        let method = match (channel, random.below(10)) {
            ("store", 0..4) => "cash",
            (_, 0..6) => "card",
            (_, 6..9) => "wallet",
            _ => "bank transfer",
        };
        let unpaid = matches!(status, "cancelled" | "pending");
        let fails = method != "cash" && random.chance(if unpaid { 60 } else { 5 });
        let mut paid = later(ordered, random.between(5, 90), self.end)?;
        let mut pay = |status, reason: Option<&str>, at| {
            self.payment.execute(params![
                order,
                method,
                status,
                money(total),
                reason,
                text(at)
            ])
        };
        if fails {
            let reason = random.pick(&FAILURES).copied().unwrap_or_default();
            pay("failed", Some(reason), paid)?;
            paid = later(paid, random.between(40, 900), self.end)?;
        }
        match status {
            _ if unpaid => 0,
            "refunded" => pay("refunded", None, paid)?,
            _ => pay("succeeded", None, paid)?,
        };
        Ok(())
    }
}

/// Cents as SQLite reads a `NUMERIC(10,2)`.
fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn time(day: Date, second: u32, end: Date) -> Result<DateTime, Error> {
    later(day.at(0, 0, 0, 0), second, end)
}

fn later(time: DateTime, seconds: u32, end: Date) -> Result<DateTime, Error> {
    time.checked_add(Span::new().seconds(i64::from(seconds)))
        .map_err(|_| Error::Date(end))
}

fn text(time: DateTime) -> String {
    format!("{} {}", time.date(), time.time())
}
