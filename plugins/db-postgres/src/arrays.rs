//! The text form of arrays, to JSON and from lists.
//!
//! `{1,NULL,"a \"b\"",{…}}`, with bounds before it when they are not the usual ones (`[0:1]={…}`).

use crate::types::Element;

/// How deep arrays are; PostgreSQL's own limit is 6.
const MAX_DEPTH: usize = 6;

/// An array's text as JSON; none for a text that is no array.
pub fn to_json(text: &str, element: Element, delimiter: u8) -> Option<String> {
    let body = if text.starts_with('[') {
        text.split_once("={").map(|(_, rest)| rest)?
    } else {
        text.strip_prefix('{')?
    };
    let mut json = String::with_capacity(body.len() + 2);
    let mut scanner = Scanner {
        rest: body,
        delimiter: char::from(delimiter),
        element,
    };
    scanner.list(&mut json, 1)?;
    scanner.rest.is_empty().then_some(json)
}

struct Scanner<'a> {
    rest: &'a str,
    delimiter: char,
    element: Element,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let first = characters.next();
        self.rest = characters.as_str();
        first
    }

    /// What follows an opening brace, up to its closing one.
    fn list(&mut self, json: &mut String, depth: usize) -> Option<()> {
        json.push('[');
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            json.push(']');
            return Some(());
        }
        loop {
            if let Some(rest) = self.rest.strip_prefix('{') {
                self.rest = rest;
                if depth == MAX_DEPTH {
                    return None;
                }
                self.list(json, depth + 1)?;
            } else if let Some(rest) = self.rest.strip_prefix('"') {
                self.rest = rest;
                let text = self.quoted()?;
                push(json, &text, self.element);
            } else {
                let delimiter = self.delimiter;
                let end = self.rest.find([delimiter, '}'])?;
                let (text, rest) = self.rest.split_at_checked(end)?;
                self.rest = rest;
                // Unquoted, NULL is null; a text of these letters is quoted.
                if text == "NULL" {
                    json.push_str("null");
                } else {
                    push(json, text, self.element);
                }
            }
            match self.next()? {
                '}' => break,
                character if character == self.delimiter => json.push(','),
                _ => return None,
            }
        }
        json.push(']');
        Some(())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.next()?),
                character => text.push(character),
            }
        }
    }
}

fn push(json: &mut String, text: &str, element: Element) {
    match element {
        Element::Boolean if text == "t" => json.push_str("true"),
        Element::Boolean if text == "f" => json.push_str("false"),
        Element::Number if is_exact_number(text) => json.push_str(text),
        Element::Json if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => {
            json.push_str(text);
        }
        _ => push_string(json, text),
    }
}

fn push_string(json: &mut String, text: &str) {
    // A string serialises without fail.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// A JSON number that a double holds without loss: an integer up to 2^53, or at most 15
/// significant digits within the range.
fn is_exact_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if let Ok(integer) = digits.parse::<u64>() {
        return integer <= 1 << 53;
    }
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let significant = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .count();
    let well_formed = mantissa
        .split_once('.')
        .is_none_or(|(whole, fraction)| !whole.is_empty() && !fraction.is_empty())
        && mantissa
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && !mantissa.is_empty();
    // 17 digits are what the server writes for doubles themselves, in their shortest form.
    well_formed
        && significant <= 17
        && exponent
            .parse::<i32>()
            .is_ok_and(|exponent| exponent.abs() < 300)
        && (significant <= 15 || reads_back(text))
}

/// The shortest digits of a double read back as the same digits.
fn reads_back(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|number| {
        let plain = number.to_string();
        let exponential = format!("{number:e}");
        plain == text || exponential == text.replace("e+", "e")
    })
}

/// A list of texts as an array's text.
pub fn from_texts(texts: &[Option<String>], delimiter: u8) -> String {
    let mut array = String::from("{");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            array.push(char::from(delimiter));
        }
        match text {
            None => array.push_str("NULL"),
            Some(text) => {
                array.push('"');
                for character in text.chars() {
                    if matches!(character, '"' | '\\') {
                        array.push('\\');
                    }
                    array.push(character);
                }
                array.push('"');
            }
        }
    }
    array.push('}');
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str, element: Element) -> Option<String> {
        to_json(text, element, b',')
    }

    #[test]
    fn nesting_nulls_and_quotes_become_json() {
        let text = |array| json(array, Element::Text);
        assert_eq!(text("{}").as_deref(), Some("[]"));
        assert_eq!(
            text(r#"{a,"b,c",NULL,"NULL","q\"\\ä"}"#).as_deref(),
            Some(r#"["a","b,c",null,"NULL","q\"\\ä"]"#)
        );
        assert_eq!(
            text("{{a,b},{c,NULL}}").as_deref(),
            Some(r#"[["a","b"],["c",null]]"#)
        );
        assert_eq!(text("[0:1]={a,b}").as_deref(), Some(r#"["a","b"]"#));
        assert_eq!(
            json("{t,f,NULL}", Element::Boolean).as_deref(),
            Some("[true,false,null]")
        );
        assert_eq!(
            json(r#"{"{\"a\": [1]}",null}"#, Element::Json).as_deref(),
            Some(r#"[{"a": [1]},null]"#)
        );
        assert_eq!(
            to_json("{(1,2);(3,4)}", Element::Text, b';').as_deref(),
            Some(r#"["(1,2)","(3,4)"]"#)
        );
    }

    #[test]
    fn numbers_that_a_double_cannot_hold_are_strings() {
        let number = |array| json(array, Element::Number);
        assert_eq!(
            number("{1,-2,9007199254740992,9007199254740993}").as_deref(),
            Some(r#"[1,-2,9007199254740992,"9007199254740993"]"#)
        );
        assert_eq!(
            number("{1.50,NaN,Infinity,1e+20,1e400}").as_deref(),
            Some(r#"[1.50,"NaN","Infinity",1e+20,"1e400"]"#)
        );
        assert_eq!(
            number("{0.1234567890123456789}").as_deref(),
            Some(r#"["0.1234567890123456789"]"#)
        );
        assert_eq!(
            number("{0.30000000000000004}").as_deref(),
            Some("[0.30000000000000004]")
        );
    }

    #[test]
    fn what_is_no_array_is_refused_and_nothing_panics() {
        for text in [
            "",
            "{",
            "{a",
            "{a,",
            "}",
            "{a}x",
            "{\"a",
            "{\"a\\",
            "[",
            "[1:2]",
            "{{{{{{{a}}}}}}}",
            "{{a},b",
        ] {
            assert_eq!(json(text, Element::Text), None, "{text}");
        }
    }

    #[test]
    fn lists_become_arrays_that_hold_them_exactly() {
        let texts = [
            Some("a\"b\\c,{}".to_owned()),
            None,
            Some("NULL".into()),
            Some(String::new()),
        ];
        assert_eq!(from_texts(&texts, b','), r#"{"a\"b\\c,{}",NULL,"NULL",""}"#);
        assert_eq!(from_texts(&[], b','), "{}");
    }
}
