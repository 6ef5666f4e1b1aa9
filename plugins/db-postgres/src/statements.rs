//! Prepared statements of a session, by their text.

use crate::types::{Catalog, Type};
use crate::wire::Reader;
use labd_plugin::connector::{Column, Parameter, Prepared};
use std::collections::HashMap;
use std::rc::Rc;

/// How many a session keeps; the server holds memory for each.
const CAPACITY: usize = 200;

/// A statement that the server knows.
#[derive(Debug)]
pub struct Statement {
    /// Its name at the server.
    pub name: String,
    /// What it takes.
    pub parameters: Vec<Type>,
    /// What it gives; none for one without rows.
    pub columns: Vec<Column>,
    /// How each column is read.
    pub types: Vec<Type>,
}

impl Statement {
    /// As the contract describes it.
    pub fn described(&self) -> Prepared {
        Prepared {
            parameters: self
                .parameters
                .iter()
                .map(|expected| Parameter {
                    database_type: expected.name.clone(),
                    kind: expected.kind,
                })
                .collect(),
            columns: self.columns.clone(),
        }
    }
}

/// What the server tells of a statement, by numbers.
#[derive(Debug, Default)]
pub struct Description {
    /// Types of the parameters.
    pub parameters: Vec<u32>,
    /// Name, type and modifier of each column.
    pub columns: Vec<(String, u32, i32)>,
}

impl Description {
    /// Reads a `ParameterDescription`.
    pub fn read_parameters(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let count = reader.u16()?;
        self.parameters = (0..count).map(|_| reader.u32()).collect::<Option<_>>()?;
        Some(())
    }

    /// Reads a `RowDescription`.
    pub fn read_columns(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let count = reader.u16()?;
        self.columns = (0..count)
            .map(|_| {
                let name = reader.text()?;
                // The column's table and place in it.
                reader.bytes(6)?;
                let oid = reader.u32()?;
                // The type's size.
                reader.bytes(2)?;
                let modifier = reader.i32()?;
                // The format, which is not chosen yet.
                reader.bytes(2)?;
                Some((name, oid, modifier))
            })
            .collect::<Option<_>>()?;
        Some(())
    }

    /// The types that the catalogue does not know yet.
    pub fn unknown(&self, catalog: &Catalog) -> Vec<u32> {
        let mut unknown: Vec<u32> = self
            .parameters
            .iter()
            .copied()
            .chain(self.columns.iter().map(|(_, oid, _)| *oid))
            .filter(|oid| catalog.get(*oid).is_none())
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// With the types that the catalogue now knows.
    pub fn resolve(self, name: String, catalog: &Catalog) -> Statement {
        let types: Vec<Type> = self
            .columns
            .iter()
            .map(|(_, oid, _)| catalog.get_or_unknown(*oid))
            .collect();
        Statement {
            name,
            parameters: self
                .parameters
                .iter()
                .map(|oid| catalog.get_or_unknown(*oid))
                .collect(),
            columns: self
                .columns
                .into_iter()
                .zip(&types)
                .map(|((name, _, modifier), found)| Column {
                    name,
                    database_type: found.name_with(modifier),
                    kind: found.kind,
                })
                .collect(),
            types,
        }
    }
}

/// The statements of a session; the least recently used make room.
#[derive(Debug, Default)]
pub struct Statements {
    by_text: HashMap<String, (Rc<Statement>, u64)>,
    uses: u64,
    names: u64,
}

impl Statements {
    /// A name that was not used before.
    pub fn fresh_name(&mut self) -> String {
        self.names += 1;
        format!("labd_{}", self.names)
    }

    /// The statement of this text.
    pub fn get(&mut self, text: &str) -> Option<Rc<Statement>> {
        self.uses += 1;
        let (statement, used) = self.by_text.get_mut(text)?;
        *used = self.uses;
        Some(Rc::clone(statement))
    }

    /// Keeps a statement; the name of one that must be closed for it, if any.
    pub fn insert(&mut self, text: &str, statement: Rc<Statement>) -> Option<String> {
        let evicted = (self.by_text.len() >= CAPACITY)
            .then(|| {
                let oldest = self
                    .by_text
                    .iter()
                    .min_by_key(|(_, (_, used))| *used)
                    .map(|(text, _)| text.clone())?;
                self.forget(&oldest)
            })
            .flatten();
        self.uses += 1;
        self.by_text.insert(text.into(), (statement, self.uses));
        evicted
    }

    /// Forgets a statement; its name, to close it.
    pub fn forget(&mut self, text: &str) -> Option<String> {
        self.by_text
            .remove(text)
            .map(|(statement, _)| statement.name.clone())
    }

    /// Forgets all: the server has.
    pub fn clear(&mut self) {
        self.by_text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_statement_makes_room() {
        let mut statements = Statements::default();
        let statement = |name: &str| {
            Rc::new(Statement {
                name: name.into(),
                parameters: vec![],
                columns: vec![],
                types: vec![],
            })
        };
        for number in 0..CAPACITY {
            assert_eq!(
                statements.insert(&number.to_string(), statement(&format!("s{number}"))),
                None
            );
        }
        statements.get("0");
        assert_eq!(
            statements.insert("more", statement("more")).as_deref(),
            Some("s1")
        );
        assert!(statements.get("0").is_some());
        assert!(statements.get("1").is_none());
    }

    #[test]
    fn a_description_that_is_cut_short_is_refused() {
        let body = [
            0, 1, b'a', 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0,
        ];
        let mut description = Description::default();
        assert!(description.read_columns(&body).is_some());
        assert_eq!(description.columns, [("a".to_owned(), 23, -1)]);
        for end in 0..body.len() {
            assert!(
                Description::default().read_columns(&body[..end]).is_none(),
                "{end}"
            );
        }
        assert!(
            Description::default()
                .read_parameters(&[0, 2, 0, 0, 0, 23])
                .is_none()
        );
    }
}
