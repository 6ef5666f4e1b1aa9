//! Positions in a text, and the nearest of some names.

/// A place in a file as editors count: both from 1, columns in UTF-16 code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 code units.
    pub column: u32,
}

/// Finds the [`Place`] of a byte.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Of this text.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, byte)| *byte == b'\n')
                    .map(|(at, _)| at + 1),
            )
            .collect();
        Self { text, starts }
    }

    /// The place of the byte at `offset`; of the end when it lies beyond.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .unwrap_or("")
            .encode_utf16()
            .count()
            + 1;
        Place {
            line: count(line),
            column: count(column),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The candidate that was most likely meant by `word`, if any is near enough: a third of its
/// letters may differ. Upper and lower case differ by half a letter.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() * 2 / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit && *distance < candidate.chars().count() * 2
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Twice the edit distance, with swapped neighbours as one edit and another case as half an edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).map(|column| column * 2).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![(i + 1) * 2];
        for (j, y) in b.iter().enumerate() {
            let at =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let change = if x == y {
                0
            } else if x.eq_ignore_ascii_case(y) {
                1
            } else {
                2
            };
            let mut best = (at(&row, j) + change)
                .min(at(&row, j + 1) + 2)
                .min(at(&next, j) + 2);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(&before, j - 1) + 2);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_code_units() {
        let lines = Lines::of("ab\n😀é=x\n");
        assert_eq!(lines.place(0), Place { line: 1, column: 1 });
        assert_eq!(lines.place(3), Place { line: 2, column: 1 });
        assert_eq!(lines.place(3 + "😀é".len()), Place { line: 2, column: 4 });
        assert_eq!(lines.place(999), Place { line: 3, column: 1 });
    }

    #[test]
    fn the_nearest_name_is_found_or_none() {
        assert_eq!(
            nearest("Datatable", ["DataTable", "Card"]),
            Some("DataTable")
        );
        assert_eq!(
            nearest("monthly_revenu", ["top_customers", "monthly_revenue"]),
            Some("monthly_revenue")
        );
        assert_eq!(
            nearest("ShoppingKart", ["ShoppingCart", "ShoppingBag"]),
            Some("ShoppingCart")
        );
        assert_eq!(nearest("axios", ["react", "zod"]), None);
    }
}
