//! The schema, read for meaning: which columns are money, dates, states or names, and how tables
//! are joined along their foreign keys.

use crate::document::{Column, Relation, Schema};
use crate::names::{stems, words};
use crate::sql::Dialect;
use std::collections::{BTreeMap, VecDeque};

/// The longest way along foreign keys that is followed.
const HOPS: usize = 3;

/// A step along a foreign key, from many rows to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The table that refers.
    pub from: usize,
    /// Which of its foreign keys.
    pub key: usize,
    /// The table referred to.
    pub to: usize,
}

/// A table or view.
#[derive(Debug)]
pub struct Table<'a> {
    /// As the document has it.
    pub relation: &'a Relation,
    /// The singular words of its name.
    pub stems: Vec<String>,
}

/// What can be asked for.
#[derive(Debug)]
pub struct Catalog<'a> {
    /// How statements are written.
    pub dialect: Dialect,
    tables: Vec<Table<'a>>,
    hops: Vec<Hop>,
    default_schema: &'a str,
    /// Names that cannot be written safely into an answer.
    pub left_out: Vec<&'a str>,
}

/// A name that could be read as a tag of the answer, or that has more than one line.
fn is_unsafe(name: &str) -> bool {
    name.is_empty()
        || name.chars().any(char::is_control)
        || name.contains('<')
        || ["&lt;", "&gt;", "&amp;"]
            .iter()
            .any(|entity| name.contains(entity))
}

impl<'a> Catalog<'a> {
    /// Of a source's schema.
    pub fn new(dialect: Dialect, schema: &'a Schema) -> Self {
        let mut left_out = Vec::new();
        let mut tables = Vec::new();
        for relation in &schema.relations {
            let name = [&relation.schema, &relation.name];
            let columns = relation
                .columns
                .iter()
                .any(|column| !is_unsafe(&column.name));
            if name.iter().any(|name| is_unsafe(name)) || !columns {
                left_out.push(relation.name.as_str());
            } else {
                tables.push(Table {
                    relation,
                    stems: stems(&relation.name),
                });
            }
        }
        let by_name: BTreeMap<(&str, &str), usize> = tables
            .iter()
            .enumerate()
            .map(|(at, table)| {
                (
                    (table.relation.schema.as_str(), table.relation.name.as_str()),
                    at,
                )
            })
            .collect();
        let mut hops = Vec::new();
        for (from, table) in tables.iter().enumerate() {
            for (key, foreign) in table.relation.foreign_keys.iter().enumerate() {
                let to = by_name.get(&(
                    foreign.referenced_schema.as_str(),
                    foreign.referenced_table.as_str(),
                ));
                let whole = !foreign.columns.is_empty()
                    && foreign.columns.len() == foreign.referenced_columns.len()
                    && foreign
                        .columns
                        .iter()
                        .chain(&foreign.referenced_columns)
                        .all(|name| !is_unsafe(name));
                if let Some(&to) = to.filter(|&&to| whole && to != from) {
                    hops.push(Hop { from, key, to });
                }
            }
        }
        Self {
            dialect,
            tables,
            hops,
            default_schema: &schema.default_schema,
            left_out,
        }
    }

    /// All tables with their numbers.
    pub fn tables(&self) -> impl Iterator<Item = (usize, &Table<'a>)> {
        self.tables.iter().enumerate()
    }

    /// A table by its number.
    pub fn table(&self, table: usize) -> Option<&Table<'a>> {
        self.tables.get(table)
    }

    /// Its name as people read it.
    pub fn name(&self, table: usize) -> &'a str {
        self.table(table)
            .map_or("", |table| table.relation.name.as_str())
    }

    /// Its columns that can be written.
    pub fn columns(&self, table: usize) -> impl Iterator<Item = &'a Column> {
        self.table(table)
            .map(|table| table.relation.columns.iter())
            .into_iter()
            .flatten()
            .filter(|column| !is_unsafe(&column.name))
    }

    /// Its name in a statement.
    pub fn qualified(&self, table: usize) -> String {
        let Some(table) = self.table(table) else {
            return String::new();
        };
        let name = self.dialect.name(&table.relation.name);
        if table.relation.schema == self.default_schema || table.relation.schema.is_empty() {
            name
        } else {
            format!("{}.{name}", self.dialect.name(&table.relation.schema))
        }
    }

    /// The pairs of columns that a hop joins: the one that refers, the one referred to.
    pub fn key(&self, hop: Hop) -> impl Iterator<Item = (&str, &str)> {
        self.table(hop.from)
            .and_then(|table| table.relation.foreign_keys.get(hop.key))
            .into_iter()
            .flat_map(|key| {
                key.columns
                    .iter()
                    .map(String::as_str)
                    .zip(key.referenced_columns.iter().map(String::as_str))
            })
    }

    /// The foreign keys of a table.
    pub fn hops_from(&self, table: usize) -> impl Iterator<Item = Hop> {
        self.hops
            .iter()
            .copied()
            .filter(move |hop| hop.from == table)
    }

    /// How many foreign keys refer to a table.
    pub fn references_to(&self, table: usize) -> usize {
        self.hops.iter().filter(|hop| hop.to == table).count()
    }

    /// Every table that a row of `from` has one row of, with the shortest way to it, the nearest
    /// first; the table itself too.
    pub fn reachable(&self, from: usize) -> Vec<(usize, Vec<Hop>)> {
        let mut found: Vec<(usize, Vec<Hop>)> = vec![(from, Vec::new())];
        let mut queue = VecDeque::from([(from, Vec::new())]);
        while let Some((table, path)) = queue.pop_front() {
            if path.len() == HOPS {
                continue;
            }
            for hop in self.hops_from(table) {
                if found.iter().all(|(known, _)| *known != hop.to) {
                    let mut longer = path.clone();
                    longer.push(hop);
                    found.push((hop.to, longer.clone()));
                    queue.push_back((hop.to, longer));
                }
            }
        }
        found
    }

    /// The way from many rows to one, when there is one.
    pub fn way(&self, from: usize, to: usize) -> Option<Vec<Hop>> {
        self.reachable(from)
            .into_iter()
            .find(|(table, _)| *table == to)
            .map(|(_, path)| path)
    }

    /// Whether a row of this hop always has a partner.
    pub fn always(&self, hop: Hop) -> bool {
        self.key(hop).all(|(own, _)| {
            self.columns(hop.from)
                .any(|column| column.name == own && !column.nullable)
        })
    }

    /// A column that refers to another table.
    pub fn is_reference(&self, table: usize, column: &str) -> bool {
        self.table(table).is_some_and(|table| {
            table
                .relation
                .foreign_keys
                .iter()
                .any(|key| key.columns.iter().any(|name| name == column))
        })
    }

    /// A column of the primary key.
    pub fn is_key(&self, table: usize, column: &str) -> bool {
        self.table(table)
            .is_some_and(|table| table.relation.primary_key.iter().any(|name| name == column))
    }

    /// The column that tells people which row it is.
    pub fn title_column(&self, table: usize) -> Option<&'a Column> {
        let rank = |column: &Column| {
            let stems = stems(&column.name);
            let has = |word: &str| stems.iter().any(|stem| stem == word);
            if !is_text(column) || has("hash") || has("password") {
                None
            } else if stems == ["name"] || stems == ["full", "name"] || stems == ["title"] {
                Some(0)
            } else if has("name") && !has("user") {
                Some(1)
            } else if has("title") || has("label") || has("subject") {
                Some(2)
            } else if has("company") || has("username") || (has("user") && has("name")) {
                Some(3)
            } else if has("email") || has("code") || has("sku") || has("number") || has("slug") {
                Some(4)
            } else {
                None
            }
        };
        self.columns(table)
            .filter_map(|column| rank(column).map(|rank| (rank, column)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, column)| column)
    }

    /// The date by which rows of a table are counted: its own, or that of a table it belongs to.
    pub fn date_of(&self, table: usize) -> Option<(Vec<Hop>, &'a Column)> {
        self.reachable(table)
            .into_iter()
            .filter(|(other, path)| path.is_empty() || is_sale(self.table(*other)) > 0)
            .find_map(|(other, path)| {
                self.columns(other)
                    .filter(|column| is_moment(column, self.dialect))
                    .max_by_key(|column| date_rank(column))
                    .filter(|column| path.is_empty() || date_rank(column) > 0)
                    .map(|column| (path, column))
            })
    }
}

fn date_rank(column: &Column) -> i32 {
    let stems = words(&column.name);
    let has = |list: &[&str]| stems.iter().any(|stem| list.contains(&stem.as_str()));
    let mut rank = 0;
    if !column.nullable {
        rank += 2;
    }
    if has(&[
        "ordered",
        "order",
        "placed",
        "purchased",
        "sold",
        "sale",
        "paid",
        "invoiced",
        "invoice",
        "issued",
        "booked",
        "payment",
        "transaction",
    ]) {
        rank += 4;
    }
    if has(&[
        "created",
        "date",
        "time",
        "timestamp",
        "occurred",
        "started",
        "start",
        "registered",
        "joined",
        "on",
        "at",
    ]) {
        rank += 2;
    }
    if has(&[
        "updated",
        "modified",
        "changed",
        "deleted",
        "shipped",
        "delivered",
        "discontinued",
        "birth",
        "birthday",
        "expires",
        "expired",
        "expiry",
        "due",
        "ended",
        "end",
        "cancelled",
        "canceled",
        "refunded",
        "last",
        "synced",
    ]) {
        rank -= 6;
    }
    rank
}

/// How much a table is about sales: none is 0.
pub fn is_sale(table: Option<&Table<'_>>) -> i32 {
    let Some(table) = table else { return 0 };
    let has = |word: &str| table.stems.iter().any(|stem| stem == word);
    if has("line") || has("item") || has("detail") || has("position") {
        return if has("order") || has("sale") || has("invoice") {
            5
        } else {
            0
        };
    }
    let ranks = [
        ("order", 10),
        ("sale", 10),
        ("invoice", 9),
        ("transaction", 8),
        ("booking", 8),
        ("reservation", 7),
        ("payment", 7),
        ("purchase", 6),
        ("charge", 6),
        ("rental", 6),
        ("subscription", 5),
        ("donation", 5),
        ("deal", 5),
        ("ticket", 2),
    ];
    ranks
        .iter()
        .find(|(word, _)| table.stems.last().is_some_and(|stem| stem == word))
        .map_or(0, |(_, rank)| *rank)
}

/// A number that can be added up or compared.
pub fn is_number(column: &Column) -> bool {
    matches!(column.kind.as_str(), "integer" | "float" | "decimal")
        || column.database_type.eq_ignore_ascii_case("money")
}

/// A text that people read.
pub fn is_text(column: &Column) -> bool {
    column.kind == "text" || (column.kind == "other" && !column.enum_values.is_empty())
}

/// A date or a time of a day. SQLite keeps them as texts; there the declared type or the name
/// tells.
pub fn is_moment(column: &Column, dialect: Dialect) -> bool {
    if matches!(column.kind.as_str(), "date" | "timestamp" | "instant") {
        return true;
    }
    if dialect != Dialect::Sqlite || column.kind != "text" {
        return false;
    }
    let declared = column.database_type.to_ascii_uppercase();
    if declared.contains("DATE") || declared.contains("TIMESTAMP") {
        return true;
    }
    let words = words(&column.name);
    declared == "TEXT"
        && words.last().is_some_and(|last| {
            matches!(last.as_str(), "at" | "date" | "datetime" | "timestamp")
                || (last == "on" && words.len() > 1)
        })
}

/// A day without a time.
pub fn is_day(column: &Column) -> bool {
    column.kind == "date" || column.database_type.eq_ignore_ascii_case("date")
}

/// A column that says where a row stands.
pub fn is_state(column: &Column) -> bool {
    let stems = words(&column.name);
    let last = stems.last().map(String::as_str);
    is_text(column)
        && (last == Some("status") || (last == Some("state") && !column.enum_values.is_empty()))
}

/// A column of few values, to group by or to show as a badge.
pub fn is_category(column: &Column) -> bool {
    let stems = stems(&column.name);
    is_state(column)
        || (is_text(column)
            && (!column.enum_values.is_empty()
                || stems.last().is_some_and(|last| {
                    matches!(
                        last.as_str(),
                        "category"
                            | "type"
                            | "kind"
                            | "segment"
                            | "channel"
                            | "country"
                            | "region"
                            | "method"
                            | "level"
                            | "group"
                            | "department"
                            | "priority"
                            | "tier"
                            | "plan"
                            | "role"
                    )
                })))
}

/// What a number is, by the words of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// An amount that adds up: a total.
    Total,
    /// An amount that does not: a price.
    Unit,
    /// No money.
    No,
}

/// Whether a number is money.
pub fn money(column: &Column) -> Money {
    if !is_number(column) {
        return Money::No;
    }
    let stems = stems(&column.name);
    let has = |list: &[&str]| stems.iter().any(|stem| list.contains(&stem.as_str()));
    if has(&[
        "count",
        "quantity",
        "qty",
        "number",
        "percent",
        "percentage",
        "rate",
        "ratio",
        "id",
        "point",
        "score",
        "minute",
        "hour",
        "day",
        "byte",
        "weight",
        "unit",
    ]) && !has(&["price", "cost"])
    {
        return Money::No;
    }
    if has(&[
        "unit", "price", "cost", "msrp", "fee", "tax", "vat", "discount", "shipping", "salary",
        "wage", "balance", "limit", "budget",
    ]) {
        return if stems.iter().any(|stem| stem == "total")
            && !has(&["unit", "tax", "vat", "discount", "shipping"])
        {
            Money::Total
        } else {
            Money::Unit
        };
    }
    if has(&[
        "total", "amount", "revenue", "sale", "subtotal", "turnover", "gross", "net", "paid",
        "payment", "income", "profit", "charge", "sum", "spend", "earning",
    ]) {
        return Money::Total;
    }
    if has(&["value"]) && column.kind == "decimal" {
        return Money::Total;
    }
    Money::No
}
