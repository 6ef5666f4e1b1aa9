//! The answer's text: prose that says what was done and why, then the files in tags.

use crate::app::{self, Files};
use crate::catalog::Catalog;
use crate::document::Document;
use crate::names::plain;
use crate::plan::{Page, Plan, Widget, plan};
use crate::sql::Dialect;
use crate::words::clauses;

/// Characters of one event, at least and at most.
const PIECE: std::ops::RangeInclusive<usize> = 20..=60;

/// The whole answer.
pub fn write(document: &Document) -> String {
    let mut prose = vec![
        "I am labd's offline template generator, not a model: I match the words of the request with the tables of the database and fill in templates.".to_owned(),
    ];
    let filled = document
        .source
        .as_ref()
        .zip(document.schema.as_ref())
        .map(|(source, schema)| Catalog::new(Dialect::of(&source.dialect), schema))
        .filter(|catalog| catalog.tables().next().is_some());
    let Some(catalog) = filled else {
        return nothing(document, prose);
    };
    let plan = plan(
        &catalog,
        &mut clauses(&document.request),
        app::has_pages(document),
    );
    let changes_nothing = plan.pages.is_empty();
    if changes_nothing {
        prose.push("I could not map this request to a template, so I changed nothing.".into());
    } else if plan.is_overview {
        prose.push("I could not map this request to a template, so here is an overview of the tables that seem to matter most.".into());
    }
    prose.extend(plan.notes.iter().map(|note| plain(note)));
    if !plan.unknown.is_empty() {
        let words: Vec<String> = plan
            .unknown
            .iter()
            .map(|word| format!("\"{}\"", plain(word)))
            .collect();
        prose.push(format!(
            "I did not understand these words and left them aside: {}. Names of tables and columns, `by month`, `top ten` and `low stock` are what I know; a model understands more.",
            words.join(", ")
        ));
    }
    if !catalog.left_out.is_empty() {
        let names: Vec<String> = catalog.left_out.iter().map(|name| plain(name)).collect();
        prose.push(format!(
            "Left aside, since their names hold control characters or tags: {}.",
            names.join(", ")
        ));
    }
    if changes_nothing {
        return prose.join("\n\n");
    }
    render(document, prose, plan)
}

/// An app that says what is missing.
fn nothing(document: &Document, mut prose: Vec<String>) -> String {
    let (title, text) = match (&document.source, &document.schema) {
        (None, _) => (
            "No data source yet".to_owned(),
            "Choose a data source for this project, or add one under Sources, and ask again. Then I can read its tables and build pages from them.".to_owned(),
        ),
        (Some(source), None) => (
            "The data source cannot be read".to_owned(),
            format!("The schema of {} could not be read. Test it under Sources, and ask again.", plain(&source.name)),
        ),
        (Some(source), Some(_)) => (
            "The data source is empty".to_owned(),
            format!("{} has no tables that its user may see. Create tables or grant access to them, and ask again.", plain(&source.name)),
        ),
    };
    prose.push(format!("{title}. {text}"));
    let page = Page {
        title: "Start".into(),
        description: "What is needed to build this app.".into(),
        icon: "Info",
        queries: Vec::new(),
        widgets: vec![Widget::Notice { title, text }],
    };
    let plan = Plan {
        pages: vec![page],
        ..Plan::default()
    };
    render(document, prose, plan)
}

fn render(document: &Document, mut prose: Vec<String>, plan: Plan) -> String {
    let title = plan
        .pages
        .first()
        .map(|page| page.title.clone())
        .unwrap_or_default();
    let written = app::write(document, plan);
    prose.insert(1, summary(&written));
    if !written.by_hand.is_empty() {
        prose.push(format!(
            "src/App.tsx was changed by hand, so I leave it and app.json as they are. To show the new page, add to src/App.tsx: {} (a component in brackets stands for its tag).",
            written.by_hand.join("; ")
        ));
    }
    let mut text = prose.join("\n\n");
    let safe: String = title
        .chars()
        .filter(|c| !matches!(c, '"' | '<' | '>' | '&' | '\'') && !c.is_control())
        .collect();
    text.push_str(&format!("\n\n<lab-app title=\"{safe}\">\n"));
    for (path, content) in &written.files {
        text.push_str(&format!(
            "<lab-file path=\"{path}\">\n{content}</lab-file>\n"
        ));
    }
    text.push_str("</lab-app>\n");
    text
}

fn summary(files: &Files) -> String {
    let pages: Vec<String> = files
        .pages
        .iter()
        .map(|page| format!("\"{}\"", plain(page)))
        .collect();
    let what = match (pages.len(), files.added) {
        (1, false) => "I wrote an app with the page",
        (_, false) => "I wrote an app with the pages",
        (1, true) => "I wrote the page",
        (_, true) => "I wrote the pages",
    };
    let rest = if files.added {
        " The other files stay as they are."
    } else {
        ""
    };
    format!("{what} {}.{rest}", pages.join(", "))
}

/// The text in pieces of 20 to 60 characters (the last may be shorter), cut at blanks where there
/// are any.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        for (count, (at, c)) in rest.char_indices().enumerate() {
            let after_blank = count >= *PIECE.start() && c.is_whitespace();
            if after_blank || count == *PIECE.end() {
                end = at;
                break;
            }
        }
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}
