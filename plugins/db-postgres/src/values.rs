//! Values of rows into columns.

use crate::arrays;
use crate::types::Shape;
use labd_plugin::connector::BatchBuilder;
use labd_plugin::{Error, Result};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL begins to count.
const EPOCH_DAYS: i32 = 10_957;

/// The same in microseconds.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// Puts a value that is not null into its column.
///
/// # Errors
/// `unavailable` for bytes that are no value of the type; `invalid-request` for a moment beyond
/// what the contract can hold.
#[inline]
pub fn push(batch: &mut BatchBuilder, column: usize, shape: Shape, bytes: &[u8]) -> Result<()> {
    match shape {
        Shape::Int4 => batch.push_integer(column, i64::from(i32::from_be_bytes(fixed(bytes)?))),
        Shape::Int8 => batch.push_integer(column, i64::from_be_bytes(fixed(bytes)?)),
        Shape::Text => batch.push_text(column, text(bytes)?),
        Shape::Decimal => batch.push_decimal(column, text(bytes)?),
        Shape::Boolean => {
            let [byte] = fixed(bytes)?;
            batch.push_boolean(column, byte != 0);
        }
        Shape::Float8 => batch.push_float(column, f64::from_be_bytes(fixed(bytes)?)),
        Shape::Float4 => batch.push_float(column, widened(f32::from_be_bytes(fixed(bytes)?))),
        Shape::Int2 => batch.push_integer(column, i64::from(i16::from_be_bytes(fixed(bytes)?))),
        Shape::Oid => batch.push_integer(column, i64::from(u32::from_be_bytes(fixed(bytes)?))),
        Shape::Bytes => batch.push_binary(column, bytes),
        Shape::Instant => batch.push_instant(column, microseconds(fixed(bytes)?)?),
        Shape::Timestamp => batch.push_timestamp(column, microseconds(fixed(bytes)?)?),
        Shape::Date => {
            let days = i32::from_be_bytes(fixed(bytes)?);
            batch.push_date(column, shifted_days(days)?);
        }
        Shape::Time => batch.push_time(column, i64::from_be_bytes(fixed(bytes)?)),
        Shape::Uuid => batch.push_text(column, &uuid(fixed(bytes)?)),
        Shape::Array(element, delimiter) => {
            let array = text(bytes)?;
            let json = arrays::to_json(array, element, delimiter).ok_or_else(malformed)?;
            batch.push_text(column, &json);
        }
    }
    Ok(())
}

fn malformed() -> Error {
    Error::unavailable("the server sent a value that is none of its column's type")
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| malformed())
}

fn text(bytes: &[u8]) -> Result<&str> {
    str::from_utf8(bytes).map_err(|_| malformed())
}

/// A single-precision number as the double of the same shortest digits: 0.1 stays 0.1.
fn widened(number: f32) -> f64 {
    let widened = f64::from(number);
    if !number.is_finite() || number.fract() == 0.0 {
        return widened;
    }
    number.to_string().parse().unwrap_or(widened)
}

fn microseconds(bytes: [u8; 8]) -> Result<i64> {
    match i64::from_be_bytes(bytes) {
        infinite @ (i64::MIN | i64::MAX) => Ok(infinite),
        since_2000 => since_2000
            .checked_add(EPOCH_MICROSECONDS)
            .filter(|since_1970| *since_1970 != i64::MAX)
            .ok_or_else(too_far),
    }
}

fn shifted_days(days: i32) -> Result<i32> {
    match days {
        infinite @ (i32::MIN | i32::MAX) => Ok(infinite),
        since_2000 => since_2000
            .checked_add(EPOCH_DAYS)
            .filter(|since_1970| *since_1970 != i32::MAX)
            .ok_or_else(too_far),
    }
}

fn too_far() -> Error {
    Error::invalid("a date in the result is too far in the future to be sent; cast it to text")
}

fn uuid(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS.get(usize::from(half)).copied().unwrap_or(b'0'));
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::connector::{ValueKind, Values};

    fn value(kind: ValueKind, shape: Shape, bytes: &[u8]) -> Result<Values> {
        let mut batch = BatchBuilder::new([kind]);
        push(&mut batch, 0, shape, bytes)?;
        batch.end_row();
        Ok(batch.finish().columns.remove(0).values)
    }

    #[test]
    fn bytes_of_the_wrong_length_are_an_error_and_no_panic() {
        for shape in [
            Shape::Boolean,
            Shape::Int2,
            Shape::Int4,
            Shape::Int8,
            Shape::Oid,
            Shape::Float4,
            Shape::Float8,
            Shape::Date,
            Shape::Time,
            Shape::Timestamp,
            Shape::Instant,
            Shape::Uuid,
        ] {
            for length in [0, 3, 17] {
                assert!(
                    value(ValueKind::Text, shape, &vec![1; length]).is_err(),
                    "{shape:?} {length}"
                );
            }
        }
        assert!(value(ValueKind::Text, Shape::Text, b"\xFF").is_err());
    }

    #[test]
    fn moments_keep_their_microseconds_and_infinities() {
        let instant =
            |number: i64| value(ValueKind::Instant, Shape::Instant, &number.to_be_bytes());
        assert_eq!(instant(1), Ok(Values::Instants(vec![946_684_800_000_001])));
        assert_eq!(instant(i64::MAX), Ok(Values::Instants(vec![i64::MAX])));
        assert_eq!(instant(i64::MIN), Ok(Values::Instants(vec![i64::MIN])));
        assert!(instant(i64::MAX - 1).is_err());
        assert_eq!(
            value(ValueKind::Date, Shape::Date, &(-10_957_i32).to_be_bytes()),
            Ok(Values::Dates(vec![0]))
        );
    }

    #[test]
    fn a_single_precision_number_keeps_its_digits() {
        let number = |number: f32| value(ValueKind::Float, Shape::Float4, &number.to_be_bytes());
        assert_eq!(number(0.1), Ok(Values::Floats(vec![0.1])));
        assert_eq!(number(16_777_216.0), Ok(Values::Floats(vec![16_777_216.0])));
        assert_eq!(
            number(f32::INFINITY),
            Ok(Values::Floats(vec![f64::INFINITY]))
        );
    }
}
