//! As much SQL as the table needs: `SELECT columns FROM planets [WHERE name = ?] [LIMIT n]`. A
//! database understands its own SQL; hand the text on to it instead.

use crate::planets::{Field, PLANETS, Planet, TABLE};
use labd_plugin::connector::Param;
use labd_plugin::{Error, Result};

/// A statement.
#[derive(Debug)]
pub struct Select {
    /// The columns asked for, in order.
    pub fields: Vec<Field>,
    name: Option<Name>,
    limit: usize,
}

/// What a row's name must be.
#[derive(Debug)]
enum Name {
    Parameter,
    Text(String),
}

impl Select {
    /// Reads a statement.
    pub fn parse(text: &str) -> Result<Self> {
        let mut words = Words {
            rest: text.trim().trim_end_matches(';').trim_end(),
        };
        words.keyword("SELECT")?;
        let mut fields = Vec::new();
        loop {
            match words.next()? {
                Some(Word::Sign('*')) => fields.extend(Field::ALL),
                Some(Word::Name(name)) => fields.push(field(&name)?),
                _ => return Err(wrong("after SELECT come * or names of columns")),
            }
            if !words.sign(',') {
                break;
            }
        }
        words.keyword("FROM")?;
        match words.next()? {
            Some(Word::Name(table)) if table.eq_ignore_ascii_case(TABLE) => {}
            Some(Word::Name(table)) => {
                return Err(Error::not_found(format!(
                    "there is no table `{table}`; there is: {TABLE}"
                )));
            }
            _ => return Err(wrong("after FROM comes the name of a table")),
        }
        let mut select = Self {
            fields,
            name: None,
            limit: usize::MAX,
        };
        while let Some(word) = words.next()? {
            match word {
                Word::Name(word) if word.eq_ignore_ascii_case("WHERE") => {
                    words.keyword("name")?;
                    if !words.sign('=') {
                        return Err(wrong("after WHERE comes: name = ?"));
                    }
                    select.name = Some(match words.next()? {
                        Some(Word::Sign('?')) => Name::Parameter,
                        Some(Word::Text(text)) => Name::Text(text),
                        _ => return Err(wrong("a name is compared with ? or a text")),
                    });
                }
                Word::Name(word) if word.eq_ignore_ascii_case("LIMIT") => match words.next()? {
                    Some(Word::Name(number)) => {
                        let number = number.parse();
                        select.limit = number.map_err(|_| wrong("LIMIT takes a number"))?;
                    }
                    _ => return Err(wrong("LIMIT takes a number")),
                },
                _ => return Err(wrong("only WHERE name = ? and LIMIT may follow")),
            }
        }
        Ok(select)
    }

    /// The column that the statement's parameter is compared with.
    pub fn parameter(&self) -> Option<Field> {
        matches!(self.name, Some(Name::Parameter)).then_some(Field::Name)
    }

    /// The rows that it asks for.
    pub fn rows(&self, params: &[Param]) -> Result<Vec<&'static Planet>> {
        let name = match (&self.name, params) {
            (Some(Name::Parameter), [Param::Text(text)]) => Some(text.as_str()),
            (Some(Name::Parameter), _) => return Err(wrong("the parameter is one text")),
            (_, [_, ..]) => return Err(wrong("there is no place for a parameter")),
            (Some(Name::Text(text)), []) => Some(text.as_str()),
            (None, []) => None,
        };
        let chosen = PLANETS
            .iter()
            .filter(|planet| name.is_none_or(|name| planet.name == name));
        Ok(chosen.take(self.limit).collect())
    }
}

fn field(name: &str) -> Result<Field> {
    let mut fields = Field::ALL.into_iter();
    let found = fields.find(|field| field.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| wrong(&format!("the table has no column `{name}`")))
}

fn wrong(what: &str) -> Error {
    Error::invalid(what)
}

enum Word {
    /// A keyword, a name with or without double quotes, a number.
    Name(String),
    /// In single quotes.
    Text(String),
    Sign(char),
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Word>> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        if first == '\'' || first == '"' {
            let (inside, after) = self
                .rest
                .get(1..)
                .and_then(|rest| rest.split_once(first))
                .ok_or_else(|| wrong("a quote is not closed"))?;
            self.rest = after;
            let inside = inside.to_owned();
            return Ok(Some(match first {
                '"' => Word::Name(inside),
                _ => Word::Text(inside),
            }));
        }
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = match self.rest.find(|c| !is_part(c)) {
            Some(0) => first.len_utf8(),
            Some(length) => length,
            None => self.rest.len(),
        };
        let (word, after) = self.rest.split_at(length);
        self.rest = after;
        Ok(Some(match is_part(first) {
            true => Word::Name(word.to_owned()),
            false => Word::Sign(first),
        }))
    }

    fn keyword(&mut self, keyword: &str) -> Result<()> {
        match self.next()? {
            Some(Word::Name(word)) if word.eq_ignore_ascii_case(keyword) => Ok(()),
            _ => Err(wrong(&format!("{keyword} is missing"))),
        }
    }

    /// Takes the sign, if it is the next word.
    fn sign(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(sign) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }
}
