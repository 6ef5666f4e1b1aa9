//! The modules of an app: which imports which, and what each is called.
//!
//! A module's name covers the module, all modules of its cycle, and the names of everything they
//! import. A module that did not change, and imports nothing that did, keeps its name, and a
//! browser that holds it does not fetch it again.

use crate::script::Script;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Digits of a hash in a name: 80 bits.
pub const NAME_LENGTH: usize = 20;

/// A module with its imports resolved.
pub struct Node {
    /// The compiled file.
    pub script: Rc<Script>,
    /// Placeholder and path of each import of a file of the app.
    pub links: Vec<(String, String)>,
}

/// A module as the browser gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// The file that it comes from.
    pub path: String,
    /// `<hash>.js`.
    pub name: String,
    /// With the names of its imports in it.
    pub code: String,
}

/// Names the modules that `entry` reaches, leaves first.
#[must_use]
pub fn link(entry: &str, nodes: &BTreeMap<String, Node>) -> Vec<Module> {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut modules = Vec::new();
    for mut cycle in cycles(entry, nodes) {
        cycle.sort_unstable();
        let mut hash = blake3::Hasher::new();
        let mut add = |part: &str| {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        };
        for path in &cycle {
            let Some(node) = nodes.get(*path) else {
                continue;
            };
            add(path);
            add(&node.script.code);
            // With another map, positions of errors would be those of an older source.
            add(&node.script.map);
            for (_, target) in &node.links {
                add(names.get(target.as_str()).map_or(target, |name| name));
            }
        }
        let cycle_hash = hash.finalize();
        for path in &cycle {
            let hash = blake3::keyed_hash(cycle_hash.as_bytes(), path.as_bytes()).to_hex();
            names.insert(
                path,
                format!("{}.js", hash.get(..NAME_LENGTH).unwrap_or_default()),
            );
        }
        for path in cycle {
            let Some(node) = nodes.get(path) else {
                continue;
            };
            let mut code = node.script.code.clone();
            for (placeholder, target) in &node.links {
                if let Some(name) = names.get(target.as_str()) {
                    code = code.replace(placeholder, &format!("./{name}"));
                }
            }
            modules.push(Module {
                path: path.to_owned(),
                name: names.get(path).cloned().unwrap_or_default(),
                code,
            });
        }
    }
    modules
}

/// The strongly connected components that `entry` reaches, each after those it depends on
/// (Tarjan's algorithm, with a stack of its own so that a long chain of imports is no danger).
fn cycles<'n>(entry: &'n str, nodes: &'n BTreeMap<String, Node>) -> Vec<Vec<&'n str>> {
    struct State {
        index: usize,
        low: usize,
        on_stack: bool,
    }
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let mut stack: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let mut calls: Vec<(&str, usize)> = vec![(entry, 0)];
    while let Some((path, next)) = calls.pop() {
        if next == 0 {
            let index = states.len();
            states.insert(
                path,
                State {
                    index,
                    low: index,
                    on_stack: true,
                },
            );
            stack.push(path);
        }
        let links = nodes.get(path).map_or(&[][..], |node| &node.links);
        if let Some((_, target)) = links.get(next) {
            calls.push((path, next + 1));
            match states
                .get(target.as_str())
                .map(|state| (state.index, state.on_stack))
            {
                None if nodes.contains_key(target) => calls.push((target, 0)),
                Some((index, true)) => lower(&mut states, path, index),
                _ => {}
            }
            continue;
        }
        let Some(State { index, low, .. }) = states.get(path) else {
            continue;
        };
        let (index, low) = (*index, *low);
        if let Some((caller, _)) = calls.last() {
            lower(&mut states, caller, low);
        }
        if index == low {
            let mut cycle = Vec::new();
            while let Some(member) = stack.pop() {
                if let Some(state) = states.get_mut(member) {
                    state.on_stack = false;
                }
                cycle.push(member);
                if member == path {
                    break;
                }
            }
            found.push(cycle);
        }
    }
    return found;

    fn lower(states: &mut BTreeMap<&str, State>, path: &str, low: usize) {
        if let Some(state) = states.get_mut(path) {
            state.low = state.low.min(low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a>b,c` means that a imports b and c; the code of each is its text.
    fn app(lines: &[&str]) -> BTreeMap<String, Node> {
        lines
            .iter()
            .map(|line| {
                let (path, targets) = line.split_once('>').unwrap_or((line, ""));
                let (path, content) = path.split_once('=').unwrap_or((path, ""));
                let links: Vec<_> = targets
                    .split(',')
                    .filter(|one| !one.is_empty())
                    .map(|target| (format!("@{target}@"), target.to_owned()))
                    .collect();
                let code = links
                    .iter()
                    .map(|(placeholder, _)| format!("import '{placeholder}';"))
                    .collect::<String>()
                    + content;
                (
                    path.to_owned(),
                    Node {
                        script: Rc::new(Script {
                            code,
                            ..Script::default()
                        }),
                        links,
                    },
                )
            })
            .collect()
    }

    fn names(lines: &[&str]) -> BTreeMap<String, String> {
        link("main", &app(lines))
            .into_iter()
            .map(|module| (module.path, module.name))
            .collect()
    }

    #[test]
    fn leaves_come_first_and_what_nobody_imports_is_left_out() {
        let modules = link(
            "main",
            &app(&[
                "main>app",
                "app>table,chart",
                "table>util",
                "chart>util",
                "util",
                "stray",
            ]),
        );
        let paths: Vec<_> = modules.iter().map(|module| module.path.as_str()).collect();
        assert_eq!(paths, ["util", "table", "chart", "app", "main"]);
        assert!(modules[4].code.contains(&format!("./{}", modules[3].name)));
    }

    #[test]
    fn a_change_renames_what_depends_on_it_and_nothing_else() {
        let before = names(&["main>app", "app>table,chart", "table>util", "chart", "util"]);
        let after = names(&[
            "main>app",
            "app>table,chart",
            "table=changed>util",
            "chart",
            "util",
        ]);
        let changed: Vec<_> = before
            .iter()
            .filter(|(path, name)| after[*path] != **name)
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(changed, ["app", "main", "table"]);
    }

    #[test]
    fn the_modules_of_a_cycle_change_together() {
        let before = names(&["main>a", "a>b", "b>c,leaf", "c>a", "leaf"]);
        let after = names(&["main>a", "a>b", "b>c,leaf", "c=changed>a", "leaf"]);
        for path in ["main", "a", "b", "c"] {
            assert_ne!(before[path], after[path], "{path}");
        }
        assert_eq!(before["leaf"], after["leaf"]);
        assert_eq!(before, names(&["main>a", "a>b", "b>c,leaf", "c>a", "leaf"]));
    }

    #[test]
    fn a_long_chain_is_no_danger() {
        let lines: Vec<String> = (0..5000)
            .map(|i| {
                if i == 4999 {
                    format!("m{i}")
                } else {
                    format!("m{i}>m{}", i + 1)
                }
            })
            .chain(["main>m0".to_owned()])
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(link("main", &app(&lines)).len(), 5001);
    }
}
