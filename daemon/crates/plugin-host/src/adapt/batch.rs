//! Batches of rows are checked where they enter: what lies behind this point indexes them by row
//! without a second thought.

use crate::{
    PluginError,
    bindings::connector::exports::labd::connector::connector as wit,
    kinds::connector::{Batch, Column, ColumnValues, ValueKind, Values},
};

/// Takes a batch in, or says what is wrong with it.
pub(super) fn check(
    batch: wit::Batch,
    columns: &[Column],
    max_bytes: usize,
) -> Result<Batch, PluginError> {
    let rows = batch.rows as usize;
    if rows == 0 {
        return Ok(Batch::default());
    }
    let wrong = |what: String| PluginError::Internal(format!("the connector gave {what}"));
    if batch.columns.len() != columns.len() {
        return Err(wrong(format!(
            "a batch with {} columns for a result of {}",
            batch.columns.len(),
            columns.len()
        )));
    }
    let mut bytes = 0_usize;
    let mut checked = Vec::with_capacity(batch.columns.len());
    for (given, column) in batch.columns.into_iter().zip(columns) {
        let values = take_values(given.values);
        let len = length(&values);
        if len != rows {
            return Err(wrong(format!(
                "{len} values of `{}` for {rows} rows",
                column.name
            )));
        }
        if !given.nulls.is_empty() && given.nulls.len() != rows.div_ceil(8) {
            return Err(wrong(format!(
                "{} bytes of nulls of `{}` for {rows} rows",
                given.nulls.len(),
                column.name
            )));
        }
        if !fits(&values, column.kind) {
            return Err(wrong(format!(
                "values of another kind than `{}` has",
                column.name
            )));
        }
        bytes = bytes.saturating_add(size(&values) + given.nulls.len());
        checked.push(ColumnValues {
            nulls: given.nulls,
            values,
        });
    }
    if bytes > max_bytes {
        return Err(wrong(format!(
            "a batch of {bytes} bytes where {max_bytes} are the most"
        )));
    }
    Ok(Batch {
        rows,
        columns: checked,
    })
}

fn take_values(values: wit::Values) -> Values {
    match values {
        wit::Values::Booleans(v) => Values::Booleans(v),
        wit::Values::Integers(v) => Values::Integers(v),
        wit::Values::Floats(v) => Values::Floats(v),
        wit::Values::Decimals(v) => Values::Decimals(v),
        wit::Values::Texts(v) => Values::Texts(v),
        wit::Values::Binaries(v) => Values::Binaries(v),
        wit::Values::Dates(v) => Values::Dates(v),
        wit::Values::Times(v) => Values::Times(v),
        wit::Values::Timestamps(v) => Values::Timestamps(v),
        wit::Values::Instants(v) => Values::Instants(v),
    }
}

fn length(values: &Values) -> usize {
    match values {
        Values::Booleans(v) => v.len(),
        Values::Integers(v) | Values::Times(v) | Values::Timestamps(v) | Values::Instants(v) => {
            v.len()
        }
        Values::Floats(v) => v.len(),
        Values::Decimals(v) | Values::Texts(v) => v.len(),
        Values::Binaries(v) => v.len(),
        Values::Dates(v) => v.len(),
    }
}

fn size(values: &Values) -> usize {
    match values {
        Values::Booleans(v) => v.len(),
        Values::Dates(v) => v.len() * 4,
        Values::Decimals(v) | Values::Texts(v) => v.iter().map(String::len).sum(),
        Values::Binaries(v) => v.iter().map(Vec::len).sum(),
        Values::Integers(_)
        | Values::Floats(_)
        | Values::Times(_)
        | Values::Timestamps(_)
        | Values::Instants(_) => length(values) * 8,
    }
}

/// Decimals may stand for any number, since not every guest language has 64 bits, and texts for any
/// kind, since a database may let rows differ: the contract says so.
fn fits(values: &Values, kind: ValueKind) -> bool {
    match values {
        Values::Booleans(_) => kind == ValueKind::Boolean,
        Values::Integers(_) => kind == ValueKind::Integer,
        Values::Floats(_) => kind == ValueKind::Float,
        Values::Decimals(_) => matches!(
            kind,
            ValueKind::Decimal | ValueKind::Integer | ValueKind::Float
        ),
        Values::Texts(_) => true,
        Values::Binaries(_) => kind == ValueKind::Binary,
        Values::Dates(_) => kind == ValueKind::Date,
        Values::Times(_) => kind == ValueKind::Time,
        Values::Timestamps(_) => kind == ValueKind::Timestamp,
        Values::Instants(_) => kind == ValueKind::Instant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ValueKind) -> Column {
        Column {
            name: "n".into(),
            database_type: "n".into(),
            kind,
        }
    }

    fn batch(rows: u32, nulls: Vec<u8>, values: wit::Values) -> wit::Batch {
        wit::Batch {
            rows,
            columns: vec![wit::ColumnValues { nulls, values }],
        }
    }

    #[test]
    fn a_sound_batch_passes() {
        let given = batch(9, vec![1, 0], wit::Values::Integers(vec![7; 9]));
        let checked = check(given, &[column(ValueKind::Integer)], 1 << 20).unwrap();
        assert_eq!(checked.rows, 9);
        assert!(checked.columns[0].is_null(0) && !checked.columns[0].is_null(8));
    }

    #[test]
    fn columns_nulls_kinds_and_sizes_that_do_not_agree_are_refused() {
        let integer = [column(ValueKind::Integer)];
        let integers = |n| wit::Values::Integers(vec![7; n]);
        assert!(check(batch(2, vec![], integers(1)), &integer, 1 << 20).is_err());
        assert!(check(batch(9, vec![1], integers(9)), &integer, 1 << 20).is_err());
        assert!(check(batch(2, vec![], integers(2)), &[], 1 << 20).is_err());
        assert!(check(batch(2, vec![], integers(2)), &integer, 15).is_err());
        let text = [column(ValueKind::Text)];
        assert!(check(batch(2, vec![], integers(2)), &text, 1 << 20).is_err());
    }

    #[test]
    fn texts_stand_for_any_kind_and_decimals_for_any_number() {
        let texts = || wit::Values::Texts(vec!["2024-11-23T14:00:52".into()]);
        let decimals = || wit::Values::Decimals(vec!["1.5".into()]);
        let one = |values, kind| check(batch(1, vec![], values), &[column(kind)], 1 << 20);
        for kind in [ValueKind::Timestamp, ValueKind::Boolean, ValueKind::Integer] {
            assert!(one(texts(), kind).is_ok(), "{kind:?}");
        }
        for kind in [ValueKind::Decimal, ValueKind::Integer, ValueKind::Float] {
            assert!(one(decimals(), kind).is_ok(), "{kind:?}");
        }
        assert!(one(decimals(), ValueKind::Date).is_err());
    }
}
