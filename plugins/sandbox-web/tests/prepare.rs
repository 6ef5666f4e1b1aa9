//! What `prepare` promises, over whole apps.

use std::collections::BTreeSet;

use labd_plugin::sandbox::{Change, Diagnostic, Prepared, Severity, SourceFile, Workspace};
use sandbox_web::workspace::Project;

const MAIN: (&str, &str) = (
    "src/main.tsx",
    "import { createRoot } from \"react-dom/client\";\nimport App from \"./App\";\ncreateRoot(document.getElementById(\"root\")!).render(<App />);\n",
);
const MANIFEST: (&str, &str) = ("app.json", "{\"name\": \"Test\"}");
const YEARLY: (&str, &str) = (
    "queries/yearly.sql",
    "-- @param year int\n-- @param region text?\nSELECT :year, :region",
);

fn change(files: &[(&str, &str)]) -> Change {
    Change {
        changed: files
            .iter()
            .map(|(path, content)| SourceFile {
                path: (*path).to_owned(),
                content: content.as_bytes().to_vec(),
            })
            .collect(),
        removed: Vec::new(),
    }
}

/// A project with a manifest, an entry, a query and these files, prepared.
#[expect(clippy::unwrap_used, reason = "test")]
fn prepared(files: &[(&str, &str)]) -> (Project, Prepared) {
    let mut project = Project::open().unwrap();
    let all: Vec<_> = [MANIFEST, MAIN, YEARLY]
        .iter()
        .chain(files)
        .copied()
        .collect();
    let prepared = project.prepare(change(&all)).unwrap();
    (project, prepared)
}

/// `code path:line:column hint` of each fault but the unused query.
fn told(prepared: &Prepared) -> Vec<String> {
    prepared
        .diagnostics
        .iter()
        .filter(|one| one.code != "unused-query")
        .map(line)
        .collect()
}

fn line(one: &Diagnostic) -> String {
    format!(
        "{} {}:{}:{} {}",
        one.code,
        one.path.as_deref().unwrap_or(""),
        one.line.unwrap_or(0),
        one.column.unwrap_or(0),
        one.hint.as_deref().unwrap_or("")
    )
    .trim_end()
    .to_owned()
}

#[test]
fn a_good_app_has_a_manifest_and_hands_each_asset_out_once() {
    let app = (
        "src/App.tsx",
        "import { Card } from \"@labd/ui\"; import { sum } from \"./lib/sum\"; import data from './data.json'; import './app.css';\nexport default () => <Card className=\"p-4 grid-cols-[1fr_2fr]\">{sum(data)}</Card>;",
    );
    let sum = (
        "src/lib/sum.ts",
        "export const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);",
    );
    let (mut project, first) = prepared(&[
        app,
        sum,
        ("src/data.json", "[1, 2]"),
        ("src/app.css", ".own { @apply p-2; }"),
    ]);
    assert_eq!(told(&first), [""; 0]);
    let manifest = first.manifest.unwrap();
    assert_eq!(
        manifest.vendor,
        ["@labd/ui", "react-dom/client", "react/jsx-runtime"]
    );
    assert_eq!(first.new_assets.len(), 6);
    let asset = |name: &str| {
        first
            .new_assets
            .iter()
            .find(|asset| asset.name == name)
            .unwrap()
    };
    let css = String::from_utf8(asset(&manifest.styles[1]).content.clone()).unwrap();
    assert!(css.contains(".own") && css.contains("1fr 2fr"));
    let entry = String::from_utf8(asset(&manifest.entry).content.clone()).unwrap();
    assert!(
        manifest
            .modules
            .iter()
            .any(|name| entry.contains(&format!("\"./{name}\""))),
        "{entry}"
    );

    let again = project
        .prepare(Change {
            changed: vec![],
            removed: vec![],
        })
        .unwrap();
    assert!(again.new_assets.is_empty());
    assert_eq!(again.manifest.unwrap(), manifest);

    let edited = project
        .prepare(change(&[(
            "src/lib/sum.ts",
            "export const sum = (list: number[]) => list.length;",
        )]))
        .unwrap();
    let mut paths: Vec<_> = edited
        .new_assets
        .iter()
        .map(|asset| asset.source_path.clone().unwrap())
        .collect();
    paths.sort();
    assert_eq!(paths, ["src/App.tsx", "src/lib/sum.ts", "src/main.tsx"]);
}

#[test]
fn two_workspaces_give_the_same_names() {
    let app = (
        "src/App.tsx",
        "export default () => <p className=\"p-4\">x</p>;",
    );
    let other = prepared(&[(
        "src/App.tsx",
        "export default () => <p className=\"p-9\">y</p>;",
    )]);
    let mut project = other.0;
    let late = project.prepare(change(&[app])).unwrap().manifest.unwrap();
    let fresh = prepared(&[app]).1.manifest.unwrap();
    assert_eq!(late.modules, fresh.modules);
}

#[test]
fn a_wrong_import_names_what_was_meant() {
    let (_, prepared) = prepared(&[
        (
            "src/App.tsx",
            "import axios from 'axios';\nimport { Datatable } from '@labd/ui';\nimport { ShoppingKart } from 'lucide-react';\nimport { x } from './Nothing';\nimport { y } from './other';\nimport z from './other';\nexport default () => <Datatable a={axios} b={x} c={y} d={z}><ShoppingKart /></Datatable>;",
        ),
        ("src/other.ts", "export const why = 1;"),
    ]);
    assert_eq!(
        told(&prepared),
        [
            "unresolved-import src/App.tsx:1:19 @labd/data",
            "unknown-export src/App.tsx:2:10 DataTable",
            "unknown-export src/App.tsx:3:10 ShoppingCart",
            "unresolved-import src/App.tsx:4:19",
            "unknown-export src/App.tsx:5:10 why",
            "unknown-export src/App.tsx:6:8 import { why } from \"./other\"",
        ]
    );
    assert_eq!(prepared.manifest, None);
}

#[test]
fn what_is_used_but_not_imported_is_told_with_its_import() {
    let (_, prepared) = prepared(&[(
        "src/App.tsx",
        "export default function App() {\n  const [a] = useState(window.innerWidth);\n  return <Card>{a}<Mystery /></Card>;\n}",
    )]);
    assert_eq!(
        told(&prepared),
        [
            "unknown-name src/App.tsx:2:15 import { useState } from \"react\"",
            "unknown-component src/App.tsx:3:11 import { Card } from \"@labd/ui\"",
            "unknown-component src/App.tsx:3:20",
        ]
    );
}

#[test]
fn calls_of_queries_are_checked_against_their_files() {
    let (_, prepared) = prepared(&[
        (
            "src/App.tsx",
            "import { useQuery } from '@labd/data';\nexport default function App() {\n  useQuery('yearly', { year: 1, region: 'x' });\n  useQuery('yearli', {});\n  useQuery('yearly', { yeer: 1 });\n  return null;\n}",
        ),
        ("queries/unused.sql", "SELECT 1"),
    ]);
    let all: Vec<_> = prepared.diagnostics.iter().map(line).collect();
    assert_eq!(
        all,
        [
            "unused-query queries/unused.sql:0:0",
            "unknown-query src/App.tsx:4:12 yearly",
            "missing-parameter src/App.tsx:5:12 { year: … }",
            "unknown-parameter src/App.tsx:5:24 year",
        ]
    );
}

#[test]
fn what_only_follows_from_a_file_that_cannot_be_read_is_not_told() {
    let (_, prepared) = prepared(&[(
        "src/App.tsx",
        "import { useQuery } from '@labd/data';\nexport default function App() {\n  useQuery('yearly', { year: 1 });\n  return <main>;\n}",
    )]);
    let codes: BTreeSet<_> = prepared
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, BTreeSet::from(["syntax"]));
}

#[test]
fn a_cycle_of_modules_is_no_fault() {
    let (_, prepared) = prepared(&[
        (
            "src/App.tsx",
            "import { b } from './b';\nexport const a = 1;\nexport default () => b();",
        ),
        (
            "src/b.ts",
            "import { a } from './App';\nexport const b = () => a;",
        ),
    ]);
    assert_eq!(told(&prepared), [""; 0]);
    assert_eq!(prepared.manifest.unwrap().modules.len(), 3);
}

#[test]
fn paths_outside_the_app_are_refused() {
    let mut project = Project::open().unwrap();
    let prepared = project
        .prepare(change(&[("../../etc/passwd", "x"), ("/abs", "x")]))
        .unwrap();
    assert_eq!(
        prepared
            .diagnostics
            .iter()
            .filter(|one| one.code == "bad-path")
            .count(),
        2
    );
    let refused = project
        .warm(SourceFile {
            path: "src/../../x.ts".to_owned(),
            content: vec![],
        })
        .unwrap();
    assert_eq!(refused[0].code, "bad-path");
}

#[test]
fn faults_of_files_that_nobody_imports_are_warnings() {
    let (_, prepared) = prepared(&[
        ("src/App.tsx", "export default () => null;"),
        ("src/Draft.tsx", "const = ;"),
    ]);
    assert!(prepared.manifest.is_some());
    let draft = prepared
        .diagnostics
        .iter()
        .find(|one| one.path.as_deref() == Some("src/Draft.tsx"))
        .unwrap();
    assert_eq!(draft.severity, Severity::Warning);
}

#[test]
fn a_bad_style_sheet_is_told_at_its_place() {
    let (mut project, prepared) = prepared(&[
        (
            "src/App.tsx",
            "import './app.css';\nexport default () => null;",
        ),
        (
            "src/app.css",
            ".ok { color: red }\n.a { @apply no-such-class; }",
        ),
    ]);
    assert_eq!(told(&prepared), ["style src/app.css:2:13"]);
    let fixed = project
        .prepare(change(&[("src/app.css", ".a { @apply p-1; }")]))
        .unwrap();
    assert_eq!(told(&fixed), [""; 0]);
    assert!(fixed.manifest.is_some());
}

#[test]
fn server_code_stays_on_the_server() {
    let app = (
        "src/App.tsx",
        "import { secret } from '../server/_lib/secret';\nexport default () => secret;",
    );
    let (_, prepared) = prepared(&[
        app,
        ("server/_lib/secret.ts", "export const secret = 1;"),
        (
            "server/a.ts",
            "import { z } from 'zod';\nimport { useState } from 'react';\nimport { secret } from './_lib/secret';\nexport const GET = () => z.string().parse(useState + secret);",
        ),
        (
            "server/b.ts",
            "export function POST(_: Request, ctx: any) { return ctx.query('yearly', { year: 1 }); }",
        ),
        ("server/b/index.ts", "export function GET() {}"),
    ]);
    assert_eq!(
        told(&prepared),
        [
            "unresolved-import server/a.ts:2:26",
            "duplicate-route server/b/index.ts:0:0",
            "unresolved-import src/App.tsx:1:24 fetch(\"/api/…\")",
        ]
    );
}

#[test]
fn a_missing_entry_says_what_it_holds() {
    let mut project = Project::open().unwrap();
    let prepared = project
        .prepare(change(&[
            MANIFEST,
            ("src/App.tsx", "export default () => null;"),
        ]))
        .unwrap();
    let fault = &prepared.diagnostics[0];
    assert_eq!(fault.code, "missing-entry");
    assert!(fault.hint.as_ref().unwrap().contains("createRoot"));
}
