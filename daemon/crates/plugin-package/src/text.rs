//! What plugins write for people: names, lines in the log, messages of errors.
//!
//! It is read on terminals, which obey escape sequences, and beside other text, whose order
//! bidirectional controls turn around so that it reads as something else. Neither may come from a
//! plugin:
//!
//! | characters | why |
//! | --- | --- |
//! | control characters (C0, C1, DEL) | terminals obey them; a line break forges the next line |
//! | U+061C, U+200E, U+200F, U+202A–202E, U+2066–2069 | turn the order of what is read around |
//! | U+2028, U+2029 | line breaks by another name |
//! | U+FFF9–FFFB, U+E0000–E007F | hide text from people that programs read |

use std::fmt::Write;

/// Whether a character of a plugin is shown by its number instead.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Makes a text of one line harmless.
pub fn defuse_line(text: &mut String) {
    defuse(text, is_hostile);
}

/// Makes a text harmless that may have several lines.
pub fn defuse_lines(text: &mut String) {
    defuse(text, |c| is_hostile(c) && !matches!(c, '\n' | '\t'));
}

fn defuse(text: &mut String, is_hostile: impl Fn(char) -> bool) {
    if !text.chars().any(&is_hostile) {
        return;
    }
    let mut harmless = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if is_hostile(c) => harmless.push_str("\\n"),
            '\r' if is_hostile(c) => harmless.push_str("\\r"),
            '\t' if is_hostile(c) => harmless.push_str("\\t"),
            c if is_hostile(c) => {
                let _ = write!(harmless, "\\u{{{:x}}}", u32::from(c));
            }
            c => harmless.push(c),
        }
    }
    *text = harmless;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_and_what_turns_text_around_is_spelled_out() {
        let mut line = "a\nb\u{1b}[31m \u{202e}drow\u{2066} ü\u{9b}\u{2028}".to_owned();
        let mut lines = line.clone();
        defuse_line(&mut line);
        assert_eq!(
            line,
            "a\\nb\\u{1b}[31m \\u{202e}drow\\u{2066} ü\\u{9b}\\u{2028}"
        );
        defuse_lines(&mut lines);
        assert!(lines.starts_with("a\nb\\u{1b}[31m \\u{202e}"), "{lines}");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["naïve – 'ok'", "שלום", "مرحبا", "日本語", "👩‍👩‍👧", "é"]
        {
            let mut same = text.to_owned();
            defuse_line(&mut same);
            assert_eq!(same, text);
        }
    }
}
