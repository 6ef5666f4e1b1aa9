//! What a column is, and how its values travel.
//!
//! The kind of a column is told once and must hold for every batch, yet any row of SQLite may
//! hold a value of any type. So the kind comes from the declared type and the values of the first
//! batch, and every batch chooses the narrowest representation that holds all its values exactly:
//!
//! | values of the batch | representation |
//! | --- | --- |
//! | all 0 or 1, and the kind is boolean | booleans |
//! | all integers, and the kind is integer | integers |
//! | reals and integers up to 2^53, and the kind is float | floats |
//! | integers and reals | decimals: an integer as it is, a real in the shortest digits that read back as the same double |
//! | all blobs, and the kind is binary | binaries |
//! | anything else | texts: numbers as above, a blob as the literal `X'…'` |
//!
//! Dates are texts in SQLite. A column that is declared as a date, a time or a timestamp, and whose
//! first values are such by ISO 8601, has that kind, and its values the one form of that kind,
//! whichever of SQLite's forms they are stored in:
//!
//! | stored | given |
//! | --- | --- |
//! | `2024-05-31 10:30:00.25`, `2024-05-31T10:30:00.25` | `2024-05-31T10:30:00.25` |
//! | `2024-05-31 10:30`; `10:30` | `2024-05-31T10:30:00`; `10:30:00` |
//! | `2024-05-31`, among timestamps | `2024-05-31T00:00:00` |
//! | `2024-02-30 10:30:00`, `soon` | as it is: with such a value the column is of kind text, or, when it comes after the first batch, the value differs from the kind's form |
//!
//! The other way nothing is changed, since a statement may mean any of the forms: compare moments
//! by `datetime(created_at) >= datetime(:since)`.

use labd_plugin::connector::{BatchBuilder, ValueKind, Values};
use labd_plugin::sqlite::Value;

/// Integers up to here are exact as doubles.
const EXACT: u64 = 1 << 53;

/// What a declared type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// `INTEGER`, `BIGINT`, …: whatever contains `INT`.
    Integer,
    /// `BOOLEAN`.
    Boolean,
    /// `DECIMAL(10,2)`, `NUMERIC`, `MONEY`.
    Decimal,
    /// `REAL`, `FLOAT`, `DOUBLE PRECISION`.
    Float,
    /// `TEXT`, `VARCHAR(20)`, `CLOB`.
    Text,
    /// `BLOB`.
    Binary,
    /// `DATE`, `DATETIME`, `TIMESTAMP`: texts, or numbers, or neither.
    Moment,
    /// `TIME`.
    Time,
    /// `UUID`, `GUID`.
    Uuid,
    /// Nothing that is known, or nothing at all.
    Unknown,
}

/// Reads a declared type as SQLite does (datatype3, section 3.1), and beyond its affinities the
/// names that people use.
pub fn declared(declared_type: Option<&str>) -> Declared {
    let Some(name) = declared_type else {
        return Declared::Unknown;
    };
    let name = name.to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    let base = name.split(['(', ' ']).next().unwrap_or_default();
    if has("BOOL") {
        Declared::Boolean
    } else if has("DATE") || has("TIMESTAMP") {
        Declared::Moment
    } else if base == "TIME" {
        Declared::Time
    } else if has("UUID") || has("GUID") {
        Declared::Uuid
    } else if has("INT") {
        Declared::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") || has("JSON") {
        Declared::Text
    } else if has("BLOB") || has("BINARY") {
        Declared::Binary
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Declared::Float
    } else if has("DEC") || has("NUMERIC") || has("MONEY") {
        Declared::Decimal
    } else {
        Declared::Unknown
    }
}

impl Declared {
    /// The kind when no value has been seen.
    pub fn kind(self) -> ValueKind {
        match self {
            Self::Integer => ValueKind::Integer,
            Self::Boolean => ValueKind::Boolean,
            Self::Decimal => ValueKind::Decimal,
            Self::Float => ValueKind::Float,
            Self::Text | Self::Moment | Self::Time => ValueKind::Text,
            Self::Binary => ValueKind::Binary,
            Self::Uuid => ValueKind::Uuid,
            Self::Unknown => ValueKind::Other,
        }
    }

    /// The kind in view of the first values.
    pub fn kind_of<'a>(self, values: impl Iterator<Item = &'a Value> + Clone) -> ValueKind {
        let seen = Seen::of(values.clone());
        if seen.is_empty() {
            return self.kind();
        }
        let texts_are = |holds: fn(&str) -> bool| {
            values
                .clone()
                .filter_map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .all(holds)
        };
        if seen.only_texts() {
            return match self {
                Self::Moment if texts_are(is_date) => ValueKind::Date,
                Self::Moment if texts_are(|text| timestamp(text).is_some()) => ValueKind::Timestamp,
                Self::Time if texts_are(|text| time(text).is_some()) => ValueKind::Time,
                Self::Uuid if texts_are(is_uuid) => ValueKind::Uuid,
                _ => ValueKind::Text,
            };
        }
        if seen.only_blobs() {
            return ValueKind::Binary;
        }
        if !seen.only_numbers() {
            return ValueKind::Other;
        }
        match self {
            Self::Boolean if seen.only_bits() => ValueKind::Boolean,
            Self::Decimal => ValueKind::Decimal,
            Self::Float if seen.fits_double() => ValueKind::Float,
            _ if !seen.reals => ValueKind::Integer,
            _ if seen.fits_double() => ValueKind::Float,
            _ => ValueKind::Decimal,
        }
    }
}

/// Which types of values there are.
#[derive(Default)]
struct Seen {
    integers: bool,
    /// An integer other than 0 and 1.
    beyond_bits: bool,
    /// An integer that a double cannot hold.
    beyond_double: bool,
    reals: bool,
    texts: bool,
    blobs: bool,
}

impl Seen {
    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let mut seen = Self::default();
        for value in values {
            match value {
                Value::Null => {}
                Value::Integer(number) => {
                    seen.integers = true;
                    seen.beyond_bits |= !matches!(number, 0 | 1);
                    seen.beyond_double |= number.unsigned_abs() > EXACT;
                }
                Value::Real(_) => seen.reals = true,
                Value::Text(_) => seen.texts = true,
                Value::Blob(_) => seen.blobs = true,
            }
        }
        seen
    }

    fn is_empty(&self) -> bool {
        !self.integers && !self.reals && !self.texts && !self.blobs
    }

    fn only_numbers(&self) -> bool {
        !self.texts && !self.blobs
    }

    fn only_integers(&self) -> bool {
        self.only_numbers() && !self.reals
    }

    fn only_bits(&self) -> bool {
        self.only_integers() && !self.beyond_bits
    }

    fn fits_double(&self) -> bool {
        self.only_numbers() && !self.beyond_double
    }

    fn only_texts(&self) -> bool {
        self.texts && !self.integers && !self.reals && !self.blobs
    }

    fn only_blobs(&self) -> bool {
        !self.texts && !self.integers && !self.reals
    }
}

/// The representation that holds all values of a batch exactly.
pub fn representation<'a>(kind: ValueKind, values: impl Iterator<Item = &'a Value>) -> Values {
    let seen = Seen::of(values);
    match kind {
        ValueKind::Boolean if seen.only_bits() => Values::Booleans(Vec::new()),
        ValueKind::Integer if seen.only_integers() => Values::Integers(Vec::new()),
        ValueKind::Float if seen.fits_double() => Values::Floats(Vec::new()),
        ValueKind::Binary if seen.only_blobs() => Values::Binaries(Vec::new()),
        _ if seen.only_numbers() && !seen.is_empty() => Values::Decimals(Vec::new()),
        _ => Values::Texts(Vec::new()),
    }
}

/// Puts a value into a column of the given kind and representation.
pub fn push(
    batch: &mut BatchBuilder,
    column: usize,
    kind: ValueKind,
    shape: &Values,
    value: &Value,
) {
    match (shape, value) {
        (_, Value::Null) => batch.push_null(column),
        (Values::Booleans(_), Value::Integer(number)) => batch.push_boolean(column, *number != 0),
        (Values::Integers(_), Value::Integer(number)) => batch.push_integer(column, *number),
        (Values::Floats(_), Value::Real(number)) => batch.push_float(column, *number),
        #[allow(
            clippy::cast_precision_loss,
            reason = "the representation is chosen only when it is exact"
        )]
        (Values::Floats(_), Value::Integer(number)) => batch.push_float(column, *number as f64),
        (Values::Binaries(_), Value::Blob(bytes)) => batch.push_binary(column, bytes),
        (Values::Texts(_), Value::Text(text)) => {
            let form = match kind {
                ValueKind::Timestamp => timestamp(text),
                ValueKind::Time => time(text),
                _ => None,
            };
            batch.push_text(column, form.as_deref().unwrap_or(text));
        }
        (Values::Decimals(_), value) => batch.push_decimal(column, &text_form(value)),
        (_, value) => batch.push_text(column, &text_form(value)),
    }
}

/// A value as text, without loss.
fn text_form(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) if number.is_infinite() => if *number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into(),
        // Debug and not Display: the shortest digits, with an exponent where it is shorter.
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => {
            let mut literal = String::with_capacity(bytes.len() * 2 + 3);
            literal.push_str("X'");
            for byte in bytes {
                literal.push_str(&format!("{byte:02X}"));
            }
            literal.push('\'');
            literal
        }
    }
}

/// Whether a text has the form of a pattern in which `0` stands for a digit, `x` for a
/// hexadecimal one, and everything else for itself.
fn matches(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, place)| match place {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                place => byte == place,
            })
}

/// `2024-05-31`.
fn is_date(text: &str) -> bool {
    let number = |range| {
        text.get(range)
            .and_then(|part: &str| part.parse::<u16>().ok())
            .unwrap_or_default()
    };
    let (year, month) = (number(0..4), number(5..7));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    matches(text, "0000-00-00") && (1..=12).contains(&month) && (1..=days).contains(&number(8..10))
}

/// `10:30`, `10:30:00`, `10:30:00.123`, with seconds.
fn time(text: &str) -> Option<String> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let below = |range, limit: u8| {
        let part = whole.get(range).unwrap_or("0");
        part.parse::<u8>().is_ok_and(|number| number < limit)
    };
    let seconds = matches(whole, "00:00:00");
    let holds = (seconds || matches(whole, "00:00") && fraction.is_none())
        && below(0..2, 24)
        && below(3..5, 60)
        && below(6..8, 60)
        && fraction.is_none_or(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
    holds.then(|| {
        if seconds {
            text.to_owned()
        } else {
            format!("{text}:00")
        }
    })
}

/// `2024-05-31 10:30:00`, with `T` too; without a zone. A date alone is midnight.
fn timestamp(text: &str) -> Option<String> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, time(clock)?),
        None => (text, "00:00:00".to_owned()),
    };
    is_date(date).then(|| format!("{date}T{time}"))
}

fn is_uuid(text: &str) -> bool {
    matches(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(declared_type: &str, values: &[Value]) -> ValueKind {
        declared(Some(declared_type)).kind_of(values.iter())
    }

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn names_of_types_are_read_as_people_mean_them() {
        for (name, expected) in [
            ("INTEGER", Declared::Integer),
            ("unsigned big int", Declared::Integer),
            ("Boolean", Declared::Boolean),
            ("DECIMAL(10,2)", Declared::Decimal),
            ("double precision", Declared::Float),
            ("VARCHAR(20)", Declared::Text),
            ("DATETIME", Declared::Moment),
            ("TIME", Declared::Time),
            ("uuid", Declared::Uuid),
            ("", Declared::Unknown),
        ] {
            assert_eq!(declared(Some(name)), expected, "{name}");
        }
    }

    #[test]
    fn the_values_decide_where_the_declared_type_does_not_hold() {
        let one = Value::Integer(1);
        let seven = Value::Integer(7);
        let half = Value::Real(0.5);
        assert_eq!(
            kind("BOOLEAN", &[one.clone(), Value::Null]),
            ValueKind::Boolean
        );
        assert_eq!(kind("BOOLEAN", &[seven.clone()]), ValueKind::Integer);
        assert_eq!(
            kind("DECIMAL(9,2)", &[seven.clone(), half.clone()]),
            ValueKind::Decimal
        );
        assert_eq!(
            kind("INTEGER", &[seven.clone(), half.clone()]),
            ValueKind::Float
        );
        assert_eq!(
            kind("INTEGER", &[Value::Integer(i64::MAX), half]),
            ValueKind::Decimal
        );
        assert_eq!(kind("INTEGER", &[seven, text("x")]), ValueKind::Other);
        assert_eq!(kind("INTEGER", &[text("x")]), ValueKind::Text);
        assert_eq!(kind("", &[]), ValueKind::Other);
        assert_eq!(kind("", &[Value::Null, one]), ValueKind::Integer);
    }

    #[test]
    fn dates_have_their_kind_only_when_all_of_them_are_dates() {
        let date = text("2024-02-29");
        assert_eq!(kind("DATE", std::slice::from_ref(&date)), ValueKind::Date);
        assert_eq!(
            kind("DATETIME", &[date.clone(), text("2024-02-29 10:00:00.25")]),
            ValueKind::Timestamp
        );
        assert_eq!(
            kind("TIMESTAMP", &[text("2024-02-29T10:00")]),
            ValueKind::Timestamp
        );
        assert_eq!(kind("DATE", &[date.clone(), text("soon")]), ValueKind::Text);
        assert_eq!(kind("DATE", &[text("2024-13-01")]), ValueKind::Text);
        assert_eq!(
            kind("DATE", &[Value::Integer(1_700_000_000)]),
            ValueKind::Integer
        );
        assert_eq!(kind("TEXT", &[date]), ValueKind::Text);
    }

    #[test]
    fn moments_have_one_form_and_lose_nothing() {
        for (stored, given) in [
            ("2024-11-23 14:00:52", Some("2024-11-23T14:00:52")),
            ("2024-11-23T14:00:52", Some("2024-11-23T14:00:52")),
            (
                "2024-11-23 14:00:52.123456789",
                Some("2024-11-23T14:00:52.123456789"),
            ),
            ("2024-11-23 14:00", Some("2024-11-23T14:00:00")),
            ("2024-02-29", Some("2024-02-29T00:00:00")),
            ("2023-02-29 10:00:00", None),
            ("2024-11-23 24:00:00", None),
            ("2024-11-23 14:00:60", None),
            ("2024-11-23 14:00.5", None),
            ("2024-11-23 14:00:52.", None),
            ("2024-11-23 14:00:52Z", None),
            ("2024-11-23 ", None),
            ("soon", None),
        ] {
            assert_eq!(timestamp(stored).as_deref(), given, "{stored}");
        }
        assert_eq!(time("07:05").as_deref(), Some("07:05:00"));
        assert_eq!(time("07:05:01.50").as_deref(), Some("07:05:01.50"));
        assert_eq!(time("7:05"), None);
    }

    #[test]
    fn numbers_as_text_read_back_as_the_same_numbers() {
        for number in [0.1, 1.0, 1e300, 5e-324, -0.0, 12_345_678.9] {
            let text = text_form(&Value::Real(number));
            assert_eq!(
                text.parse::<f64>().map(f64::to_bits),
                Ok(number.to_bits()),
                "{text}"
            );
        }
        assert_eq!(text_form(&Value::Real(0.1)), "0.1");
        assert_eq!(text_form(&Value::Real(f64::NEG_INFINITY)), "-Infinity");
        assert_eq!(text_form(&Value::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(text_form(&Value::Blob(vec![0, 255])), "X'00FF'");
    }
}
