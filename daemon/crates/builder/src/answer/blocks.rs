//! The SEARCH/REPLACE blocks of an edit.
//!
//! ```text
//! <<<<<<< SEARCH
//! lines that are there now
//! =======
//! lines to stand there
//! >>>>>>> REPLACE
//! ```
//! Five or more of a marker's character make a marker; the words may be missing. Text between
//! blocks (fences, explanations) is skipped.

use crate::limits::EDIT_BLOCKS;

/// One replacement. Both sides end with a line break, or are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditBlock {
    /// What is there now.
    pub search: String,
    /// What is to stand there.
    pub replace: String,
}

enum Place {
    Between,
    Search,
    Replace,
}

/// Reads the blocks of an edit.
///
/// # Errors
/// In words for the model and the person.
pub(crate) fn parse(text: &str) -> Result<Vec<EditBlock>, String> {
    let mut blocks = Vec::new();
    let mut place = Place::Between;
    let (mut search, mut replace) = (String::new(), String::new());
    for line in text.lines() {
        match place {
            Place::Between if is_marker(line, '<', "SEARCH") => place = Place::Search,
            Place::Between => {}
            Place::Search if is_marker(line, '=', "") => place = Place::Replace,
            Place::Search => push_line(&mut search, line),
            Place::Replace if is_marker(line, '>', "REPLACE") => {
                blocks.push(EditBlock {
                    search: std::mem::take(&mut search),
                    replace: std::mem::take(&mut replace),
                });
                if blocks.len() > EDIT_BLOCKS {
                    return Err(format!(
                        "the edit has more than {EDIT_BLOCKS} blocks; write the whole file instead"
                    ));
                }
                place = Place::Between;
            }
            Place::Replace => push_line(&mut replace, line),
        }
    }
    match place {
        Place::Between if blocks.is_empty() => {
            Err("the edit has no SEARCH/REPLACE block".to_owned())
        }
        Place::Between => Ok(blocks),
        Place::Search => Err("a SEARCH part has no ======= after it".to_owned()),
        Place::Replace => Err("a REPLACE part has no >>>>>>> REPLACE after it".to_owned()),
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn is_marker(line: &str, character: char, word: &str) -> bool {
    let line = line.trim();
    let rest = line.trim_start_matches(character);
    line.len() - rest.len() >= 5 && (rest.is_empty() || rest.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_with_whatever_stands_around_them() {
        let text = "Here:\n```tsx\n<<<<<<< SEARCH\na\n\n  b\n=======\n>>>>>>> REPLACE\n```\n<<<<<\n=======\nnew\n>>>>> replace\n";
        let blocks = parse(text).unwrap();
        assert_eq!(
            blocks,
            [
                EditBlock {
                    search: "a\n\n  b\n".into(),
                    replace: String::new()
                },
                EditBlock {
                    search: String::new(),
                    replace: "new\n".into()
                },
            ]
        );
    }

    #[test]
    fn a_block_that_is_not_complete_is_a_fault() {
        for text in [
            "",
            "a\nb",
            "<<<<<<< SEARCH\na",
            "<<<<<<< SEARCH\na\n=======\nb\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
