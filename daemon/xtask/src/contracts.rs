//! Published contracts never change.
//!
//! `wit/published.toml` lists every package of `wit/` by its version, with a SHA-256 for each of its
//! interfaces and worlds. The hash covers what an item means and not how it is written: comments,
//! white space and commas before a closing bracket do not count.
//!
//! | found | what [`check`] says |
//! | --- | --- |
//! | a published item is missing, different or new | the change belongs into another version |
//! | a published version has no folder | it must come back |
//! | a version is not listed | how to publish it |
//! | a version adds an item that an earlier one of the same contract has | a name of its own is needed |

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::{
    stamp,
    step::{self, Context, Failure, Result},
    workspace::Workspace,
};

/// Above the first entry of the list.
const HEAD: &str = "\
# Published contracts, by package and version: a SHA-256 of each interface and world, without comments
# and formatting. Entries are added by `cargo xtask publish-contracts` and never changed; `cargo xtask
# lint` compares them. README.md says what a change needs instead.
";

/// Names of items with their hashes.
type Items = BTreeMap<String, String>;

/// `labd:host@0.1.0` → its items.
type Packages = BTreeMap<String, Items>;

/// Compares `wit/` with its list.
pub fn check(workspace: &Workspace) -> Result<()> {
    step::step("published contracts", || {
        let (present, published) = (read(workspace)?, list(workspace)?);
        let faults = faults(&present, &published);
        if !faults.is_empty() {
            return Err(Failure::new(faults.join("\n")));
        }
        Ok(((), format!("{} packages as published", present.len())))
    })
}

/// Lists the packages that are not listed yet.
pub fn publish(workspace: &Workspace) -> Result<()> {
    step::step("publish contracts", || {
        let (present, mut published) = (read(workspace)?, list(workspace)?);
        let path = workspace.path("wit/published.toml");
        let mut text = match path.exists() {
            true => fs::read_to_string(&path).context(|| "reading published.toml".into())?,
            false => HEAD.to_owned(),
        };
        let new: Vec<_> = present
            .iter()
            .filter(|(package, _)| !published.contains_key(*package))
            .collect();
        for (package, items) in &new {
            let _ = write!(text, "\n[\"{package}\"]\n");
            for (item, hash) in *items {
                let _ = writeln!(text, "{item} = \"{hash}\"");
            }
            published.insert((*package).clone(), (*items).clone());
        }
        let faults = faults(&present, &published);
        if !faults.is_empty() {
            return Err(Failure::new(faults.join("\n")));
        }
        if !new.is_empty() {
            fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
        }
        Ok(((), format!("{} new", new.len())))
    })
}

fn faults(present: &Packages, published: &Packages) -> Vec<String> {
    let mut faults = Vec::new();
    for (package, items) in published {
        let Some(now) = present.get(package) else {
            faults.push(format!(
                "{package} is published and has no folder in wit/ any more: plugins that were built \
                 against it would not be understood. Bring it back."
            ));
            continue;
        };
        for name in items
            .keys()
            .chain(now.keys().filter(|name| !items.contains_key(*name)))
        {
            let what = match (items.get(name), now.get(name)) {
                (Some(then), Some(now)) if then == now => continue,
                (Some(_), Some(_)) => "means something else than when it was published",
                (Some(_), None) => "is missing, and was published",
                (None, _) => "was added after the package was published",
            };
            faults.push(format!(
                "{package}: `{name}` {what}. A published version never changes: undo it here, and \
                 put what is new into another version (wit/README.md)."
            ));
        }
    }
    for (package, items) in present {
        if !published.contains_key(package) {
            faults.push(format!(
                "{package} is not in wit/published.toml. When it is complete: cargo xtask \
                 publish-contracts"
            ));
        }
        for (other, theirs) in present.range(..package.clone()) {
            if contract(other) != contract(package) {
                continue;
            }
            for name in items.keys().filter(|name| theirs.contains_key(*name)) {
                faults.push(format!(
                    "{package}: `{name}` is in {other} already, and hosts take the two for one. \
                     Give it another name."
                ));
            }
        }
    }
    faults
}

/// What all compatible versions of a package share: `labd:host@0.1`.
fn contract(package: &str) -> &str {
    package.rsplit_once('.').map_or(package, |(rest, _)| rest)
}

/// Every folder of `wit/` is a package.
fn read(workspace: &Workspace) -> Result<Packages> {
    let mut packages = Packages::new();
    for folder in entries(&workspace.path("wit"))? {
        if !folder.is_dir() {
            continue;
        }
        let mut source = String::new();
        for file in entries(&folder)? {
            if file.extension().is_some_and(|end| end == "wit") {
                let text = fs::read_to_string(&file);
                source.push_str(&text.context(|| format!("reading {}", file.display()))?);
                source.push('\n');
            }
        }
        let (name, items) = package(&source)
            .map_err(|fault| Failure::new(format!("{}: {fault}", folder.display())))?;
        if packages.insert(name.clone(), items).is_some() {
            return Err(Failure::new(format!("wit/ has two folders with {name}")));
        }
    }
    Ok(packages)
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let list = || format!("listing {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).context(list)? {
        paths.push(entry.context(list)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Reads the list; a missing one is empty.
fn list(workspace: &Workspace) -> Result<Packages> {
    let path = workspace.path("wit/published.toml");
    if !path.exists() {
        return Ok(Packages::new());
    }
    let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    let mut packages = Packages::new();
    let mut last = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let quoted =
            |text: &str| Some(text.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let section = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let entry = line.split_once('=');
        match (section.and_then(quoted), entry, &last) {
            (Some(package), _, _) => {
                packages.entry(package.clone()).or_default();
                last = Some(package);
            }
            (None, Some((name, hash)), Some(package)) if quoted(hash).is_some() => {
                let items: &mut Items = packages.entry(package.clone()).or_default();
                items.insert(name.trim().to_owned(), quoted(hash).unwrap_or_default());
            }
            _ => {
                return Err(Failure::new(format!(
                    "{}, line {}: neither a package nor an item's hash",
                    path.display(),
                    number + 1
                )));
            }
        }
    }
    Ok(packages)
}

/// The name and the items of a package, from the text of all its files.
fn package(source: &str) -> std::result::Result<(String, Items), String> {
    let mut name = None;
    let mut items = Items::new();
    let mut item = Vec::new();
    let mut depth = 0_usize;
    for token in tokens(source)? {
        depth += usize::from(token == "{");
        if token == "}" {
            depth = depth.checked_sub(1).ok_or("a } without its {")?;
        }
        let ends = depth == 0 && (token == "}" || token == ";");
        item.push(token);
        if !ends {
            continue;
        }
        let text = item.join(" ");
        let at = item
            .iter()
            .position(|word| matches!(*word, "package" | "interface" | "world"));
        match at.and_then(|at| Some((*item.get(at)?, item.get(at + 1..)?))) {
            Some(("package", rest)) if !text.contains('{') => {
                let written = rest
                    .split_last()
                    .map_or(String::new(), |(_, words)| words.concat());
                if name.replace(written).is_some() {
                    return Err("two of its files begin with `package`; one is enough".into());
                }
            }
            Some(("interface" | "world", [word, ..])) => {
                let hash = stamp::sha256(text.as_bytes());
                if items.insert((*word).to_owned(), hash).is_some() {
                    return Err(format!("`{word}` is there twice"));
                }
            }
            _ => return Err(format!("what is this? {text}")),
        }
        item.clear();
    }
    match name {
        Some(name) if name.contains('@') && item.is_empty() => Ok((name, items)),
        Some(name) if item.is_empty() => Err(format!("{name} has no version")),
        _ => Err("no `package` in any of its files, or an item that does not end".into()),
    }
}

/// Words and signs, without comments and without commas before a closing bracket.
fn tokens(source: &str) -> std::result::Result<Vec<&str>, String> {
    let mut tokens: Vec<&str> = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '%');
        let length = if first.is_whitespace() {
            rest = rest.trim_start();
            continue;
        } else if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        } else if rest.starts_with("/*") {
            rest = after_comment(rest).ok_or("a /* without its */")?;
            continue;
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        if matches!(token, "}" | ")" | ">") && tokens.last() == Some(&",") {
            tokens.pop();
        }
        tokens.push(token);
        rest = behind;
    }
    Ok(tokens)
}

/// What follows a block comment, which may hold others; none when it does not end.
fn after_comment(text: &str) -> Option<&str> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let (opens, closes) = (rest.find("/*"), rest.find("*/")?);
        match opens {
            Some(opens) if opens < closes => {
                depth += 1;
                rest = rest.get(opens + 2..)?;
            }
            _ => {
                depth = depth.checked_sub(1)?;
                rest = rest.get(closes + 2..)?;
            }
        }
        if depth == 0 {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: &str = "
        /// What it is.
        package labd:host@0.1.0;

        /// Outgoing requests.
        interface http {
          use labd:common/errors@0.1.0.{error};
          record request { method: string, url: string }
          send: func(request: request) -> result<u16, error>;
        }
        world all { import http; }
    ";

    fn packages(sources: &[&str]) -> Packages {
        sources
            .iter()
            .map(|source| package(source).unwrap())
            .collect()
    }

    fn against_http(now: &str) -> Vec<String> {
        faults(&packages(&[now]), &packages(&[HTTP]))
    }

    #[test]
    fn comments_and_formatting_do_not_count() {
        let reworded = HTTP
            .replace("/// Outgoing requests.", "/* To /* the */ outside. */")
            .replace("url: string }", "// where to\n    url:string,\n  }")
            .replace("/// What it is.", "");
        assert_ne!(reworded, HTTP);
        assert_eq!(against_http(&reworded), Vec::<String>::new());
        assert_eq!(package(HTTP).unwrap().0, "labd:host@0.1.0");
    }

    #[test]
    fn a_change_of_meaning_names_what_changed() {
        for (from, to) in [
            ("url: string }", "url: string, body: list<u8> }"),
            ("method: string, url: string", "url: string, method: string"),
            ("record request", "record Request"),
            ("send: func", "@since(version = 0.1.0) send: func"),
            ("result<u16, error>", "result<u32, error>"),
        ] {
            let changed = HTTP.replace(from, to);
            assert_ne!(changed, HTTP, "{to}");
            let faults = against_http(&changed);
            assert_eq!(faults.len(), 1, "{to}: {faults:?}");
            assert!(
                faults[0].starts_with("labd:host@0.1.0: `http` means"),
                "{faults:?}"
            );
        }
        let faults = against_http(&HTTP.replace("import http;", "import http; export http;"));
        assert!(faults[0].contains("`all` means"), "{faults:?}");
    }

    #[test]
    fn what_is_published_stays_and_what_is_new_is_published_first() {
        let faults_of = |text: &str| against_http(text).join("\n");
        assert!(faults_of(&HTTP.replace("interface http", "interface web")).contains("is missing"));
        let more = format!("{HTTP} interface more {{}}");
        assert!(faults_of(&more).contains("`more` was added"));
        let other = "package labd:host@0.1.1; interface more {}";
        assert!(faults_of(other).contains("no folder in wit/"));
        let both = packages(&[HTTP, other]);
        let told = faults(&both, &packages(&[HTTP]));
        assert!(
            told[0].contains("publish-contracts") && told.len() == 1,
            "{told:?}"
        );
        assert_eq!(faults(&both, &both), Vec::<String>::new());
    }

    #[test]
    fn a_patch_release_repeats_no_name_and_a_new_contract_may() {
        let patch = HTTP.replace("0.1.0;", "0.1.1;");
        let both = packages(&[HTTP, &patch]);
        let told = faults(&both, &both);
        assert!(
            told[0].contains("is in labd:host@0.1.0 already"),
            "{told:?}"
        );
        let next = packages(&[HTTP, &HTTP.replace("0.1.0;", "0.2.0;")]);
        assert_eq!(faults(&next, &next), Vec::<String>::new());
    }

    #[test]
    fn a_package_that_cannot_be_read_is_a_fault() {
        for source in [
            "interface http {}",
            "package labd:host; interface http {}",
            "package labd:host@0.1.0; interface http {",
            "package labd:host@0.1.0; interface http {} interface http {}",
            "package labd:host@0.1.0; interface http {} }",
            "package labd:host@0.1.0; /* never ends",
        ] {
            assert!(package(source).is_err(), "{source}");
        }
    }
}
