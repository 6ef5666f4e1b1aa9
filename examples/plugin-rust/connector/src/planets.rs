//! The rows.

use labd_plugin::connector::ValueKind;

/// The name of the one table.
pub const TABLE: &str = "planets";

/// A row.
#[derive(Debug)]
pub struct Planet {
    pub name: &'static str,
    pub moons: i64,
    pub ringed: bool,
}

/// All rows.
pub const PLANETS: [Planet; 8] = [
    planet("Mercury", 0, false),
    planet("Venus", 0, false),
    planet("地球 Earth", 1, false),
    planet("Mars", 2, false),
    planet("Jupiter", 97, true),
    planet("Saturn", 274, true),
    planet("Uranus", 28, true),
    planet("Neptune", 16, true),
];

const fn planet(name: &'static str, moons: i64, ringed: bool) -> Planet {
    Planet {
        name,
        moons,
        ringed,
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    Moons,
    Ringed,
}

impl Field {
    /// In the table's order.
    pub const ALL: [Self; 3] = [Self::Name, Self::Moons, Self::Ringed];

    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Moons => "moons",
            Self::Ringed => "ringed",
        }
    }

    /// What the schema calls its type.
    pub fn database_type(self) -> &'static str {
        match self {
            Self::Name => "text",
            Self::Moons => "integer",
            Self::Ringed => "boolean",
        }
    }

    /// How its values travel.
    pub fn kind(self) -> ValueKind {
        match self {
            Self::Name => ValueKind::Text,
            Self::Moons => ValueKind::Integer,
            Self::Ringed => ValueKind::Boolean,
        }
    }
}
