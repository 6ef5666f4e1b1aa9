//! Named parameters: `:year` becomes the dialect's placeholder, each name one number.
//!
//! Names are found by the dialect's own tokenizer, so that `'a :b'`, `"a:b"`, comments and `::`
//! casts are left alone. A slice such as `a[1:n]` needs a blank after its colon.

use super::{Placeholders, StatementError};
use sqlparser::{
    dialect::Dialect,
    tokenizer::{Location, Token, Tokenizer},
};

/// A statement whose names have become placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// For the database.
    pub text: String,
    /// The names, in the order of their placeholders.
    pub parameters: Vec<String>,
    /// The word that the statement begins with; none when it begins with something else.
    pub first_word: Option<String>,
    /// Where each replacement lies, in characters from 0: in the new text, its length there, and
    /// the length of what it replaced.
    replacements: Vec<Replacement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replacement {
    at: u32,
    length: u32,
    original_length: u32,
}

impl Rewritten {
    /// Where a position in the new text lies in the old one, both in characters from 1.
    pub fn original_position(&self, position: u32) -> u32 {
        let index = position.saturating_sub(1);
        let mut shift = 0_i64;
        for replacement in &self.replacements {
            if index < replacement.at {
                break;
            }
            if index < replacement.at + replacement.length {
                let start = i64::from(replacement.at) + shift;
                return u32::try_from(start + 1).unwrap_or(position);
            }
            shift += i64::from(replacement.original_length) - i64::from(replacement.length);
        }
        u32::try_from(i64::from(index) + shift + 1).unwrap_or(position)
    }
}

fn first_word<'a>(mut tokens: impl Iterator<Item = &'a Token>) -> Option<String> {
    match tokens.find(|token| !matches!(token, Token::Whitespace(_)))? {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
        _ => None,
    }
}

/// Replaces the names of a statement.
pub(super) fn rewrite(
    text: &str,
    dialect: &dyn Dialect,
    placeholders: Placeholders,
) -> Result<Rewritten, StatementError> {
    let tokens = Tokenizer::new(dialect, text)
        .tokenize_with_location()
        .map_err(|error| StatementError::Syntax {
            position: position_at(text, error.location.line, error.location.column),
            message: error.message,
        })?;
    let characters: Vec<char> = text.chars().collect();
    let lines = LineStarts::new(&characters);
    let mut rewritten = Rewritten {
        text: String::with_capacity(text.len()),
        parameters: Vec::new(),
        first_word: first_word(tokens.iter().map(|token| &token.token)),
        replacements: Vec::new(),
    };
    let (mut copied, mut written) = (0_usize, 0_u32);
    for pair in tokens.windows(2) {
        let [colon, word] = pair else { continue };
        let Token::Word(name) = &word.token else {
            continue;
        };
        if colon.token != Token::Colon || name.quote_style.is_some() {
            continue;
        }
        let (start, name_start) = (lines.index(colon.span.start), lines.index(word.span.start));
        if name_start != start + 1 {
            continue;
        }
        let end = name_start + name.value.chars().count();
        let number = match rewritten.parameters.iter().position(|p| *p == name.value) {
            Some(index) if placeholders != Placeholders::Question => index + 1,
            _ => {
                rewritten.parameters.push(name.value.clone());
                rewritten.parameters.len()
            }
        };
        let placeholder = match placeholders {
            Placeholders::Dollar => format!("${number}"),
            Placeholders::QuestionNumbered => format!("?{number}"),
            Placeholders::Question => "?".to_owned(),
            Placeholders::AtNumbered => format!("@p{number}"),
            Placeholders::ColonNumbered => format!(":{number}"),
            Placeholders::Json => format!("{{\"$param\":{number}}}"),
        };
        let between = characters.get(copied..start).unwrap_or_default();
        rewritten.text.extend(between);
        written += between.len() as u32;
        rewritten.replacements.push(Replacement {
            at: written,
            length: placeholder.len() as u32,
            original_length: (end - start) as u32,
        });
        rewritten.text.push_str(&placeholder);
        written += placeholder.len() as u32;
        copied = end;
    }
    rewritten
        .text
        .extend(characters.get(copied..).unwrap_or_default());
    Ok(rewritten)
}

/// The position, in characters from 1, of a line and column from 1.
pub(super) fn position_at(text: &str, line: u64, column: u64) -> Option<u32> {
    if line == 0 || column == 0 {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let index = LineStarts::new(&characters).index(Location { line, column });
    u32::try_from(index + 1).ok()
}

/// Where each line begins, in characters.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(characters: &[char]) -> Self {
        let breaks = characters
            .iter()
            .enumerate()
            .filter(|(_, character)| **character == '\n')
            .map(|(index, _)| index + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    fn index(&self, location: Location) -> usize {
        let line = usize::try_from(location.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let start = self.0.get(line).or(self.0.last()).copied().unwrap_or(0);
        start.saturating_add(column)
    }
}
