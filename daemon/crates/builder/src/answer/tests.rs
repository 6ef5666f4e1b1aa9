use super::*;
use std::time::{Duration, Instant};

/// Joins adjacent pieces of the same kind.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (
                Some(Piece::FileText {
                    path: before,
                    text: so_far,
                }),
                Piece::FileText { path, text },
            ) if *before == path => so_far.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    out
}

fn parse_all<'a>(parts: impl IntoIterator<Item = &'a str>) -> Vec<Piece> {
    let mut parser = Parser::new();
    let mut pieces: Vec<Piece> = parts
        .into_iter()
        .flat_map(|part| parser.push(part))
        .collect();
    pieces.extend(parser.finish());
    joined(pieces)
}

fn parse(text: &str) -> Vec<Piece> {
    parse_all([text])
}

/// Paths with what happens to them, whether closed.
fn changes(pieces: &[Piece]) -> Vec<(String, Result<Change, String>, bool)> {
    pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Finished {
                path,
                change,
                closed,
            } => Some((path.to_string(), change.clone(), *closed)),
            _ => None,
        })
        .collect()
}

fn write(path: &str, text: &str) -> (String, Result<Change, String>, bool) {
    (path.to_owned(), Ok(Change::Write(text.to_owned())), true)
}

const PLAIN: &str = r#"I'll make a dashboard with `useQuery`.

<lab-app title="Revenue &amp; customers">
<lab-file path="app.json">
{ "name": "Revenue" }
</lab-file>

<lab-file path="src/App.tsx">
import { Card } from "@labd/ui";

export function App() {
  const less = 1 < 2 && "&lt;";
  return <label><Card title="Größe 📦">{less}</Card></label>;
}
  </lab-file>
<lab-edit path="src/pages/Home.tsx">
<<<<<<< SEARCH
  <Old />
=======
  <New />
>>>>>>> REPLACE
</lab-edit>
<lab-delete path="src/old.tsx"/>
</lab-app>

Done. Shall I add a filter?
"#;

const BOLT: &str = r#"Sure!
<boltArtifact id="x" title="Shop">
  <boltAction type="shell">npm install
  </boltAction>
  <boltAction type="file" filePath="src/main.tsx">
```tsx
import "./a";
const t = `b`;
```
  </boltAction>
  <liblabAction type='file' filePath='queries/a.sql'>-- a
select 1
</liblabAction>
</boltArtifact>"#;

const FAULTY: &str = "```xml\n<lab-app title=\"x>\n<LAB-FILE path='a.ts'>\nlet a = 1;\n<lab-file path=\"b.tsx\">\nexport const B = () =&gt; &lt;b&gt;x &amp;amp; y&lt;/b&gt;;\n\n<lab_file path=\"../../etc/passwd\">\nroot\n</lab-file>\n<lab-file path=\"c.ts\">\n<lab-files> <lab-file path=\n</lab-file>\n</lab-app>\n```\n<lab-file path=\"d.ts\">\nlet d";

#[test]
fn an_answer_is_taken_apart() {
    let pieces = parse(PLAIN);
    assert_eq!(
        pieces.first(),
        Some(&Piece::Text(
            "I'll make a dashboard with `useQuery`.".into()
        ))
    );
    assert_eq!(
        pieces.get(1),
        Some(&Piece::Title("Revenue & customers".into()))
    );
    assert_eq!(
        pieces.last(),
        Some(&Piece::Text("\n\nDone. Shall I add a filter?".into()))
    );
    let app = "import { Card } from \"@labd/ui\";\n\nexport function App() {\n  const less = 1 < 2 && \"&lt;\";\n  return <label><Card title=\"Größe 📦\">{less}</Card></label>;\n}\n";
    assert_eq!(
        changes(&pieces),
        [
            write("app.json", "{ \"name\": \"Revenue\" }\n"),
            write("src/App.tsx", app),
            (
                "src/pages/Home.tsx".into(),
                Ok(Change::Edit(vec![EditBlock {
                    search: "  <Old />\n".into(),
                    replace: "  <New />\n".into()
                }])),
                true
            ),
            ("src/old.tsx".into(), Ok(Change::Delete), true),
        ]
    );
}

#[test]
fn the_text_of_a_file_as_it_streams_is_its_content() {
    for answer in [PLAIN, BOLT, FAULTY] {
        let pieces = parse(answer);
        for (path, change, _) in changes(&pieces) {
            let Ok(Change::Write(content)) = change else {
                continue;
            };
            let streamed: String = pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::FileText { path: of, text } if of.as_str() == path => {
                        Some(text.as_str())
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(streamed, content, "{path}");
        }
    }
}

#[test]
fn tags_of_others_are_understood_and_commands_are_only_reported() {
    let pieces = parse(BOLT);
    assert!(pieces.contains(&Piece::Ignored {
        kind: "shell".into(),
        text: "npm install".into()
    }));
    assert_eq!(
        changes(&pieces),
        [
            write("src/main.tsx", "import \"./a\";\nconst t = `b`;\n"),
            write("queries/a.sql", "-- a\nselect 1\n"),
        ]
    );
}

#[test]
fn small_faults_are_forgiven_and_evil_paths_are_not() {
    let pieces = parse(FAULTY);
    assert_eq!(
        changes(&pieces),
        [
            write("a.ts", "let a = 1;\n"),
            write("b.tsx", "export const B = () => <b>x &amp; y</b>;\n\n"),
            write("c.ts", "<lab-files> <lab-file path=\n"),
            ("d.ts".into(), Ok(Change::Write("let d".into())), false),
        ]
    );
    let refused: Vec<_> = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Refused { .. }))
        .collect();
    assert!(
        matches!(refused.as_slice(), [Piece::Refused { path, fault, .. }]
            if path == "../../etc/passwd" && fault.contains("inside the project")),
        "{refused:?}"
    );
    assert!(
        !pieces.iter().any(|piece| matches!(piece, Piece::Text(_))),
        "{pieces:?}"
    );
}

#[test]
fn every_split_of_the_stream_gives_the_same_pieces() {
    for answer in [PLAIN, BOLT, FAULTY] {
        let whole = parse(answer);
        for (at, _) in answer.char_indices() {
            let (a, b) = answer.split_at(at);
            assert_eq!(parse_all([a, b]), whole, "split at {at}");
        }
        let chars: Vec<String> = answer.chars().map(String::from).collect();
        assert_eq!(parse_all(chars.iter().map(String::as_str)), whole);
        for size in [2, 3, 7, 64] {
            let parts: Vec<String> = chars.chunks(size).map(|part| part.concat()).collect();
            assert_eq!(
                parse_all(parts.iter().map(String::as_str)),
                whole,
                "parts of {size}"
            );
        }
    }
}

#[test]
fn every_cut_of_the_stream_keeps_what_was_complete() {
    for answer in [PLAIN, BOLT, FAULTY] {
        let whole = changes(&parse(answer));
        for (at, _) in answer.char_indices() {
            let cut = changes(&parse(&answer[..at]));
            let complete: Vec<_> = cut.into_iter().filter(|(_, _, closed)| *closed).collect();
            assert!(whole.starts_with(&complete), "cut at {at}: {complete:?}");
        }
    }
}

#[test]
fn a_line_of_ten_megabytes_takes_linear_time() {
    let line = "x < y &lt; `".repeat(10 * 1024 * 1024 / 12);
    let answer = format!("<lab-file path=\"a.ts\">\n{line}\n</lab-file>\nok");
    let start = Instant::now();
    let mut parser = Parser::new();
    let mut pieces = Vec::new();
    for part in answer.as_bytes().chunks(5) {
        pieces.extend(parser.push(std::str::from_utf8(part).unwrap()));
    }
    pieces.extend(parser.finish());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    let changes = changes(&pieces);
    assert!(matches!(&changes[..], [(_, Err(fault), true)] if fault.contains("larger")));
    assert_eq!(joined(pieces).last(), Some(&Piece::Text("ok".into())));
}

#[test]
fn tags_that_never_end_take_linear_time() {
    for unit in [
        "<lab-file ",
        "<",
        "</lab-file ",
        " \n",
        "```\n",
        "<lab-file path=\"",
        "&lt;&am",
    ] {
        let answer = format!(
            "<lab-file path=\"a.ts\">\n{}",
            unit.repeat(4 * 1024 * 1024 / unit.len())
        );
        let start = Instant::now();
        let mut parser = Parser::new();
        for part in answer.as_bytes().chunks(3) {
            parser.push(std::str::from_utf8(part).unwrap());
        }
        parser.finish();
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{unit:?}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn an_answer_beyond_the_limit_ends_there() {
    let mut parser = Parser::new();
    let part = "word ".repeat(1024 * 1024);
    let mut last = Vec::new();
    for _ in 0..4 {
        last = parser.push(&part);
    }
    assert_eq!(last.last(), Some(&Piece::TooLong));
    assert_eq!(parser.push("more"), []);
}

#[test]
fn prose_alone_is_prose() {
    let text = "Two things:\n\n```sql\nselect 1 < 2\n```\n\n- a\n- <b>";
    assert_eq!(parse(text), [Piece::Text(text.into())]);
    assert_eq!(parse(""), []);
}
