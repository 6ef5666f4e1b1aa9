//! Building the columns of a batch row by row.

use super::{Batch, ColumnValues, ValueKind, Values};

/// Collects rows into columns. Each row gives one value to each column, then calls
/// [`BatchBuilder::end_row`]; a value whose type is not the column's is stored as null rather
/// than shifting the rows, so choose the representation with the column.
pub struct BatchBuilder {
    columns: Vec<ColumnValues>,
    rows: u32,
    bytes: usize,
}

/// An empty list for values of a kind, in their usual representation.
fn empty(kind: ValueKind) -> Values {
    match kind {
        ValueKind::Boolean => Values::Booleans(Vec::new()),
        ValueKind::Integer => Values::Integers(Vec::new()),
        ValueKind::Float => Values::Floats(Vec::new()),
        ValueKind::Decimal => Values::Decimals(Vec::new()),
        ValueKind::Binary => Values::Binaries(Vec::new()),
        ValueKind::Date => Values::Dates(Vec::new()),
        ValueKind::Time => Values::Times(Vec::new()),
        ValueKind::Timestamp => Values::Timestamps(Vec::new()),
        ValueKind::Instant => Values::Instants(Vec::new()),
        ValueKind::Text
        | ValueKind::Uuid
        | ValueKind::Json
        | ValueKind::Array
        | ValueKind::Other => Values::Texts(Vec::new()),
    }
}

macro_rules! push {
    ($(#[$doc:meta] $name:ident($variant:ident: $type:ty) |$value:ident| $size:expr, $owned:expr;)*) => {
        $(
            #[$doc]
            pub fn $name(&mut self, column: usize, $value: $type) {
                self.bytes += $size;
                if let Some(ColumnValues { values: Values::$variant(values), .. }) = self.columns.get_mut(column) {
                    values.push($owned);
                } else {
                    self.push_null(column);
                }
            }
        )*
    };
}

impl BatchBuilder {
    /// An empty batch of columns of these kinds.
    pub fn new(kinds: impl IntoIterator<Item = ValueKind>) -> Self {
        Self::with_values(kinds.into_iter().map(empty))
    }

    /// An empty batch of columns in these representations; what the lists hold is dropped.
    pub fn with_values(values: impl IntoIterator<Item = Values>) -> Self {
        Self {
            columns: values
                .into_iter()
                .map(|values| ColumnValues {
                    nulls: Vec::new(),
                    values: clear(values),
                })
                .collect(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Complete rows so far.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// About how many bytes the rows so far take on their way to the host.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A null.
    pub fn push_null(&mut self, column: usize) {
        self.bytes += 8;
        let row = self.rows as usize;
        let Some(column) = self.columns.get_mut(column) else {
            return;
        };
        column.nulls.resize(column.nulls.len().max(row / 8 + 1), 0);
        if let Some(byte) = column.nulls.get_mut(row / 8) {
            *byte |= 1 << (row % 8);
        }
        push_default(&mut column.values);
    }

    push! {
        /// A boolean.
        push_boolean(Booleans: bool) |value| 1, value;
        /// An integer.
        push_integer(Integers: i64) |value| 8, value;
        /// A float.
        push_float(Floats: f64) |value| 8, value;
        /// An exact number.
        push_decimal(Decimals: &str) |value| value.len() + 8, value.to_owned();
        /// Text, or anything in a text form.
        push_text(Texts: &str) |value| value.len() + 8, value.to_owned();
        /// Bytes.
        push_binary(Binaries: &[u8]) |value| value.len() + 8, value.to_owned();
        /// Days since 1970-01-01.
        push_date(Dates: i32) |value| 4, value;
        /// Microseconds since midnight.
        push_time(Times: i64) |value| 8, value;
        /// Microseconds since 1970-01-01T00:00:00 without a zone.
        push_timestamp(Timestamps: i64) |value| 8, value;
        /// Microseconds since the Unix epoch.
        push_instant(Instants: i64) |value| 8, value;
    }

    /// The row is complete. Columns that got no value in it get a null.
    pub fn end_row(&mut self) {
        let expected = self.rows as usize + 1;
        for column in 0..self.columns.len() {
            if self
                .columns
                .get(column)
                .is_some_and(|column| len(&column.values) < expected)
            {
                self.push_null(column);
            }
        }
        self.rows += 1;
    }

    /// The batch; every null mask that is not empty covers all rows.
    pub fn finish(mut self) -> Batch {
        let mask = (self.rows as usize).div_ceil(8);
        for column in &mut self.columns {
            if !column.nulls.is_empty() {
                column.nulls.resize(mask, 0);
            }
        }
        Batch {
            rows: self.rows,
            columns: self.columns,
        }
    }
}

/// Whether a column's value in a row is null.
pub fn is_null(column: &ColumnValues, row: usize) -> bool {
    column
        .nulls
        .get(row / 8)
        .is_some_and(|byte| byte & (1 << (row % 8)) != 0)
}

/// Calls one expression on the list inside, whatever its type.
macro_rules! each {
    ($values:expr, $list:ident => $expression:expr) => {
        match $values {
            Values::Booleans($list) => $expression,
            Values::Integers($list) => $expression,
            Values::Floats($list) => $expression,
            Values::Decimals($list) => $expression,
            Values::Texts($list) => $expression,
            Values::Binaries($list) => $expression,
            Values::Dates($list) => $expression,
            Values::Times($list) => $expression,
            Values::Timestamps($list) => $expression,
            Values::Instants($list) => $expression,
        }
    };
}

fn len(values: &Values) -> usize {
    each!(values, list => list.len())
}

fn push_default(values: &mut Values) {
    each!(values, list => list.push(Default::default()));
}

fn clear(mut values: Values) -> Values {
    each!(&mut values, list => list.clear());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_covers_all_rows_or_is_empty() {
        let mut batch = BatchBuilder::new([ValueKind::Integer, ValueKind::Text]);
        for row in 0..10 {
            batch.push_integer(0, row);
            if row == 2 {
                batch.push_null(1);
            } else {
                batch.push_text(1, "x");
            }
            batch.end_row();
        }
        let batch = batch.finish();
        assert_eq!(batch.rows, 10);
        assert!(batch.columns[0].nulls.is_empty());
        assert_eq!(batch.columns[1].nulls, [0b100, 0]);
        assert!(is_null(&batch.columns[1], 2));
        assert!(!is_null(&batch.columns[1], 9));
    }

    #[test]
    fn a_value_of_another_type_or_none_at_all_is_null_and_shifts_nothing() {
        let mut batch = BatchBuilder::new([ValueKind::Integer, ValueKind::Integer]);
        batch.push_text(0, "no number");
        batch.end_row();
        batch.push_integer(0, 5);
        batch.push_integer(1, 6);
        batch.end_row();
        let batch = batch.finish();
        assert_eq!(batch.columns[0].values, Values::Integers(vec![0, 5]));
        assert_eq!(batch.columns[0].nulls, [1]);
        assert_eq!(batch.columns[1].values, Values::Integers(vec![0, 6]));
        assert_eq!(batch.columns[1].nulls, [1]);
    }
}
