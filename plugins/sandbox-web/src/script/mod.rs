//! One source file: TSX or TypeScript in, JavaScript and what it needs out.

mod inspect;

use crate::fault::{Detail, error};
use crate::text::{Lines, Place};
use labd_plugin::sandbox::Diagnostic;
use oxc::allocator::Allocator;
use oxc::ast::ast::StringLiteral;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{JsxRuntime, TransformOptions, Transformer};
use std::path::Path;

/// A compiled file. It depends on nothing but the file's path and content.
#[derive(Debug, Default)]
pub struct Script {
    /// JavaScript. An import of another file of the app has a placeholder for its specifier.
    pub code: String,
    /// The source map, version 3, without the source itself.
    pub map: String,
    /// What it imports, once types and unused names are gone.
    pub imports: Vec<Import>,
    /// The names that it exports.
    pub exports: Vec<String>,
    /// Modules that it exports everything of; what they export is not in `exports`.
    pub export_all: Vec<String>,
    /// Components used as JSX that nothing declares or imports.
    pub unknown_components: Vec<(String, Place)>,
    /// Other names used as values that nothing declares or imports; browser globals are among them.
    pub unknown_names: Vec<(String, Place)>,
    /// Calls of named queries with a literal name.
    pub query_calls: Vec<QueryCall>,
    /// Words of its string literals: what may be class names.
    pub words: Vec<String>,
    /// Faults of the file alone.
    pub faults: Vec<Diagnostic>,
}

impl Script {
    /// It could not be read to its end, so that what it exports and calls is not known.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.faults.iter().any(|fault| fault.code == "syntax")
    }
}

/// An import that is left after compiling.
#[derive(Debug)]
pub struct Import {
    /// As it is written.
    pub specifier: String,
    /// Where.
    pub place: Place,
    /// What stands for the specifier in the code, when it means a file of the app.
    pub placeholder: Option<String>,
    /// The names that are taken from it, `default` among them, with their places.
    pub names: Vec<(String, Place)>,
}

/// `useQuery("name", {a, b})`.
#[derive(Debug)]
pub struct QueryCall {
    /// The query's name.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// The parameters, when they are written out as an object without spreads.
    pub params: Option<Vec<(String, Place)>>,
}

/// Bytes of a script beyond which it is refused.
const MAX_BYTES: usize = 1 << 20;

/// Compiles one file. `path` decides the language: `.tsx`, `.ts`, `.jsx`, `.js`.
#[must_use]
pub fn compile(path: &str, source: &[u8]) -> Script {
    let failed = |fault: Diagnostic| Script {
        faults: vec![fault.in_file(path)],
        ..Script::default()
    };
    let Ok(source) = std::str::from_utf8(source) else {
        return failed(error("encoding", "The file is not UTF-8 text."));
    };
    if source.len() > MAX_BYTES {
        return failed(error(
            "too-large",
            "A script may have 1 MiB. Put data into the database or into public/.",
        ));
    }
    let lines = Lines::of(source);
    let Ok(kind) = SourceType::from_path(Path::new(path)) else {
        return failed(error(
            "syntax",
            "This is no kind of file that a script can be.",
        ));
    };
    // JSX in `.js` and ES modules everywhere, as bundlers have it.
    let kind = kind
        .with_module(true)
        .with_jsx(kind.is_javascript() || kind.is_jsx());
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, kind).parse();
    let faults: Vec<Diagnostic> = parsed
        .diagnostics
        .into_iter()
        .map(|fault| syntax(path, &lines, &fault))
        .collect();
    if !faults.is_empty() {
        return Script {
            faults,
            ..Script::default()
        };
    }
    let mut program = parsed.program;
    let semantic = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .with_excess_capacity(2.0)
        .with_enum_eval(true)
        .build(&program);
    let mut faults: Vec<Diagnostic> = semantic
        .diagnostics
        .into_iter()
        .map(|fault| syntax(path, &lines, &fault))
        .collect();
    let scoping = semantic.semantic.into_scoping();
    let mut seen = inspect::Seen::default();
    inspect::uses(&program, &scoping, &lines, &mut seen);

    let mut options = TransformOptions::default();
    options.jsx.runtime = JsxRuntime::Automatic;
    let transformed = Transformer::new(&allocator, Path::new(path), &options)
        .build_with_scoping(scoping, &mut program);
    faults.extend(
        transformed
            .diagnostics
            .into_iter()
            .map(|fault| syntax(path, &lines, &fault)),
    );

    let mut links = inspect::Links::default();
    let mut next = 0;
    inspect::links(
        &mut program,
        &lines,
        &mut links,
        &mut |literal: &mut StringLiteral| {
            if !crate::paths::is_own(&literal.value)
                || crate::paths::extension(&literal.value) == "css"
            {
                return None;
            }
            let placeholder = placeholder(path, next);
            next += 1;
            literal.value = allocator.alloc_str(&placeholder).into();
            literal.raw = None;
            Some(placeholder)
        },
    );
    inspect::drop_style_imports(&mut program);

    let output = Codegen::new()
        .with_options(CodegenOptions {
            source_map_path: Some(path.into()),
            comments: CommentOptions::disabled(),
            ..CodegenOptions::default()
        })
        .build(&program);
    let map = output.map.map(|mut map| {
        map.set_source_contents(Vec::new());
        map.to_json_string()
    });
    Script {
        code: output.code,
        map: map.unwrap_or_default(),
        imports: links.imports,
        exports: links.exports,
        export_all: links.export_all,
        unknown_components: seen.unknown_components,
        unknown_names: seen.unknown_names,
        query_calls: seen.query_calls,
        words: seen.words.into_iter().collect(),
        faults,
    }
}

/// As long as the name that takes its place, so that no column in the source map moves.
fn placeholder(path: &str, number: usize) -> String {
    let hash = blake3::hash(format!("labd import {number} of {path}").as_bytes()).to_hex();
    format!(
        "./{}.js",
        hash.get(..crate::graph::NAME_LENGTH).unwrap_or_default()
    )
}

fn syntax(path: &str, lines: &Lines, fault: &OxcDiagnostic) -> Diagnostic {
    let label = fault.labels.first();
    let mut message = fault.message.to_string();
    if let Some(text) = label.and_then(|label| label.label()) {
        message = format!("{message}: {text}");
    }
    if !message.ends_with(['.', '?', '!']) {
        message.push('.');
    }
    error("syntax", message)
        .in_file(path)
        .at(lines.place(label.map_or(0, |label| label.offset() as usize)))
        .hint(fault.help.as_ref().map(ToString::to_string))
}

/// A module that a JSON file stands for.
#[must_use]
pub fn json_module(path: &str, source: &[u8]) -> Script {
    match serde_json::from_slice::<&serde_json::value::RawValue>(source) {
        // Since ES2019 every JSON text is an expression.
        Ok(value) => Script {
            code: format!("export default {value};\n"),
            exports: vec!["default".to_owned()],
            ..Script::default()
        },
        Err(fault) => Script {
            faults: vec![
                error("syntax", format!("The file is no valid JSON: {fault}."))
                    .in_file(path)
                    .at(Place {
                        line: u32::try_from(fault.line()).unwrap_or(1),
                        column: u32::try_from(fault.column()).unwrap_or(1).max(1),
                    }),
            ],
            ..Script::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tsx_becomes_javascript_with_what_it_needs() {
        let script = compile(
            "src/App.tsx",
            br#"import { useQuery } from "@labd/data";
import type { Row } from "./types";
import { Card, Unused } from "./Card";
import "./app.css";
export default function App({ year }: { year: number }) {
  const rows = useQuery<Row>("monthly_revenue", { year });
  return <Card className="p-4 text-muted">{rows.data.length}<Missing /></Card>;
}
export const x = 1;
"#,
        );
        assert!(script.faults.is_empty(), "{:?}", script.faults);
        let specifiers: Vec<_> = script
            .imports
            .iter()
            .map(|one| one.specifier.as_str())
            .collect();
        assert_eq!(
            specifiers,
            ["@labd/data", "./Card", "./app.css", "react/jsx-runtime"]
        );
        let card = &script.imports[1];
        assert_eq!(
            card.names
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["Card"]
        );
        assert!(script.code.contains(card.placeholder.as_deref().unwrap()));
        assert!(!script.code.contains("app.css"));
        assert_eq!(script.exports, ["default", "x"]);
        assert_eq!(
            script.unknown_components,
            [(
                "Missing".to_owned(),
                Place {
                    line: 7,
                    column: 62
                }
            )]
        );
        assert_eq!(script.query_calls[0].name, "monthly_revenue");
        assert_eq!(script.query_calls[0].params.as_ref().unwrap()[0].0, "year");
        assert!(script.words.contains(&"text-muted".to_owned()));
        assert!(script.map.contains("\"src/App.tsx\""));
    }

    #[test]
    fn a_syntax_fault_has_its_place_in_utf16() {
        let script = compile("src/a.ts", "const 😀ok = 1;\n".as_bytes());
        assert_eq!(script.faults[0].line, Some(1));
        let script = compile("src/a.tsx", "const a = \"😀\"; const = 2;\n".as_bytes());
        assert_eq!(
            (
                script.faults[0].code.as_str(),
                script.faults[0].line,
                script.faults[0].column
            ),
            ("syntax", Some(1), Some(23))
        );
    }

    #[test]
    fn a_dynamic_import_and_a_re_export_are_links() {
        let script = compile("src/a.ts", b"export { a as b } from './x'; export * from \"./y\"; export const load = () => import('./z');");
        let specifiers: Vec<_> = script
            .imports
            .iter()
            .map(|one| one.specifier.as_str())
            .collect();
        assert_eq!(specifiers, ["./x", "./y", "./z"]);
        assert_eq!(script.exports, ["b", "load"]);
        assert_eq!(script.export_all, ["./y"]);
        assert!(
            script
                .imports
                .iter()
                .all(|one| script.code.contains(one.placeholder.as_deref().unwrap()))
        );
    }
}
