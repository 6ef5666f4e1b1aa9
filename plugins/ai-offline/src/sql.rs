//! Statements in the dialect of the source. Every name of the schema goes through
//! [`Dialect::name`], and no text of the schema or the request is ever written as code.

use crate::catalog::{Catalog, Hop};
use crate::words::Period;

/// How a source writes SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// Standard SQL, for what is not known.
    Standard,
}

impl Dialect {
    /// From the document's word.
    pub fn of(name: &str) -> Self {
        match name {
            "sqlite" => Self::Sqlite,
            "postgresql" => Self::Postgres,
            "mysql" => Self::Mysql,
            _ => Self::Standard,
        }
    }

    /// A name as an identifier: as it is when every dialect reads it so, else quoted, with its
    /// quotes doubled.
    pub fn name(self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain && !is_keyword(name) {
            return name.to_owned();
        }
        let quote = if self == Self::Mysql { '`' } else { '"' };
        let mut out = String::from(quote);
        for c in name.chars() {
            if c == quote {
                out.push(quote);
            }
            out.push(c);
        }
        out.push(quote);
        out
    }

    /// A text as a literal.
    pub fn text(self, text: &str) -> String {
        let text = text.replace('\'', "''");
        if self == Self::Mysql {
            format!("'{}'", text.replace('\\', "\\\\"))
        } else {
            format!("'{text}'")
        }
    }

    /// The period that a moment lies in, as a text that sorts by time; none where the dialect has
    /// no way that is known.
    pub fn period(self, moment: &str, period: Period) -> Option<String> {
        Some(match (self, period) {
            (Self::Sqlite, Period::Day) => format!("strftime('%Y-%m-%d', {moment})"),
            // Forward to Sunday, then back to its Monday.
            (Self::Sqlite, Period::Week) => format!("date({moment}, 'weekday 0', '-6 days')"),
            (Self::Sqlite, Period::Month) => format!("strftime('%Y-%m', {moment})"),
            (Self::Sqlite, Period::Quarter) => format!(
                "strftime('%Y', {moment}) || '-Q' || ((CAST(strftime('%m', {moment}) AS INTEGER) + 2) / 3)"
            ),
            (Self::Sqlite, Period::Year) => format!("strftime('%Y', {moment})"),
            (Self::Postgres, Period::Day) => {
                format!("to_char(date_trunc('day', {moment}), 'YYYY-MM-DD')")
            }
            (Self::Postgres, Period::Week) => {
                format!("to_char(date_trunc('week', {moment}), 'YYYY-MM-DD')")
            }
            (Self::Postgres, Period::Month) => {
                format!("to_char(date_trunc('month', {moment}), 'YYYY-MM')")
            }
            (Self::Postgres, Period::Quarter) => {
                format!("to_char(date_trunc('quarter', {moment}), 'YYYY-\"Q\"Q')")
            }
            (Self::Postgres, Period::Year) => {
                format!("to_char(date_trunc('year', {moment}), 'YYYY')")
            }
            (Self::Mysql, Period::Day) => format!("date_format({moment}, '%Y-%m-%d')"),
            (Self::Mysql, Period::Week) => format!(
                "date_format(date_sub({moment}, INTERVAL weekday({moment}) DAY), '%Y-%m-%d')"
            ),
            (Self::Mysql, Period::Month) => format!("date_format({moment}, '%Y-%m')"),
            (Self::Mysql, Period::Quarter) => {
                format!("concat(year({moment}), '-Q', quarter({moment}))")
            }
            (Self::Mysql, Period::Year) => format!("date_format({moment}, '%Y')"),
            (Self::Standard, _) => return None,
        })
    }

    /// Rounded to two digits. PostgreSQL rounds exact numbers only.
    pub fn round(self, expression: &str) -> String {
        if self == Self::Postgres {
            format!("ROUND(CAST({expression} AS numeric), 2)")
        } else {
            format!("ROUND({expression}, 2)")
        }
    }

    /// A text or a label of an enumerated type, in small letters.
    pub fn lower(self, expression: &str) -> String {
        match self {
            Self::Sqlite | Self::Mysql => format!("LOWER({expression})"),
            Self::Postgres => format!("LOWER(CAST({expression} AS text))"),
            Self::Standard => format!("LOWER(CAST({expression} AS varchar(100)))"),
        }
    }
}

/// The reserved words of SQLite, PostgreSQL, MySQL and the standard that a name may well be.
fn is_keyword(name: &str) -> bool {
    const WORDS: &str = "abort action add after all alter always analyse analyze and any array as asc asymmetric \
        attach authorization autoincrement before begin between binary both by call cascade case cast change char \
        character check collate collation column commit concurrently condition conflict constraint continue convert \
        create cross cube cume_dist current current_catalog current_date current_role current_schema current_time \
        current_timestamp current_user cursor database databases day_hour dec decimal declare default deferrable \
        deferred delayed delete dense_rank desc describe detach deterministic distinct distinctrow div do double drop \
        dual each else elseif empty enclosed end escape escaped except exclude exclusive exists exit explain fail \
        false fetch filter first first_value float float4 float8 following for force foreign freeze from full \
        fulltext function generated get glob grant group grouping groups having hour_minute if ignore ilike immediate \
        in index indexed infile initially inner inout insensitive insert instead int int2 int4 int8 integer intersect \
        interval into is isnull iterate join key keys kill lag last last_value lateral lead leading leave left like \
        limit linear lines load localtime localtimestamp lock long loop match materialized maxvalue mod modifies \
        natural no not nothing notnull nth_value ntile null nulls numeric of offset on only optimize option optionally \
        or order others out outer outfile over overlaps partition percent_rank placing plan pragma preceding \
        precision primary procedure purge query raise range rank read reads real recursive references regexp reindex \
        release rename repeat replace require resignal restrict return returning revoke right rlike rollback row \
        row_number rows savepoint schema schemas select sensitive separator session_user set show signal similar \
        smallint some spatial specific sql sqlexception sqlstate ssl starting stored straight_join symmetric system \
        system_user table tablesample temp temporary terminated then ties tinyint to trailing transaction trigger true \
        unbounded undo union unique unlock unsigned update usage use user using vacuum values varbinary varchar \
        variadic varying verbose view virtual void when where while window with within without write xor zerofill";
    WORDS.split_whitespace().any(|word| word == name)
}

/// How a table is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Rows without a partner are left out.
    Inner,
    /// Rows without a partner are kept.
    Left,
}

/// The `FROM` of a statement: a table, and what was joined to it.
pub struct From<'a> {
    catalog: &'a Catalog<'a>,
    aliases: Vec<String>,
    reached: Vec<(Vec<Hop>, String, Join)>,
    base: String,
    table: usize,
}

impl<'a> From<'a> {
    /// One table.
    pub fn new(catalog: &'a Catalog<'a>, table: usize) -> Self {
        let mut from = Self {
            catalog,
            aliases: Vec::new(),
            reached: Vec::new(),
            base: String::new(),
            table,
        };
        from.base = from.alias(table);
        from
    }

    fn alias(&mut self, table: usize) -> String {
        let letter = self
            .catalog
            .table(table)
            .and_then(|table| table.relation.name.chars().find(char::is_ascii_alphabetic))
            .unwrap_or('t')
            .to_ascii_lowercase();
        let mut alias = letter.to_string();
        let mut number = 2;
        while self.aliases.contains(&alias) {
            alias = format!("{letter}{number}");
            number += 1;
        }
        self.aliases.push(alias.clone());
        alias
    }

    /// A column of the table at the end of these hops, which are joined once.
    pub fn column(&mut self, hops: &[Hop], column: &str, join: Join) -> String {
        let alias = self.reach(hops, join);
        format!("{alias}.{}", self.catalog.dialect.name(column))
    }

    fn reach(&mut self, hops: &[Hop], join: Join) -> String {
        let mut alias = self.base.clone();
        for end in 1..=hops.len() {
            let path = hops.get(..end).unwrap_or_default();
            let known = self.reached.iter_mut().find(|(known, ..)| known == path);
            alias = if let Some((_, known, kind)) = known {
                if join == Join::Inner {
                    *kind = Join::Inner;
                }
                known.clone()
            } else {
                let Some(hop) = path.last() else { continue };
                let fresh = self.alias(hop.to);
                self.reached.push((path.to_vec(), fresh.clone(), join));
                fresh
            };
        }
        alias
    }

    /// `FROM … JOIN …`, a line each.
    pub fn text(&self) -> String {
        let mut text = format!(
            "FROM {} AS {}",
            self.catalog.qualified(self.table),
            self.base
        );
        for (path, alias, join) in &self.reached {
            let Some((hop, before)) = path.split_last() else {
                continue;
            };
            let left = if before.is_empty() {
                &self.base
            } else {
                self.reached
                    .iter()
                    .find(|(known, ..)| known == before)
                    .map_or(&self.base, |(_, alias, _)| alias)
            };
            let dialect = self.catalog.dialect;
            let on: Vec<String> = self
                .catalog
                .key(*hop)
                .map(|(own, other)| {
                    format!(
                        "{alias}.{} = {left}.{}",
                        dialect.name(other),
                        dialect.name(own)
                    )
                })
                .collect();
            let word = match join {
                Join::Inner => "JOIN",
                Join::Left => "LEFT JOIN",
            };
            text.push_str(&format!(
                "\n{word} {} AS {alias} ON {}",
                self.catalog.qualified(hop.to),
                on.join(" AND ")
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_never_leave_its_quotes() {
        assert_eq!(Dialect::Sqlite.name("orders"), "orders");
        assert_eq!(Dialect::Sqlite.name("order"), "\"order\"");
        assert_eq!(Dialect::Postgres.name("OrderLines"), "\"OrderLines\"");
        assert_eq!(
            Dialect::Postgres.name("a\"; DROP TABLE x; --"),
            "\"a\"\"; DROP TABLE x; --\""
        );
        assert_eq!(Dialect::Mysql.name("a`b"), "`a``b`");
        assert_eq!(Dialect::Sqlite.text("it's"), "'it''s'");
    }
}
