//! Applies SEARCH/REPLACE blocks to a file.
//!
//! A block is looked for in this order; the first way that finds it once is taken, one that finds
//! it more often is a fault:
//! 1. the same lines;
//! 2. the same text, within lines;
//! 3. the same lines but for blanks at their ends (and line ends of another kind);
//! 4. the same lines, all of them indented by the same amount more or less; the new lines are
//!    shifted likewise.
//!
//! An empty SEARCH means the whole of an empty file. All ways take linear time.

use crate::{answer::EditBlock, limits::FILE_BYTES};
use std::collections::HashMap;

/// Why a block cannot be applied. The number of the block counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    /// The text is not there.
    #[error("block {block}: the SEARCH text is not in the file. {nearest}")]
    NotFound {
        /// Which block.
        block: usize,
        /// Where something similar stands.
        nearest: String,
    },
    /// The text is there more than once.
    #[error(
        "block {block}: the SEARCH text stands in the file {count} times (lines {lines}); add lines around it until it is unique"
    )]
    Ambiguous {
        /// Which block.
        block: usize,
        /// How often it was found.
        count: usize,
        /// At which lines.
        lines: String,
    },
    /// Nothing is searched for, and the file is not empty.
    #[error("block {block}: SEARCH is empty, but the file is not; write the whole file instead")]
    EmptySearch {
        /// Which block.
        block: usize,
    },
    /// The result is too large.
    #[error("the edited file would be larger than {FILE_BYTES} bytes")]
    TooLarge,
}

/// The text after all blocks, one after another.
///
/// # Errors
/// When a block cannot be applied; nothing is applied then.
pub fn apply(text: &str, blocks: &[EditBlock]) -> Result<String, EditFault> {
    let mut text = text.to_owned();
    for (index, block) in blocks.iter().enumerate() {
        text = apply_one(&text, block, index + 1)?;
        if text.len() > FILE_BYTES {
            return Err(EditFault::TooLarge);
        }
    }
    Ok(text)
}

/// A line with its place.
struct Line<'a> {
    /// Bytes before it.
    at: usize,
    /// Without its line end.
    text: &'a str,
    /// Bytes until the next line.
    end: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let start = at;
            at += line.len();
            Line {
                at: start,
                text: line.strip_suffix('\n').unwrap_or(line),
                end: at,
            }
        })
        .collect()
}

fn apply_one(text: &str, block: &EditBlock, number: usize) -> Result<String, EditFault> {
    if block.search.trim().is_empty() {
        if text.trim().is_empty() {
            return Ok(block.replace.clone());
        }
        return Err(EditFault::EmptySearch { block: number });
    }
    let (file, search) = (lines(text), lines(&block.search));
    let by = |normal: fn(&str) -> &str| {
        let (file, search): (Vec<_>, Vec<_>) = (
            file.iter().map(|line| normal(line.text)).collect(),
            search.iter().map(|line| normal(line.text)).collect(),
        );
        matches(&file, &search)
    };
    let ambiguous = |at: &[usize]| EditFault::Ambiguous {
        block: number,
        count: at.len(),
        lines: at
            .iter()
            .take(5)
            .map(|line| (line + 1).to_string())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let replace_lines = |at: usize, replace: &str| -> String {
        let start = file.get(at).map_or(text.len(), |line| line.at);
        let end = at
            .checked_add(search.len())
            .and_then(|end| file.get(end.saturating_sub(1)))
            .map_or(text.len(), |line| line.end);
        splice(text, start, end, replace)
    };

    match by(|line| line).as_slice() {
        [] => {}
        [at] => return Ok(replace_lines(*at, &block.replace)),
        many => return Err(ambiguous(many)),
    }
    let within = block.search.strip_suffix('\n').unwrap_or(&block.search);
    let mut found = text.match_indices(within).map(|(at, _)| at);
    if let Some(at) = found.next() {
        let others: Vec<usize> = std::iter::once(at).chain(found).collect();
        if others.len() > 1 {
            let of = |at: &usize| {
                file.partition_point(|line| line.at <= *at)
                    .saturating_sub(1)
            };
            return Err(ambiguous(&others.iter().map(of).collect::<Vec<_>>()));
        }
        let replace = block.replace.strip_suffix('\n').unwrap_or(&block.replace);
        return Ok(splice(text, at, at + within.len(), replace));
    }
    match by(str::trim_end).as_slice() {
        [] => {}
        [at] => return Ok(replace_lines(*at, &like(text, &block.replace))),
        many => return Err(ambiguous(many)),
    }
    let shifted: Vec<(usize, Shift)> = by(str::trim)
        .into_iter()
        .take(64)
        .filter_map(|at| Some((at, shift(file.get(at..at + search.len())?, &search)?)))
        .collect();
    match shifted.as_slice() {
        [] => Err(EditFault::NotFound {
            block: number,
            nearest: nearest(&file, &search),
        }),
        [(at, shift)] => Ok(replace_lines(
            *at,
            &like(text, &shift.apply(&block.replace)),
        )),
        many => Err(ambiguous(
            &many.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        )),
    }
}

fn splice(text: &str, start: usize, end: usize, replace: &str) -> String {
    let (before, after) = (
        text.get(..start).unwrap_or_default(),
        text.get(end..).unwrap_or_default(),
    );
    [before, replace, after].concat()
}

/// The replacement with the line ends of the file.
fn like(text: &str, replace: &str) -> String {
    let crlf = text
        .split_once('\n')
        .is_some_and(|(line, _)| line.ends_with('\r'));
    if crlf {
        replace.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        replace.to_owned()
    }
}

/// All places where `search` stands in `file` (Knuth, Morris, Pratt: no text makes it slow).
fn matches(file: &[&str], search: &[&str]) -> Vec<usize> {
    let mut border = vec![0usize; search.len()];
    let mut length = 0;
    for index in 1..search.len() {
        while length > 0 && search.get(index) != search.get(length) {
            length = border.get(length - 1).copied().unwrap_or(0);
        }
        if search.get(index) == search.get(length) {
            length += 1;
        }
        if let Some(slot) = border.get_mut(index) {
            *slot = length;
        }
    }
    let mut found = Vec::new();
    let mut length = 0;
    for (index, line) in file.iter().enumerate() {
        while length > 0 && search.get(length) != Some(line) {
            length = border.get(length - 1).copied().unwrap_or(0);
        }
        if search.get(length) == Some(line) {
            length += 1;
        }
        if length == search.len() {
            found.push(index + 1 - length);
            length = border.get(length - 1).copied().unwrap_or(0);
        }
    }
    found
}

/// By how much lines are indented more, or less, than those searched for.
#[derive(Debug, PartialEq, Eq)]
enum Shift {
    More(String),
    Less(String),
}

impl Shift {
    fn apply(&self, text: &str) -> String {
        text.split_inclusive('\n')
            .map(|line| match self {
                _ if line.trim().is_empty() => line.to_owned(),
                Self::More(indent) => format!("{indent}{line}"),
                Self::Less(indent) => line
                    .strip_prefix(indent.as_str())
                    .unwrap_or(line)
                    .to_owned(),
            })
            .collect()
    }
}

fn shift(file: &[Line<'_>], search: &[Line<'_>]) -> Option<Shift> {
    let mut shift = None;
    for (there, here) in file.iter().zip(search) {
        let (there, here) = (there.text.trim_end(), here.text.trim_end());
        if there.is_empty() {
            continue;
        }
        let this = if let Some(indent) = there.strip_suffix(here) {
            Shift::More(indent.to_owned())
        } else {
            Shift::Less(here.strip_suffix(there)?.to_owned())
        };
        match &shift {
            None => shift = Some(this),
            Some(before) if *before == this => {}
            Some(_) => return None,
        }
    }
    shift
}

/// The place of the file that has most lines of the search, for the next attempt.
fn nearest(file: &[Line<'_>], search: &[Line<'_>]) -> String {
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    for (index, line) in search.iter().enumerate() {
        let line = line.text.trim();
        if line.len() > 2 {
            wanted.entry(line).or_insert(index);
        }
    }
    let mut votes: HashMap<usize, usize> = HashMap::new();
    for (index, line) in file.iter().enumerate() {
        if let Some(in_search) = wanted.get(line.text.trim()) {
            *votes.entry(index.saturating_sub(*in_search)).or_default() += 1;
        }
    }
    let best = votes
        .into_iter()
        .max_by_key(|(at, count)| (*count, std::cmp::Reverse(*at)));
    let Some((at, _)) = best else {
        return "No line of it is in the file; read the file again.".to_owned();
    };
    let shown: Vec<String> = file
        .iter()
        .skip(at)
        .take(search.len().min(5))
        .map(|line| line.text.trim_end().chars().take(200).collect())
        .collect();
    format!(
        "The nearest lines are, from line {}:\n{}",
        at + 1,
        shown.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn block(search: &str, replace: &str) -> EditBlock {
        EditBlock {
            search: search.into(),
            replace: replace.into(),
        }
    }

    fn one(text: &str, search: &str, replace: &str) -> Result<String, EditFault> {
        apply(text, &[block(search, replace)])
    }

    #[test]
    fn the_same_lines_are_replaced() {
        assert_eq!(one("a\nb\nc\n", "b\n", "x\ny\n").unwrap(), "a\nx\ny\nc\n");
        assert_eq!(one("a\nb\nc\n", "b\n", "").unwrap(), "a\nc\n");
        assert_eq!(one("a\nab\n", "a\n", "x\n").unwrap(), "x\nab\n");
        assert_eq!(one("a\nb", "b\n", "x\n").unwrap(), "a\nx\n");
        assert_eq!(one("", "", "x\n").unwrap(), "x\n");
    }

    #[test]
    fn a_part_of_a_line_is_replaced_when_it_stands_there_once() {
        assert_eq!(
            one("let a = 1;\n", "a = 1\n", "b = 2\n").unwrap(),
            "let b = 2;\n"
        );
        assert!(matches!(
            one("aa ab", "a\n", "x\n"),
            Err(EditFault::Ambiguous { count: 3, .. })
        ));
    }

    #[test]
    fn blanks_at_line_ends_do_not_matter() {
        assert_eq!(one("a  \nb\t\nc\n", "a\nb\n", "x\n").unwrap(), "x\nc\n");
        assert_eq!(
            one("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\n").unwrap(),
            "x\r\ny\r\nc\r\n"
        );
    }

    #[test]
    fn lines_indented_otherwise_are_found_and_the_new_ones_shifted() {
        let file = "f() {\n    if a {\n      b();\n\n    }\n}\n";
        let more = one(file, "if a {\n  b();\n\n}\n", "if c {\n  d();\n\n}\n").unwrap();
        assert_eq!(more, "f() {\n    if c {\n      d();\n\n    }\n}\n");
        let less = one("a {\n  b\n}\n", "    a {\n      b\n    }\n", "    c\n").unwrap();
        assert_eq!(less, "c\n");
        assert!(one("a\n  b\n", " a\n b\n", "x\n").is_err());
    }

    #[test]
    fn what_is_not_there_is_a_fault_that_shows_what_is() {
        let fault = one("let a = 1;\nlet b = 2;\n", "let a = 1;\nlet b = 3;\n", "").unwrap_err();
        assert!(
            fault
                .to_string()
                .contains("from line 1:\nlet a = 1;\nlet b = 2;"),
            "{fault}"
        );
        let fault = one("a\n", "something\n", "").unwrap_err();
        assert!(fault.to_string().contains("No line of it"), "{fault}");
    }

    #[test]
    fn what_is_there_twice_is_a_fault_with_the_lines() {
        let fault = one("a\nb\na\n", "a\n", "x\n").unwrap_err();
        assert!(
            fault.to_string().contains("2 times (lines 1, 3)"),
            "{fault}"
        );
    }

    #[test]
    fn blocks_are_applied_in_order_or_not_at_all() {
        let blocks = [block("a\n", "b\n"), block("b\n", "c\n")];
        assert_eq!(apply("a\n", &blocks).unwrap(), "c\n");
        assert!(matches!(
            apply("a\n", &[block("a\n", "b\n"), block("a\n", "c\n")]),
            Err(EditFault::NotFound { block: 2, .. })
        ));
        assert!(matches!(
            one("a\n", "", "b\n"),
            Err(EditFault::EmptySearch { block: 1 })
        ));
    }

    #[test]
    fn no_text_makes_it_slow() {
        let file = "\n".repeat(500_000) + "a\n";
        let search = "\n".repeat(250_000) + "b\n";
        let start = Instant::now();
        assert!(one(&file, &search, "x\n").is_err());
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }
}
