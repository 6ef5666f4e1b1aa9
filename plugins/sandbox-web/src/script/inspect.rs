//! What a file uses, read from its syntax tree: before compiling (names as they were written) and
//! after it (the imports that are left).

use super::{Import, QueryCall};
use crate::text::{Lines, Place};
use oxc::ast::ast::{
    Argument, BindingPattern, CallExpression, Declaration, Expression, IdentifierReference,
    ImportDeclarationSpecifier, ImportExpression, JSXElementName, ObjectExpression,
    ObjectPropertyKind, Program, PropertyKey, Statement, StringLiteral, TemplateElement,
};
use oxc::ast_visit::{Visit, VisitMut, walk, walk_mut};
use oxc::semantic::Scoping;
use std::collections::BTreeSet;

/// What was seen before compiling.
#[derive(Default)]
pub struct Seen {
    /// JSX components without a declaration.
    pub unknown_components: Vec<(String, Place)>,
    /// Other values without a declaration.
    pub unknown_names: Vec<(String, Place)>,
    /// Calls of named queries.
    pub query_calls: Vec<QueryCall>,
    /// Possible class names.
    pub words: BTreeSet<String>,
}

/// Reads the tree as it was written.
pub fn uses(program: &Program, scoping: &Scoping, lines: &Lines, seen: &mut Seen) {
    Uses {
        scoping,
        lines,
        seen,
    }
    .visit_program(program);
}

struct Uses<'s, 'l> {
    scoping: &'s Scoping,
    lines: &'s Lines<'l>,
    seen: &'s mut Seen,
}

impl Uses<'_, '_> {
    fn words(&mut self, text: &str) {
        for word in text.split_whitespace() {
            // Longer or stranger words are no class names; the compiler need not look at them.
            let plausible = word.len() <= 120
                && word.is_ascii()
                && word.starts_with(|c: char| c.is_ascii_lowercase() || "@[-!*".contains(c));
            if plausible && !self.seen.words.contains(word) {
                self.seen.words.insert(word.to_owned());
            }
        }
    }

    fn is_unknown(&self, identifier: &IdentifierReference) -> bool {
        identifier.reference_id.get().is_some_and(|id| {
            let reference = self.scoping.get_reference(id);
            reference.symbol_id().is_none() && reference.is_value()
        })
    }

    fn place(&self, offset: u32) -> Place {
        self.lines.place(offset as usize)
    }

    fn params(&self, object: &ObjectExpression) -> Option<Vec<(String, Place)>> {
        object
            .properties
            .iter()
            .map(|property| match property {
                ObjectPropertyKind::ObjectProperty(property) if !property.computed => {
                    match &property.key {
                        PropertyKey::StaticIdentifier(name) => {
                            Some((name.name.to_string(), self.place(name.span.start)))
                        }
                        PropertyKey::StringLiteral(name) => {
                            Some((name.value.to_string(), self.place(name.span.start)))
                        }
                        _ => None,
                    }
                }
                _ => None,
            })
            .collect()
    }
}

/// Whether a callee runs a named query: `useQuery`, `ctx.query`, …
fn runs_query(callee: &Expression) -> bool {
    match callee {
        Expression::Identifier(name) => matches!(
            name.name.as_str(),
            "useQuery" | "useMutation" | "query" | "mutate"
        ),
        Expression::StaticMemberExpression(member) => {
            matches!(&member.object, Expression::Identifier(object) if matches!(object.name.as_str(), "ctx" | "context"))
                && matches!(member.property.name.as_str(), "query" | "mutate")
        }
        _ => false,
    }
}

impl<'a> Visit<'a> for Uses<'_, '_> {
    fn visit_string_literal(&mut self, literal: &StringLiteral<'a>) {
        self.words(&literal.value);
    }

    fn visit_template_element(&mut self, element: &TemplateElement<'a>) {
        self.words(&element.value.raw);
    }

    fn visit_property_key(&mut self, key: &PropertyKey<'a>) {
        if let PropertyKey::StaticIdentifier(name) = key {
            self.words(&name.name);
        }
        walk::walk_property_key(self, key);
    }

    fn visit_jsx_element_name(&mut self, name: &JSXElementName<'a>) {
        match name {
            JSXElementName::IdentifierReference(identifier) if self.is_unknown(identifier) => {
                let place = self.place(identifier.span.start);
                self.seen
                    .unknown_components
                    .push((identifier.name.to_string(), place));
            }
            _ => walk::walk_jsx_element_name(self, name),
        }
    }

    fn visit_identifier_reference(&mut self, identifier: &IdentifierReference<'a>) {
        if self.is_unknown(identifier) {
            let place = self.place(identifier.span.start);
            self.seen
                .unknown_names
                .push((identifier.name.to_string(), place));
        }
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        if let (true, Some(Argument::StringLiteral(name))) =
            (runs_query(&call.callee), call.arguments.first())
        {
            let params = match call.arguments.get(1) {
                None => Some(Vec::new()),
                Some(Argument::ObjectExpression(object)) => self.params(object),
                Some(_) => None,
            };
            // `useMutation("name")` gets its parameters later, from `run`.
            let later = matches!(&call.callee, Expression::Identifier(callee) if callee.name == "useMutation");
            let place = self.place(name.span.start);
            self.seen.query_calls.push(QueryCall {
                name: name.value.to_string(),
                place,
                params: params.filter(|_| !later),
            });
        }
        walk::walk_call_expression(self, call);
    }
}

/// What is left after compiling.
#[derive(Default)]
pub struct Links {
    /// In the order of the code.
    pub imports: Vec<Import>,
    /// Names.
    pub exports: Vec<String>,
    /// Specifiers of `export *`.
    pub export_all: Vec<String>,
}

/// Reads the imports and exports; `rewrite` may put something else in a specifier's place.
pub fn links<'a>(
    program: &mut Program<'a>,
    lines: &Lines,
    links: &mut Links,
    rewrite: &mut dyn FnMut(&mut StringLiteral<'a>) -> Option<String>,
) {
    let mut take = |literal: &mut StringLiteral<'a>, names: Vec<(String, Place)>| {
        let specifier = literal.value.to_string();
        let place = lines.place(literal.span.start as usize);
        Import {
            specifier,
            place,
            placeholder: rewrite(literal),
            names,
        }
    };
    for statement in &mut program.body {
        match statement {
            Statement::ImportDeclaration(import) => {
                let names =
                    import
                        .specifiers
                        .iter()
                        .flatten()
                        .filter_map(|specifier| match specifier {
                            ImportDeclarationSpecifier::ImportSpecifier(one) => Some((
                                one.imported.name().to_string(),
                                lines.place(one.span.start as usize),
                            )),
                            ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                                Some(("default".to_owned(), lines.place(one.span.start as usize)))
                            }
                            ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => None,
                        });
                let names = names.collect();
                links.imports.push(take(&mut import.source, names));
            }
            Statement::ExportAllDeclaration(export) => {
                match &export.exported {
                    Some(name) => links.exports.push(name.name().to_string()),
                    None => links.export_all.push(export.source.value.to_string()),
                }
                links.imports.push(take(&mut export.source, Vec::new()));
            }
            Statement::ExportFromDeclaration(export) => {
                let names = export
                    .specifiers
                    .iter()
                    .map(|one| {
                        (
                            one.local.name().to_string(),
                            lines.place(one.span.start as usize),
                        )
                    })
                    .collect();
                links.exports.extend(
                    export
                        .specifiers
                        .iter()
                        .map(|one| one.exported.name().to_string()),
                );
                links.imports.push(take(&mut export.source, names));
            }
            Statement::ExportNamedDeclaration(export) => {
                links.exports.extend(
                    export
                        .specifiers
                        .iter()
                        .map(|one| one.exported.name().to_string()),
                );
            }
            Statement::ExportDeclaration(export) => {
                declared(&export.declaration, &mut links.exports)
            }
            Statement::ExportDefaultDeclaration(_) => links.exports.push("default".to_owned()),
            _ => {}
        }
    }
    Dynamic {
        found: &mut links.imports,
        take: &mut take,
    }
    .visit_program(program);
}

fn declared(declaration: &Declaration, names: &mut Vec<String>) {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            for variable in &variables.declarations {
                bound(&variable.id, names);
            }
        }
        Declaration::FunctionDeclaration(function) => {
            names.extend(function.id.iter().map(|id| id.name.to_string()))
        }
        Declaration::ClassDeclaration(class) => {
            names.extend(class.id.iter().map(|id| id.name.to_string()))
        }
        _ => {}
    }
}

fn bound(pattern: &BindingPattern, names: &mut Vec<String>) {
    match pattern {
        BindingPattern::BindingIdentifier(name) => names.push(name.name.to_string()),
        BindingPattern::ObjectPattern(object) => object
            .properties
            .iter()
            .for_each(|property| bound(&property.value, names)),
        BindingPattern::ArrayPattern(array) => array
            .elements
            .iter()
            .flatten()
            .for_each(|element| bound(element, names)),
        BindingPattern::AssignmentPattern(assignment) => bound(&assignment.left, names),
    }
}

struct Dynamic<'v, F> {
    found: &'v mut Vec<Import>,
    take: &'v mut F,
}

impl<'a, F: FnMut(&mut StringLiteral<'a>, Vec<(String, Place)>) -> Import> VisitMut<'a>
    for Dynamic<'_, F>
{
    fn visit_import_expression(&mut self, import: &mut ImportExpression<'a>) {
        if let Expression::StringLiteral(literal) = &mut import.source {
            self.found.push((self.take)(literal, Vec::new()));
        }
        walk_mut::walk_import_expression(self, import);
    }
}

/// Removes `import "./x.css"`: style sheets are compiled into one, which the page loads itself.
pub fn drop_style_imports(program: &mut Program) {
    program.body.retain(|statement| match statement {
        Statement::ImportDeclaration(import) => {
            !(crate::paths::extension(&import.source.value) == "css"
                && import
                    .specifiers
                    .as_ref()
                    .is_none_or(|names| names.is_empty()))
        }
        _ => true,
    });
}
