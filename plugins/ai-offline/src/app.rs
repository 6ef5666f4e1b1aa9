//! Pages → files. `src/App.tsx` has a regular shape, so that a later request can add a page to it;
//! when it was changed by hand it is left as it is.

use crate::document::Document;
use crate::names::{attribute, capital, component, key, literal, plain};
use crate::plan::{Page, Plan, Query, Shown, Widget};
use serde_json::Value;
use std::collections::BTreeSet;

const MAIN: &str = r#"import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import App from "./App";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
"#;

/// The files of an answer.
#[derive(Debug, Default)]
pub struct Files {
    /// Path and content, in the order in which they are written.
    pub files: Vec<(String, String)>,
    /// Titles of the pages that were written.
    pub pages: Vec<String>,
    /// What the user has to do, since `src/App.tsx` was changed by hand.
    pub by_hand: Vec<String>,
    /// A page was added to an app that was there.
    pub added: bool,
}

/// Whether there is an app with a page that shows something.
pub fn has_pages(document: &Document) -> bool {
    document.file("src/App.tsx").is_some_and(|file| {
        file.content
            .as_deref()
            .and_then(Shell::read)
            .is_none_or(|shell| !shell.without_start().pages.is_empty())
    })
}

/// Writes the pages of a plan into the app that is there, or a new one.
pub fn write(document: &Document, plan: Plan) -> Files {
    let mut out = Files::default();
    let app = document.file("src/App.tsx");
    let shell = app
        .and_then(|file| file.content.as_deref())
        .and_then(Shell::read);
    let is_foreign = app.is_some() && shell.is_none();
    let shell = shell.map(Shell::without_start);
    out.added = app.is_some();
    let mut shell = shell.unwrap_or_else(|| Shell {
        title: match document.project.trim() {
            "" => "Dashboard".into(),
            name => name.to_owned(),
        },
        pages: Vec::new(),
    });
    let mut scripts = Vec::new();
    let mut queries = Vec::new();
    let mut descriptions = Vec::new();
    for mut page in plan.pages {
        let mut entry = shell.entry(&page, is_foreign.then_some(document));
        name_queries(document, &mut page, &queries, &entry.script());
        descriptions.push(page.description.clone());
        out.pages.push(page.title.clone());
        scripts.push((entry.script(), script(&page, &entry.component())));
        for query in &page.queries {
            let path = format!("queries/{}.sql", query.name);
            if queries.iter().all(|(known, _)| *known != path) {
                queries.push((path, query_file(query)));
            }
        }
        if is_foreign {
            out.by_hand.push(format!(
                "import {} from \"./pages/{}\"; and {}",
                entry.component(),
                entry.file,
                plain(&entry.line().replace('<', "(").replace("/>", ")"))
            ));
            continue;
        }
        match shell.pages.iter_mut().find(|one| one.file == entry.file) {
            Some(known) => {
                std::mem::swap(&mut known.label, &mut entry.label);
                known.icon = page.icon.to_owned();
            }
            None => shell.pages.push(entry),
        }
    }
    if !is_foreign {
        let description = descriptions.join(" ");
        out.files
            .push(("app.json".into(), manifest(document, &shell, &description)));
        if document.file("src/main.tsx").is_none() {
            out.files.push(("src/main.tsx".into(), MAIN.into()));
        }
        out.files.push(("src/App.tsx".into(), shell.write()));
    }
    out.files.append(&mut scripts);
    out.files.append(&mut queries);
    out
}

/// Gives queries that would replace another one of the app a name of their own.
fn name_queries(
    document: &Document,
    page: &mut Page,
    written: &[(String, String)],
    own_script: &str,
) {
    // A query that only this page's former text asks for may be replaced with it.
    let is_used = |name: &str| {
        let called = format!("\"{name}\"");
        document
            .files
            .iter()
            .filter(|file| file.path != own_script && !file.path.starts_with("queries/"))
            .any(|file| {
                file.content
                    .as_ref()
                    .is_none_or(|text| text.contains(&called))
            })
    };
    for at in 0..page.queries.len() {
        let Some(query) = page.queries.get(at).cloned() else {
            continue;
        };
        let text = query_file(&query);
        let is_free = |name: &str| {
            let path = format!("queries/{name}.sql");
            let there = document
                .file(&path)
                .is_none_or(|file| file.content.as_deref() == Some(&text) || !is_used(name));
            there
                && written
                    .iter()
                    .all(|(known, content)| *known != path || *content == text)
        };
        let mut name = query.name.clone();
        let mut number = 2;
        while !is_free(&name) {
            name = format!("{}_{number}", query.name);
            number += 1;
        }
        for widget in &mut page.widgets {
            if let Widget::Figures { query: used, .. }
            | Widget::Chart { query: used, .. }
            | Widget::Table { query: used, .. } = widget
                && *used == query.name
            {
                used.clone_from(&name);
            }
        }
        if let Some(query) = page.queries.get_mut(at) {
            query.name = name;
        }
    }
}

fn query_file(query: &Query) -> String {
    format!(
        "-- {}\n-- @effect read\n-- @cache 30s\n{}\n",
        // A line that begins with `@` would be a directive.
        plain(&query.description).trim_start_matches('@'),
        query.text
    )
}

/// A page in the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: String,
    label: String,
    icon: String,
    /// The file's name below `src/pages`, without its ending.
    file: String,
}

impl Entry {
    /// A component's name never is that of an icon.
    fn component(&self) -> String {
        format!("{}Page", self.file)
    }

    /// The path of its file.
    fn script(&self) -> String {
        format!("src/pages/{}.tsx", self.file)
    }

    fn line(&self) -> String {
        format!(
            "{{ path: {}, label: {}, icon: <{} />, element: <{} /> }},",
            literal(&self.path),
            literal(&self.label),
            self.icon,
            self.component()
        )
    }

    fn read(line: &str) -> Option<Self> {
        let rest = line.trim().strip_prefix("{ path: ")?;
        let (path, rest) = text(rest)?;
        let (label, rest) = text(rest.strip_prefix(", label: ")?)?;
        let (icon, rest) = rest
            .strip_prefix(", icon: <")?
            .split_once(" />, element: <")?;
        let file = rest.strip_suffix("Page /> },")?;
        Some(Self {
            path,
            label,
            icon: icon.to_owned(),
            file: file.to_owned(),
        })
    }
}

/// The text literal at the beginning, and what follows it.
fn text(code: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(code).into_iter::<String>();
    let value = values.next()?.ok()?;
    Some((value, code.get(values.byte_offset()..)?))
}

/// `src/App.tsx`.
struct Shell {
    title: String,
    pages: Vec<Entry>,
}

impl Shell {
    /// Reads a file that [`Shell::write`] wrote; none for any other.
    fn read(code: &str) -> Option<Self> {
        let line = code
            .lines()
            .find_map(|line| line.strip_prefix("      title={"))?;
        let (title, _) = text(line)?;
        let pages = code
            .lines()
            .filter(|line| line.starts_with("        { path: "))
            .map(Entry::read)
            .collect::<Option<Vec<_>>>()?;
        let shell = Self { title, pages };
        (shell.write() == code).then_some(shell)
    }

    fn write(&self) -> String {
        let icons: BTreeSet<&str> = self.pages.iter().map(|page| page.icon.as_str()).collect();
        let mut code = String::from("import { AppShell } from \"@labd/ui\";\n");
        if !icons.is_empty() {
            let icons: Vec<&str> = icons.into_iter().collect();
            code.push_str(&format!(
                "import {{ {} }} from \"lucide-react\";\n",
                icons.join(", ")
            ));
        }
        for page in &self.pages {
            code.push_str(&format!(
                "import {} from \"./pages/{}\";\n",
                page.component(),
                page.file
            ));
        }
        code.push_str(&format!(
            "\nexport default function App() {{\n  return (\n    <AppShell\n      title={{{}}}\n      pages={{[\n",
            literal(&self.title)
        ));
        for page in &self.pages {
            code.push_str(&format!("        {}\n", page.line()));
        }
        code.push_str("      ]}\n    />\n  );\n}\n");
        code
    }

    /// Without the page that said what was missing; the first page takes its place.
    fn without_start(mut self) -> Self {
        self.pages.retain(|page| page.file != "Start");
        self
    }

    /// The entry of a page: that of the page with its title, or a fresh one.
    fn entry(&self, page: &Page, foreign: Option<&Document>) -> Entry {
        if let Some(known) = self.pages.iter().find(|one| one.label == page.title) {
            return known.clone();
        }
        let name = component(&page.title);
        let name = name.strip_suffix("Page").unwrap_or(&name);
        let name = if name.is_empty() { "Extra" } else { name };
        let mut file = name.to_owned();
        let mut number = 2;
        let is_taken = |file: &str| {
            self.pages.iter().any(|one| one.file == file)
                || foreign.is_some_and(|document| {
                    document.file(&format!("src/pages/{file}.tsx")).is_some()
                })
        };
        while is_taken(&file) {
            file = format!("{name}{number}");
            number += 1;
        }
        let first = self.pages.is_empty() && foreign.is_none();
        let base = format!("/{}", key(&page.title).replace('_', "-"));
        let mut path = if first { "/".to_owned() } else { base.clone() };
        let mut number = 2;
        while self.pages.iter().any(|one| one.path == path) {
            path = format!("{base}-{number}");
            number += 1;
        }
        Entry {
            path,
            label: page.title.clone(),
            icon: page.icon.to_owned(),
            file,
        }
    }
}

/// `app.json`: what is there is kept, but for the pages.
fn manifest(document: &Document, shell: &Shell, description: &str) -> String {
    let present = document.app.as_ref().and_then(Value::as_object);
    let text = |name: &str| {
        present
            .and_then(|app| app.get(name))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut lines = vec![
        format!(
            "  \"name\": {}",
            literal(&text("name").unwrap_or_else(|| shell.title.clone()))
        ),
        format!(
            "  \"description\": {}",
            literal(&text("description").unwrap_or_else(|| plain(description)))
        ),
        format!(
            "  \"icon\": {}",
            literal(&text("icon").unwrap_or_else(|| "layout-dashboard".into()))
        ),
    ];
    let own = ["name", "description", "icon", "pages"];
    for (name, value) in present.into_iter().flatten() {
        if !own.contains(&name.as_str()) {
            let value = value.to_string().replace('<', "\\u003c");
            lines.push(format!("  {}: {value}", literal(name)));
        }
    }
    let pages: Vec<String> = shell
        .pages
        .iter()
        .map(|page| {
            format!(
                "    {{ \"path\": {}, \"label\": {} }}",
                literal(&page.path),
                literal(&page.label)
            )
        })
        .collect();
    lines.push(format!("  \"pages\": [\n{}\n  ]", pages.join(",\n")));
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// A page's file.
fn script(page: &Page, name: &str) -> String {
    let mut ui = BTreeSet::from(["Page"]);
    let mut icons = BTreeSet::new();
    let mut body = String::new();
    let charts = page
        .widgets
        .iter()
        .filter(|one| matches!(one, Widget::Chart { .. }))
        .count();
    let mut chart = 0;
    for widget in &page.widgets {
        match widget {
            Widget::Figures { query, figures } => {
                ui.extend(["Grid", "Stat"]);
                body.push_str(&format!(
                    "      <Grid columns={{{}}}>\n",
                    figures.len().clamp(1, 4)
                ));
                for figure in figures {
                    icons.insert(figure.icon);
                    body.push_str(&format!(
                        "        <Stat label={} query={{{}}} field={} format=\"{}\" icon={{<{} />}} />\n",
                        attribute(&figure.shown.label),
                        variable(query),
                        attribute(&figure.shown.key),
                        figure.shown.format,
                        figure.icon
                    ));
                }
                body.push_str("      </Grid>\n");
            }
            Widget::Chart {
                component,
                title,
                query,
                x,
                x_format,
                y,
                horizontal,
            } => {
                ui.insert(component);
                if charts > 1 && chart == 0 {
                    ui.insert("Grid");
                    body.push_str("      <Grid columns={2}>\n");
                }
                chart += 1;
                let y_value = if *component == "PieChartCard" {
                    attribute(&y.key)
                } else {
                    format!(
                        "{{[{{ key: {}, label: {} }}]}}",
                        literal(&y.key),
                        literal(&y.label)
                    )
                };
                let indent = if charts > 1 { "        " } else { "      " };
                body.push_str(&format!(
                    "{indent}<{component} title={} query={{{}}} x={} y={y_value} format=\"{}\"{}{} />\n",
                    attribute(title),
                    variable(query),
                    attribute(x),
                    y.format,
                    if x_format.is_empty() { String::new() } else { format!(" xFormat=\"{x_format}\"") },
                    if *horizontal { " horizontal" } else { "" }
                ));
                if charts > 1 && chart == charts {
                    body.push_str("      </Grid>\n");
                }
            }
            Widget::Table {
                title,
                description,
                query,
                columns,
                sort,
                empty,
            } => {
                ui.insert("DataTable");
                body.push_str(&format!(
                    "      <DataTable\n        title={}\n",
                    attribute(title)
                ));
                if !description.is_empty() {
                    body.push_str(&format!("        description={}\n", attribute(description)));
                }
                body.push_str(&format!(
                    "        query={{{}}}\n        searchable\n        exportName={}\n",
                    variable(query),
                    attribute(query)
                ));
                if let Some((key, descending)) = sort {
                    body.push_str(&format!(
                        "        initialSort={{{{ key: {}, direction: \"{}\" }}}}\n",
                        literal(key),
                        if *descending { "desc" } else { "asc" }
                    ));
                }
                body.push_str("        columns={[\n");
                for column in columns {
                    body.push_str(&format!("          {}\n", column_line(column)));
                }
                body.push_str(&format!(
                    "        ]}}\n        emptyTitle={}\n      />\n",
                    attribute(empty)
                ));
            }
            Widget::Notice { title, text } => {
                ui.extend(["Card", "EmptyState"]);
                body.push_str(&format!(
                    "      <Card>\n        <EmptyState title={} description={} />\n      </Card>\n",
                    attribute(title),
                    attribute(text)
                ));
            }
        }
    }
    let ui: Vec<&str> = ui.into_iter().collect();
    let mut code = format!("import {{ {} }} from \"@labd/ui\";\n", ui.join(", "));
    if !page.queries.is_empty() {
        code.push_str("import { useQuery } from \"@labd/data\";\n");
    }
    if !icons.is_empty() {
        let icons: Vec<&str> = icons.into_iter().collect();
        code.push_str(&format!(
            "import {{ {} }} from \"lucide-react\";\n",
            icons.join(", ")
        ));
    }
    code.push_str(&format!("\nexport default function {name}() {{\n"));
    for query in &page.queries {
        code.push_str(&format!(
            "  const {} = useQuery({});\n",
            variable(&query.name),
            literal(&query.name)
        ));
    }
    if !page.queries.is_empty() {
        code.push('\n');
    }
    let description = match page.description.as_str() {
        "" => String::new(),
        text => format!(" description={}", attribute(text)),
    };
    code.push_str(&format!(
        "  return (\n    <Page title={}{description}>\n{body}    </Page>\n  );\n}}\n",
        attribute(&page.title)
    ));
    code
}

fn column_line(column: &Shown) -> String {
    let format = if column.format.is_empty() {
        String::new()
    } else {
        format!(", format: \"{}\"", column.format)
    };
    format!(
        "{{ key: {}, label: {}{format} }},",
        literal(&column.key),
        literal(&column.label)
    )
}

/// The variable that holds a query's result. A query's name has two words, so that this is never a
/// word of the language.
fn variable(query: &str) -> String {
    let mut words = query.split('_').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or("query").to_owned();
    words.fold(first, |name, word| name + &capital(word))
}
