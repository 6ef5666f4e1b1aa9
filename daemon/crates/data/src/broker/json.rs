//! Rows as JSON, exact.
//!
//! | kind | JSON |
//! | --- | --- |
//! | boolean | `true`, `false` |
//! | integer | a number up to 2^53 - 1 either way, beyond that a string |
//! | float | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | decimal | a string |
//! | date | `"2026-03-01"`, `"infinity"`, `"-infinity"` |
//! | time | `"12:30:00.000001"`; the fraction only when there is one |
//! | timestamp | `"2026-03-01T12:30:00"`, without a zone; what SQLite stores and is none stays a text |
//! | instant | `"2026-03-01T12:30:00Z"` |
//! | binary | base64 |
//! | json, array | the document; as a string when it holds a number that a double cannot hold |
//! | text, uuid, other | a string |

use base64::{Engine as _, engine::general_purpose::STANDARD};
use labd_plugin_host::kinds::connector::{Batch, Column, ValueKind, Values};
use serde::de::IgnoredAny;
use std::io::Write as _;

const SAFE_INTEGER: i64 = (1 << 53) - 1;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// Appends `[v, v, …]` for one row.
pub(super) fn write_row(out: &mut Vec<u8>, columns: &[Column], batch: &Batch, row: usize) {
    out.push(b'[');
    for (index, (column, values)) in columns.iter().zip(&batch.columns).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if values.is_null(row) {
            out.extend_from_slice(b"null");
        } else {
            write_value(out, column.kind, &values.values, row);
        }
    }
    out.push(b']');
}

fn write_value(out: &mut Vec<u8>, kind: ValueKind, values: &Values, row: usize) {
    let written = match values {
        Values::Booleans(values) => values
            .get(row)
            .map(|value| out.extend_from_slice(if *value { b"true" } else { b"false" })),
        Values::Integers(values) => values.get(row).map(|value| integer(out, *value)),
        Values::Floats(values) => values.get(row).map(|value| float(out, *value)),
        Values::Decimals(values) => values.get(row).map(|value| string(out, value)),
        Values::Texts(values) => values.get(row).map(|value| match kind {
            ValueKind::Json | ValueKind::Array => document(out, value),
            _ => string(out, value),
        }),
        Values::Binaries(values) => values
            .get(row)
            .map(|value| string(out, &STANDARD.encode(value))),
        Values::Dates(values) => values.get(row).map(|value| match *value {
            i32::MIN => out.extend_from_slice(b"\"-infinity\""),
            i32::MAX => out.extend_from_slice(b"\"infinity\""),
            days => quoted(out, |out| date(out, i64::from(days))),
        }),
        Values::Times(values) => values
            .get(row)
            .map(|value| quoted(out, |out| time(out, *value))),
        Values::Timestamps(values) => values.get(row).map(|value| moment(out, *value, "")),
        Values::Instants(values) => values.get(row).map(|value| moment(out, *value, "Z")),
    };
    if written.is_none() {
        out.extend_from_slice(b"null");
    }
}

fn integer(out: &mut Vec<u8>, value: i64) {
    // Writing to a vector cannot fail.
    let _ = if (-SAFE_INTEGER..=SAFE_INTEGER).contains(&value) {
        write!(out, "{value}")
    } else {
        write!(out, "\"{value}\"")
    };
}

fn float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        let text: &[u8] = if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        };
        out.extend_from_slice(text);
    } else {
        // The shortest text that reads back as the same double.
        let _ = serde_json::to_writer(out, &value);
    }
}

fn string(out: &mut Vec<u8>, value: &str) {
    let _ = serde_json::to_writer(out, value);
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn moment(out: &mut Vec<u8>, micros: i64, zone: &str) {
    match micros {
        i64::MIN => out.extend_from_slice(b"\"-infinity\""),
        i64::MAX => out.extend_from_slice(b"\"infinity\""),
        micros => quoted(out, |out| {
            date(out, micros.div_euclid(MICROS_A_DAY));
            out.push(b'T');
            time(out, micros.rem_euclid(MICROS_A_DAY));
            out.extend_from_slice(zone.as_bytes());
        }),
    }
}

/// A day of the proleptic Gregorian calendar. Computed here because databases reach years that
/// calendar libraries do not (PostgreSQL: 5874897).
fn date(out: &mut Vec<u8>, days: i64) {
    // Counting years from March makes the leap day the last of its year; an era is 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let _ = if year < 0 {
        write!(out, "-{:04}-{month:02}-{day:02}", -year)
    } else {
        write!(out, "{year:04}-{month:02}-{day:02}")
    };
}

fn time(out: &mut Vec<u8>, micros: i64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        let _ = write!(out, ".{fraction:06}");
    }
}

fn document(out: &mut Vec<u8>, text: &str) {
    let valid = serde_json::from_str::<IgnoredAny>(text).is_ok();
    if valid && numbers_fit_a_double(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        string(out, text);
    }
}

/// Whether each number of a valid JSON text survives a double: at most 15 significant digits, or a
/// safe integer.
fn numbers_fit_a_double(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        match byte {
            b'"' => index = end_of_string(bytes, index),
            b'-' | b'0'..=b'9' => {
                let length = bytes
                    .iter()
                    .skip(index)
                    .take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                if !fits(json.get(index..index + length).unwrap_or_default()) {
                    return false;
                }
                index += length;
            }
            _ => index += 1,
        }
    }
    true
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(&byte) = bytes.get(index) {
        match byte {
            b'\\' => index += 2,
            b'"' => return index + 1,
            _ => index += 1,
        }
    }
    index
}

fn fits(number: &str) -> bool {
    if let Ok(integer) = number.parse::<i64>() {
        return (-SAFE_INTEGER..=SAFE_INTEGER).contains(&integer);
    }
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    significant.len() <= 15 && number.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin_host::kinds::connector::ColumnValues;

    fn cell(kind: ValueKind, values: Values) -> String {
        let column = Column {
            name: "c".into(),
            database_type: String::new(),
            kind,
        };
        let batch = Batch {
            rows: 1,
            columns: vec![ColumnValues {
                nulls: Vec::new(),
                values,
            }],
        };
        let mut out = Vec::new();
        write_row(&mut out, &[column], &batch, 0);
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).expect(&text);
        text[1..text.len() - 1].to_owned()
    }

    #[test]
    fn numbers_arrive_exact() {
        let integer = |value| cell(ValueKind::Integer, Values::Integers(vec![value]));
        assert_eq!(integer(9_007_199_254_740_991), "9007199254740991");
        assert_eq!(integer(9_007_199_254_740_992), "\"9007199254740992\"");
        assert_eq!(integer(i64::MIN), "\"-9223372036854775808\"");
        let float = |value| cell(ValueKind::Float, Values::Floats(vec![value]));
        assert_eq!(float(0.1), "0.1");
        assert_eq!(float(f64::NAN), "\"NaN\"");
        assert_eq!(float(f64::NEG_INFINITY), "\"-Infinity\"");
        let decimal = cell(
            ValueKind::Decimal,
            Values::Decimals(vec!["123456789012345678901234567890.10".into()]),
        );
        assert_eq!(decimal, "\"123456789012345678901234567890.10\"");
    }

    #[test]
    fn days_and_moments_are_written_as_iso_8601() {
        let date = |days| cell(ValueKind::Date, Values::Dates(vec![days]));
        assert_eq!(date(0), "\"1970-01-01\"");
        assert_eq!(date(-1), "\"1969-12-31\"");
        assert_eq!(date(11_016), "\"2000-02-29\"");
        assert_eq!(date(20_513), "\"2026-03-01\"");
        assert_eq!(date(-719_529), "\"-0001-12-31\"");
        assert_eq!(date(i32::MAX), "\"infinity\"");
        let instant = |micros| cell(ValueKind::Instant, Values::Instants(vec![micros]));
        assert_eq!(
            instant(1_772_323_200_000_001),
            "\"2026-03-01T00:00:00.000001Z\""
        );
        assert_eq!(instant(-1), "\"1969-12-31T23:59:59.999999Z\"");
        assert_eq!(instant(i64::MIN), "\"-infinity\"");
        let timestamp = cell(ValueKind::Timestamp, Values::Timestamps(vec![0]));
        assert_eq!(timestamp, "\"1970-01-01T00:00:00\"");
        let time = cell(ValueKind::Time, Values::Times(vec![86_399_999_999]));
        assert_eq!(time, "\"23:59:59.999999\"");
    }

    #[test]
    fn documents_keep_numbers_that_a_double_would_lose() {
        let json = |text: &str| cell(ValueKind::Json, Values::Texts(vec![text.into()]));
        assert_eq!(json("{\"a\": [1, 2.5]}"), "{\"a\": [1, 2.5]}");
        assert_eq!(json("[9007199254740993]"), "\"[9007199254740993]\"");
        assert_eq!(json("[0.12345678901234567]"), "\"[0.12345678901234567]\"");
        assert_eq!(
            json("{\"a\": \"12345678901234567890\"}"),
            "{\"a\": \"12345678901234567890\"}"
        );
        assert_eq!(json("not json"), "\"not json\"");
    }

    #[test]
    fn text_of_four_bytes_and_quotes_survives() {
        let text = cell(ValueKind::Text, Values::Texts(vec!["a\"\\\n🦊".into()]));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\"\\\n🦊");
        let bytes = cell(ValueKind::Binary, Values::Binaries(vec![vec![0, 255]]));
        assert_eq!(bytes, "\"AP8=\"");
    }
}
