//! Customers.

use jiff::{Span, civil::Date};
use rusqlite::{Transaction, params};

use crate::{
    Error,
    catalogue::{CITIES, COMPANIES, FAMILY, FIRST, OTHER_SCRIPTS},
    random::Random,
};

const COUNT: u32 = 300;
/// So many are customers on the first day.
const FROM_THE_START: u32 = 90;

/// A customer, as far as orders need to know.
pub struct Customer {
    pub id: u32,
    /// The first day on which the customer may order.
    pub since: Date,
    pub business: bool,
}

/// Inserts all customers, in the order in which they joined.
pub fn insert(
    database: &Transaction<'_>,
    random: &mut Random,
    start: Date,
    end: Date,
) -> Result<Vec<Customer>, Error> {
    let days = u32::try_from(start.until(end).map_err(|_| Error::Date(end))?.get_days())
        .map_err(|_| Error::Date(end))?;
    let mut statement = database.prepare(
        "INSERT INTO customers (id, name, company, email, phone, city, country, segment, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let mut customers = Vec::new();
    for id in 1..=COUNT {
        let since = if id <= FROM_THE_START {
            let before = (FROM_THE_START - id) * 4;
            start.checked_sub(Span::new().days(i64::from(before) + 1))
        } else {
            let place = (id - FROM_THE_START) * days / (COUNT - FROM_THE_START);
            start.checked_add(Span::new().days(i64::from(place)))
        }
        .map_err(|_| Error::Date(end))?;
        let business = random.chance(18);
        let (name, address) = name(random, id);
        let (city, country) = random.pick(&CITIES).copied().unwrap_or_default();
        let company = random.pick(&COMPANIES).filter(|_| business);
        let phone = (!random.chance(28)).then(|| {
            format!(
                "+{} {:03} {:07}",
                random.between(30, 49),
                random.between(100, 999),
                random.between(1_000_000, 9_999_999)
            )
        });
        // Domains that RFC 2606 keeps for examples.
        let domain = random.pick(&["example.com", "example.net", "example.org"]);
        statement.execute(params![
            id,
            name,
            company,
            format!("{address}{id}@{}", domain.unwrap_or(&"example.com")),
            phone,
            city,
            country,
            if business { "business" } else { "consumer" },
            format!(
                "{since} {:02}:{:02}:{:02}",
                random.between(7, 22),
                random.below(60),
                random.below(60)
            ),
        ])?;
        customers.push(Customer {
            id,
            since,
            business,
        });
    }
    Ok(customers)
}

/// A name and its form in an address.
fn name(random: &mut Random, id: u32) -> (String, String) {
    if id.is_multiple_of(16)
        && let Some((name, address)) = OTHER_SCRIPTS.get(id as usize / 16 % OTHER_SCRIPTS.len())
    {
        return ((*name).into(), (*address).into());
    }
    let (first, family) = (
        random.pick(&FIRST).copied().unwrap_or_default(),
        random.pick(&FAMILY).copied().unwrap_or_default(),
    );
    (
        format!("{} {}", first.0, family.0),
        format!("{}.{}", first.1, family.1),
    )
}
