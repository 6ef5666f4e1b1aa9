//! Which relations and files matter to a request. Words decide, so the choice is the same each time.

use labd_protocol::RelationSchema;
use std::collections::{BTreeMap, BTreeSet};

/// Words that say nothing about tables.
const COMMON: [&str; 40] = [
    "the", "and", "for", "with", "from", "show", "page", "add", "all", "that", "this", "app",
    "make", "into", "them", "have", "has", "are", "per", "each", "table", "chart", "list", "view",
    "new", "top", "ten", "last", "first", "where", "which", "who", "can", "should", "not", "but",
    "our", "their", "please", "want",
];

/// The words of a text: lower case, without plural endings, at least three letters.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut lower = false;
    for c in text.chars().chain([' ']) {
        // `orderLine` is two words.
        let hump = c.is_uppercase() && lower;
        if (!c.is_alphanumeric() || hump) && !word.is_empty() {
            add(&mut words, &std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    words
}

fn add(words: &mut BTreeSet<String>, word: &str) {
    if word.chars().count() >= 3 && !COMMON.contains(&word) {
        words.insert(stem(word));
    }
}

fn stem(word: &str) -> String {
    for (ending, instead) in [("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("s", "")] {
        if let Some(start) = word.strip_suffix(ending)
            && start.len() >= 3
            && !word.ends_with("ss")
        {
            return format!("{start}{instead}");
        }
    }
    word.to_owned()
}

/// How much a text shares with the words of the request; words that begin alike count half.
fn overlap(wanted: &BTreeSet<String>, text: &str) -> u64 {
    let found = words(text);
    wanted
        .iter()
        .map(|word| {
            if found.contains(word) {
                2
            } else {
                let alike = |other: &String| {
                    let (short, long) = if word.len() < other.len() {
                        (word, other)
                    } else {
                        (other, word)
                    };
                    short.len() >= 4 && long.starts_with(short.as_str())
                };
                u64::from(found.iter().any(alike))
            }
        })
        .sum()
}

/// A score for each relation, by its place in the list; 0: nothing speaks for it.
///
/// The name counts most, then columns and comments; what a chosen relation refers to, or what
/// refers to it, gets half of its score, so that joins are possible.
pub(super) fn relations(wanted: &BTreeSet<String>, relations: &[RelationSchema]) -> Vec<u64> {
    let own: Vec<u64> = relations
        .iter()
        .map(|relation| {
            let columns: Vec<&str> = relation
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let comments: Vec<&str> = relation
                .comment
                .iter()
                .map(String::as_str)
                .chain(
                    relation
                        .columns
                        .iter()
                        .filter_map(|column| column.comment.as_deref()),
                )
                .collect();
            overlap(wanted, &relation.name) * 16
                + overlap(wanted, &columns.join(" ")) * 4
                + overlap(wanted, &comments.join(" "))
        })
        .collect();
    let places: BTreeMap<(&str, &str), usize> = relations
        .iter()
        .enumerate()
        .map(|(index, relation)| ((relation.schema.as_str(), relation.name.as_str()), index))
        .collect();
    let mut scores = own.clone();
    let score = |index: usize| own.get(index).copied().unwrap_or(0);
    for (index, relation) in relations.iter().enumerate() {
        for key in &relation.foreign_keys {
            let other = (
                key.referenced_schema.as_str(),
                key.referenced_table.as_str(),
            );
            let Some(other) = places.get(&other).copied() else {
                continue;
            };
            if let Some(slot) = scores.get_mut(other) {
                *slot = (*slot).max(score(index) / 2);
            }
            if let Some(slot) = scores.get_mut(index) {
                *slot = (*slot).max(score(other) / 2);
            }
        }
    }
    scores
}

/// The places of items that fit into the budget, the best first chosen; in the order of the items.
/// Equal scores keep their order.
pub(super) fn choose(scores: &[u64], sizes: &[usize], budget: usize) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(scores.get(*index).copied().unwrap_or(0)));
    let mut left = budget;
    let mut chosen = BTreeSet::new();
    for index in order {
        let size = sizes.get(index).copied().unwrap_or(usize::MAX);
        if size <= left {
            left -= size;
            chosen.insert(index);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_protocol::{ForeignKeySchema, RelationKind};

    fn relation(name: &str, refers: Option<&str>) -> RelationSchema {
        RelationSchema {
            schema: "public".into(),
            name: name.into(),
            kind: RelationKind::Table,
            comment: None,
            row_estimate: None,
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: refers
                .map(|table| ForeignKeySchema {
                    name: String::new(),
                    columns: Vec::new(),
                    referenced_schema: "public".into(),
                    referenced_table: table.into(),
                    referenced_columns: Vec::new(),
                })
                .into_iter()
                .collect(),
            indexes: Vec::new(),
        }
    }

    #[test]
    fn words_are_compared_without_case_plural_and_humps() {
        let all: Vec<String> = words("Show the orderLines per category, customers & Städte")
            .into_iter()
            .collect();
        assert_eq!(all, ["category", "customer", "line", "order", "städte"]);
    }

    #[test]
    fn named_tables_come_first_and_bring_their_neighbours() {
        let all = [
            relation("audit", None),
            relation("customers", None),
            relation("order_lines", Some("orders")),
            relation("orders", Some("customers")),
        ];
        let scores = relations(&words("revenue by order"), &all);
        assert_eq!(scores[0], 0);
        assert!(
            scores[3] >= scores[1] && scores[1] > 0 && scores[2] > 0,
            "{scores:?}"
        );
    }

    #[test]
    fn the_budget_goes_to_the_best() {
        let chosen = choose(&[0, 5, 9, 1], &[10, 10, 10, 10], 25);
        assert_eq!(chosen.into_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
