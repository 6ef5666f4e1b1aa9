//! Every fault of a manifest, each at its key.
//!
//! The rules are the host's own: a key is tried in a manifest that is otherwise good, with
//! [`Manifest::parse`]. So a fault of one key hides no other, and nothing is said here that the
//! host would not say.

use super::{Finding, Report};
use labd_plugin_host::{
    Kind, Manifest, ManifestError,
    manifest::{CredentialHost, HttpTarget},
};
use std::ops::Range;
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

const FILE: &str = "plugin.toml";

/// The manifest, when it is good enough to go on with; what is wrong with it goes to the report.
pub(super) fn check(text: &str, report: &mut Report) -> Option<Manifest> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        report.faults.extend(errors.iter().map(|error| Finding {
            line: error.span().map(|span| line(text, span)),
            ..Finding::of(FILE, error.message())
        }));
        return None;
    }
    let table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            report.faults.push(Finding::of(FILE, error.message()));
            return None;
        }
    };
    let before = report.faults.len();
    let search = Search {
        text,
        base: base(&table),
    };
    search.missing(&table, &mut report.faults);
    for (key, value) in document.get_ref() {
        let name = key.get_ref().to_string();
        let rebuild = |value: Value| {
            let mut manifest = search.base.clone();
            manifest.insert(name.clone(), value);
            manifest
        };
        let place = Place {
            path: name.clone(),
            span: key.span(),
        };
        search.visit(&place, value, &rebuild, &mut report.faults);
    }
    match Manifest::parse(text) {
        Ok(manifest) => {
            advise(&manifest, &document, text, report);
            Some(manifest)
        }
        Err(error) => {
            // Keys that are good alone may contradict each other.
            if report.faults.len() == before {
                report.faults.push(Finding::of(FILE, message(&error)));
            }
            None
        }
    }
}

/// A manifest without faults, of the kind that the one in question has.
fn base(table: &Table) -> Table {
    let mut base = Table::new();
    base.insert("schema".into(), Value::Integer(1));
    for (key, value) in [
        ("id", "acme.plugin"),
        ("version", "1.0.0"),
        ("kind", "ai-provider"),
        ("host", ">=0.1"),
        ("wasm", "plugin.wasm"),
    ] {
        base.insert(key.into(), value.into());
    }
    if let Some(kind) = table.get("kind") {
        let mut of_kind = base.clone();
        of_kind.insert("kind".into(), kind.clone());
        let connector = template("connector");
        for with in [None, Some(connector)] {
            let mut tried = of_kind.clone();
            tried.extend(with.map(|with| ("connector".to_owned(), Value::Table(with))));
            if parse(&tried).is_ok() {
                return tried;
            }
        }
    }
    base
}

/// The least that a table in a manifest must hold.
fn template(path: &str) -> Table {
    let text = match path {
        "connector" => "schemes = [\"acme\"]",
        "credentials" => "name = \"key\"\nhosts = [\"acme.example\"]\nheader = \"x-key\"",
        "assets" => {
            "path = \"a.js\"\nmedia-type = \"text/javascript\"\n\
             sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""
        }
        _ => "",
    };
    toml::from_str(text).unwrap_or_default()
}

fn parse(manifest: &Table) -> Result<(), String> {
    let text = toml::to_string(manifest).map_err(|error| error.to_string())?;
    Manifest::parse(&text)
        .map(|_| ())
        .map_err(|error| message(&error))
}

fn message(error: &ManifestError) -> String {
    match error {
        ManifestError::Syntax(error) => error.message().trim_end().replace('\n', ", "),
        ManifestError::Invalid(message) => message.clone(),
        ManifestError::Contract { .. } => error.to_string(),
    }
}

/// From 1.
fn line(text: &str, span: Range<usize>) -> usize {
    let before = text.get(..span.start).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// A key and where it stands.
struct Place {
    path: String,
    span: Range<usize>,
}

struct Search<'a> {
    text: &'a str,
    base: Table,
}

impl Search<'_> {
    /// Keys that every manifest of this kind has.
    fn missing(&self, table: &Table, faults: &mut Vec<Finding>) {
        for key in self.base.keys().filter(|key| !table.contains_key(*key)) {
            let mut without = self.base.clone();
            without.remove(key);
            if let Err(reason) = parse(&without) {
                faults.push(Finding::of(FILE, reason).at(key, None));
            }
        }
    }

    /// Looks for the innermost keys at fault below a value that is at fault.
    fn visit(
        &self,
        place: &Place,
        value: &Spanned<DeValue<'_>>,
        rebuild: &dyn Fn(Value) -> Table,
        faults: &mut Vec<Finding>,
    ) {
        let Some(whole) = plain(value.get_ref()) else {
            return;
        };
        let Err(reason) = parse(&rebuild(whole)) else {
            return;
        };
        let before = faults.len();
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, inner) in table {
                    let name = key.get_ref().to_string();
                    let with = |value: Value| {
                        let mut table = template(&place.path);
                        table.insert(name.clone(), value);
                        rebuild(Value::Table(table))
                    };
                    let place = Place {
                        path: format!("{}.{name}", place.path),
                        span: key.span(),
                    };
                    self.visit(&place, inner, &with, faults);
                }
            }
            DeValue::Array(items) => {
                for item in items.iter() {
                    let place = Place {
                        path: place.path.clone(),
                        span: item.span(),
                    };
                    let alone = |value: Value| rebuild(Value::Array(vec![value]));
                    self.visit(&place, item, &alone, faults);
                }
            }
            _ => {}
        }
        if faults.len() == before {
            let line = line(self.text, place.span.clone());
            faults.push(Finding::of(FILE, reason).at(&*place.path, Some(line)));
        }
    }
}

fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()?,
        ),
        DeValue::Float(number) => Value::Float(number.as_str().replace('_', "").parse().ok()?),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .filter_map(|item| plain(item.get_ref()))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .filter_map(|(key, value)| {
                    Some((key.get_ref().to_string(), plain(value.get_ref())?))
                })
                .collect(),
        ),
    })
}

/// What the host accepts and an author should know all the same.
fn advise(manifest: &Manifest, document: &Spanned<DeTable<'_>>, text: &str, report: &mut Report) {
    let at = |key: &str| {
        let found = document.get_ref().iter();
        let found = found
            .map(|(name, _)| name)
            .find(|name| name.get_ref() == key);
        found.map(|name| line(text, name.span()))
    };
    let mut advise = |key: &str, message: String, help: &str| {
        let finding = Finding::of(FILE, message).at(key, at(key)).help(help);
        report.advice.push(finding);
    };
    if manifest.license.is_none() {
        advise(
            "license",
            "no license is named, so nobody knows whether they may use it".into(),
            "name it by its SPDX expression: license = \"Apache-2.0\"",
        );
    }
    if manifest.description.is_empty() {
        advise(
            "description",
            "there is no description".into(),
            "say in one sentence what it is; the console shows it",
        );
    }
    let asked = |key: &str| {
        let schema = manifest.config.get("properties");
        // A connector's address is that of its data source.
        let of_source = manifest.kind == Kind::Connector && key == "base-url";
        of_source || schema.is_some_and(|properties| properties.get(key).is_some())
    };
    let targets = &manifest.permissions.http;
    let from_config = targets.iter().filter_map(|target| match target {
        HttpTarget::FromConfig(key) => Some(key),
        HttpTarget::Origin(_) => None,
    });
    for key in from_config.filter(|key| !asked(key)) {
        advise(
            "permissions",
            format!("`from-config:{key}` names a setting that [config] does not describe"),
            "describe it under [config.properties], so that the console's form has a field for it",
        );
    }
    for target in targets {
        if let HttpTarget::Origin(origin) = target
            && origin.starts_with("http://")
            && !["http://localhost", "http://127.", "http://[::1]"]
                .iter()
                .any(|local| origin.starts_with(local))
        {
            advise(
                "permissions",
                format!("{origin} is reached without encryption"),
                "use https",
            );
        }
    }
    for credential in &manifest.credentials {
        let reachable = credential.hosts.iter().any(|host| match host {
            CredentialHost::FromConfig(key) => {
                targets.contains(&HttpTarget::FromConfig(key.clone()))
            }
            CredentialHost::Exact(host) => {
                targets.contains(&HttpTarget::Origin(format!("https://{host}")))
            }
        });
        if !reachable {
            advise(
                "credentials",
                format!(
                    "`{}` is never sent: [permissions] allows no request to its hosts",
                    credential.name
                ),
                "name the same hosts under http in [permissions]",
            );
        }
    }
}
