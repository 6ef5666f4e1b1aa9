//! Types of the server: what they are called, what kind they are, how their values are read.
//!
//! Those that PostgreSQL brings along are known by their numbers; the others are looked up once
//! a session ([`Catalog::LOOKUP`]).

use labd_plugin::connector::ValueKind;
use std::collections::HashMap;

/// How a value is sent and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Binary, one byte.
    Boolean,
    /// Binary, 16 bits.
    Int2,
    /// Binary, 32 bits.
    Int4,
    /// Binary, 64 bits.
    Int8,
    /// Binary, 32 bits unsigned.
    Oid,
    /// Binary, single precision.
    Float4,
    /// Binary, double precision.
    Float8,
    /// Text of digits.
    Decimal,
    /// The server's text.
    Text,
    /// Binary, as it is.
    Bytes,
    /// Binary, days since 2000-01-01.
    Date,
    /// Binary, microseconds since midnight.
    Time,
    /// Binary, microseconds since 2000-01-01.
    Timestamp,
    /// The same, in UTC.
    Instant,
    /// Binary, 16 bytes.
    Uuid,
    /// An array's text, with what its elements are and what separates them.
    Array(Element, u8),
}

impl Shape {
    /// The format code of the protocol: 1 for binary.
    pub fn format(self) -> i16 {
        match self {
            Self::Decimal | Self::Text | Self::Array(..) => 0,
            _ => 1,
        }
    }
}

/// What the elements of an array become in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `true` and `false`.
    Boolean,
    /// A number where a double holds it exactly, else a string.
    Number,
    /// What it is already.
    Json,
    /// A string.
    Text,
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// Its name as `format_type` gives it without a modifier.
    pub name: String,
    /// What it is.
    pub kind: ValueKind,
    /// How it is read.
    pub shape: Shape,
}

impl Type {
    fn new(name: &str, kind: ValueKind, shape: Shape) -> Self {
        Self {
            name: name.into(),
            kind,
            shape,
        }
    }

    /// The array of this type.
    fn array(&self, delimiter: u8) -> Self {
        let element = match (self.kind, self.shape) {
            (ValueKind::Boolean, _) => Element::Boolean,
            (ValueKind::Integer | ValueKind::Float | ValueKind::Decimal, _) => Element::Number,
            (ValueKind::Json, _) => Element::Json,
            _ => Element::Text,
        };
        Self {
            name: format!("{}[]", self.name),
            kind: ValueKind::Array,
            shape: Shape::Array(element, delimiter),
        }
    }

    /// The complete name of a column's type.
    pub fn name_with(&self, modifier: i32) -> String {
        let (base, suffix) = match self.name.strip_suffix("[]") {
            Some(base) => (base, "[]"),
            None => (self.name.as_str(), ""),
        };
        let Ok(modifier @ 0..) = u32::try_from(modifier) else {
            return self.name.clone();
        };
        // Lengths count four bytes of a header that is no longer there.
        let length = modifier.saturating_sub(4);
        match base {
            "character varying" | "character" => format!("{base}({length}){suffix}"),
            "bit" | "bit varying" => format!("{base}({modifier}){suffix}"),
            "numeric" => {
                // The scale has 11 bits and a sign since PostgreSQL 15.
                let scale = i32::try_from((length & 0x7FF) ^ 1024).unwrap_or(0) - 1024;
                format!("{base}({},{scale}){suffix}", length >> 16)
            }
            "timestamp without time zone" => {
                format!("timestamp({modifier}) without time zone{suffix}")
            }
            "timestamp with time zone" => format!("timestamp({modifier}) with time zone{suffix}"),
            "time without time zone" => format!("time({modifier}) without time zone{suffix}"),
            "time with time zone" => format!("time({modifier}) with time zone{suffix}"),
            _ => self.name.clone(),
        }
    }
}

/// The types that every PostgreSQL has, with their arrays, from `pg_type.dat`.
pub fn builtin(oid: u32) -> Option<Type> {
    use Shape as S;
    use ValueKind as K;
    let (element, is_array) = match oid {
        1000 => (16, true),
        1001 => (17, true),
        1003 => (19, true),
        1005 => (21, true),
        1007 => (23, true),
        1009 => (25, true),
        1014 => (1042, true),
        1015 => (1043, true),
        1016 => (20, true),
        1021 => (700, true),
        1022 => (701, true),
        1028 => (26, true),
        1115 => (1114, true),
        1182 => (1082, true),
        1183 => (1083, true),
        1185 => (1184, true),
        1187 => (1186, true),
        1231 => (1700, true),
        1270 => (1266, true),
        199 => (114, true),
        2951 => (2950, true),
        3807 => (3802, true),
        1041 => (869, true),
        651 => (650, true),
        other => (other, false),
    };
    let (name, kind, shape) = match element {
        16 => ("boolean", K::Boolean, S::Boolean),
        17 => ("bytea", K::Binary, S::Bytes),
        18 => ("\"char\"", K::Text, S::Text),
        19 => ("name", K::Text, S::Text),
        20 => ("bigint", K::Integer, S::Int8),
        21 => ("smallint", K::Integer, S::Int2),
        23 => ("integer", K::Integer, S::Int4),
        25 => ("text", K::Text, S::Text),
        26 => ("oid", K::Integer, S::Oid),
        114 => ("json", K::Json, S::Text),
        142 => ("xml", K::Text, S::Text),
        650 => ("cidr", K::Other, S::Text),
        700 => ("real", K::Float, S::Float4),
        701 => ("double precision", K::Float, S::Float8),
        // What the server gives a text literal of no type.
        705 => ("unknown", K::Text, S::Text),
        790 => ("money", K::Other, S::Text),
        829 => ("macaddr", K::Other, S::Text),
        869 => ("inet", K::Other, S::Text),
        1042 => ("character", K::Text, S::Text),
        1043 => ("character varying", K::Text, S::Text),
        1082 => ("date", K::Date, S::Date),
        1083 => ("time without time zone", K::Time, S::Time),
        1114 => ("timestamp without time zone", K::Timestamp, S::Timestamp),
        1184 => ("timestamp with time zone", K::Instant, S::Instant),
        1186 => ("interval", K::Other, S::Text),
        1266 => ("time with time zone", K::Other, S::Text),
        1560 => ("bit", K::Other, S::Text),
        1562 => ("bit varying", K::Other, S::Text),
        1700 => ("numeric", K::Decimal, S::Decimal),
        2249 => ("record", K::Other, S::Text),
        2278 => ("void", K::Other, S::Text),
        2950 => ("uuid", K::Uuid, S::Uuid),
        3802 => ("jsonb", K::Json, S::Text),
        _ => return None,
    };
    let found = Type::new(name, kind, shape);
    Some(if is_array { found.array(b',') } else { found })
}

/// A row of [`Catalog::LOOKUP`].
#[derive(Clone, Debug)]
pub struct Looked {
    /// The type's number.
    pub oid: u32,
    /// `format_type` without a modifier.
    pub name: String,
    /// `b`ase, `c`omposite, `d`omain, `e`num, `p`seudo, `r`ange, `m`ultirange.
    pub class: u8,
    /// `pg_type.typcategory`: `S` for what is like text, `A` for arrays.
    pub category: u8,
    /// What a domain stands on, or an array is made of; 0 for none.
    pub inner: u32,
    /// What separates the elements of its array.
    pub delimiter: u8,
}

/// The types that a session has met.
#[derive(Debug, Default)]
pub struct Catalog {
    known: HashMap<u32, Type>,
}

impl Catalog {
    /// Describes types and all that they are made of, innermost first; `{}` is a list of numbers.
    pub const LOOKUP: &str = "\
        WITH RECURSIVE needed(oid, depth) AS (\
          SELECT unnest('{}'::pg_catalog.oid[]), 0 \
          UNION ALL \
          SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END, n.depth + 1 \
          FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.oid \
          WHERE n.depth < 8 AND (t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0)) \
        SELECT t.oid, pg_catalog.format_type(t.oid, NULL), t.typtype, t.typcategory, \
          CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END, \
          t.typdelim \
        FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.oid ORDER BY n.depth DESC";

    /// The type of a number; none when it must be looked up first.
    pub fn get(&self, oid: u32) -> Option<Type> {
        builtin(oid).or_else(|| self.known.get(&oid).cloned())
    }

    /// The type of a number, or a name that says that there is none.
    pub fn get_or_unknown(&self, oid: u32) -> Type {
        self.get(oid)
            .unwrap_or_else(|| Type::new(&format!("type {oid}"), ValueKind::Other, Shape::Text))
    }

    /// Takes in what was looked up, innermost first.
    pub fn learn(&mut self, rows: Vec<Looked>) {
        for row in rows {
            if builtin(row.oid).is_some() {
                continue;
            }
            let inner = self.get(row.inner);
            let learnt = match (row.class, row.category, inner) {
                (b'd', _, Some(base)) => Type {
                    name: row.name,
                    ..base
                },
                (_, b'A', Some(element)) => Type {
                    name: row.name,
                    ..element.array(row.delimiter)
                },
                (b'e', ..) | (_, b'S', _) => Type::new(&row.name, ValueKind::Text, Shape::Text),
                _ => Type::new(&row.name, ValueKind::Other, Shape::Text),
            };
            // Bounded, since a hostile server could invent types without end.
            if self.known.len() < 10_000 {
                self.known.insert(row.oid, learnt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(oid: u32, modifier: i32) -> String {
        builtin(oid)
            .map(|found| found.name_with(modifier))
            .unwrap_or_default()
    }

    #[test]
    fn names_are_those_of_format_type() {
        assert_eq!(name(1043, 24), "character varying(20)");
        assert_eq!(name(1043, -1), "character varying");
        assert_eq!(name(1700, ((10 << 16) | 2) + 4), "numeric(10,2)");
        assert_eq!(name(1700, ((3 << 16) | (-2 & 0x7FF)) + 4), "numeric(3,-2)");
        assert_eq!(name(1184, 3), "timestamp(3) with time zone");
        assert_eq!(name(1231, ((10 << 16) | 2) + 4), "numeric(10,2)[]");
        assert_eq!(name(1007, -1), "integer[]");
    }

    #[test]
    fn domains_and_arrays_are_what_they_are_made_of() {
        let mut catalog = Catalog::default();
        let looked = |oid, name: &str, class, category, inner| Looked {
            oid,
            name: name.into(),
            class,
            category,
            inner,
            delimiter: b',',
        };
        catalog.learn(vec![
            looked(90_001, "mood", b'e', b'E', 0),
            looked(90_002, "mood[]", b'b', b'A', 90_001),
            looked(90_003, "price", b'd', b'N', 1700),
            looked(90_004, "price[]", b'b', b'A', 90_003),
            looked(90_005, "citext", b'b', b'S', 0),
            looked(90_006, "point3", b'c', b'C', 0),
        ]);
        let kind = |oid| catalog.get_or_unknown(oid).kind;
        assert_eq!(kind(90_001), ValueKind::Text);
        assert_eq!(
            catalog.get_or_unknown(90_002).shape,
            Shape::Array(Element::Text, b',')
        );
        assert_eq!(kind(90_003), ValueKind::Decimal);
        assert_eq!(
            catalog.get_or_unknown(90_004).shape,
            Shape::Array(Element::Number, b',')
        );
        assert_eq!(kind(90_005), ValueKind::Text);
        assert_eq!(kind(90_006), ValueKind::Other);
        assert_eq!(catalog.get_or_unknown(5).name, "type 5");
    }
}
