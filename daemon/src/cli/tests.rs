//! Who follows a message or a document gets somewhere: each command and option that is named
//! anywhere exists.

use super::Cli;
use clap::{Command, CommandFactory as _};
use std::{fs, path::Path};

/// What may stand before a command in running text or in a script; elsewhere `labd` is a name.
const BEFORE: [&str; 6] = ["`", "\\`", ": ", "$(", "/bin/", "$ </span>"];

/// Files that people read, or whose messages they read.
const KINDS: [&str; 10] = [
    "rs", "ts", "tsx", "mjs", "js", "md", "toml", "service", "wit", "html",
];

/// Folders of what others made, and of what is built.
const SKIPPED: [&str; 6] = [
    "node_modules",
    "target",
    "dist",
    ".git",
    "build",
    "embedded",
];

fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let kind = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || SKIPPED.contains(&name.as_str()) {
            continue;
        } else if path.is_dir() {
            texts(&path, found);
        } else if KINDS.contains(&kind.as_ref()) {
            found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

/// What follows `labd ` wherever that is a command, with the line's number.
fn named(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut script = false;
    for (number, line) in (1..).zip(text.lines()) {
        let mut comment = "";
        let mut body = line.trim_start();
        for mark in ["//!", "///", "//"] {
            if let Some(rest) = body.strip_prefix(mark) {
                (comment, body) = (mark, rest);
                break;
            }
        }
        if body.trim_start().starts_with("```") {
            script = body.trim() == "```sh";
            continue;
        }
        let indented = !comment.is_empty() && body.starts_with("    ");
        if let Some(words) = body.trim_start().strip_prefix("labd ")
            && (script || indented)
        {
            found.push((number, words));
        }
        for (at, mark) in line.match_indices("labd ") {
            let (before, words) = (line.get(..at), line.get(at + mark.len()..));
            if BEFORE
                .iter()
                .any(|mark| before.is_some_and(|before| before.ends_with(mark)))
            {
                found.push((number, words.unwrap_or_default()));
            }
        }
    }
    found
}

/// Follows words through the tree of commands; what is wrong with them.
fn follow(root: &Command, words: &str) -> Result<(), String> {
    // `labd … | head` stands for any of them, and a value that is put in is no command.
    if words.starts_with(['…', '$', '{']) {
        return Ok(());
    }
    let snippet = words
        .split(['`', '"', '<', '#', '|', '&', ')', '\\'])
        .next();
    let mut words = snippet.unwrap_or_default().split_whitespace();
    let mut command = root;
    let mut asks_for_help = false;
    while let Some(word) = words.next() {
        let word = word.trim_end_matches(['.', ',', ';', ':', '\'']);
        if let Some(option) = word.strip_prefix("--") {
            let option = option.split('=').next().unwrap_or_default();
            asks_for_help |= ["help", "version"].contains(&option);
            let known = [command, root].into_iter().flat_map(Command::get_arguments);
            let argument = known
                .into_iter()
                .find(|argument| argument.get_long() == Some(option));
            match argument {
                Some(argument) if argument.get_action().takes_values() => {
                    words.next();
                }
                Some(_) => {}
                None => return Err(format!("there is no --{option}")),
            }
        } else if command.has_subcommands() {
            // `labd plugin list|inspect` names several.
            let mut last = command;
            for word in word.split('|') {
                last = match command.find_subcommand(word) {
                    Some(found) => found,
                    // `labd deploy Sales`: it also takes a value in that place.
                    None if command.get_positionals().next().is_some() => return Ok(()),
                    None => return Err(format!("there is no command {word}")),
                };
            }
            command = last;
        }
    }
    if !asks_for_help && command.get_name() == root.get_name() {
        return Err("no command follows".to_owned());
    }
    Ok(())
}

#[test]
fn every_command_and_option_that_is_named_anywhere_exists() {
    let mut root = Cli::command();
    root.build();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    texts(&repository, &mut files);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (path, text) in &files {
        // This file's own examples of what does not exist.
        if path.ends_with("cli/tests.rs") {
            continue;
        }
        for (number, words) in named(text) {
            seen += 1;
            if let Err(reason) = follow(&root, words) {
                wrong.push(format!("{path}:{number}: labd {words}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 40, "only {seen} commands were found");
}

#[test]
fn a_command_that_does_not_exist_is_found_wherever_it_is_named() {
    let mut root = Cli::command();
    root.build();
    let wrong = |line: &str| {
        let found = named(line);
        assert_eq!(found.len(), 1, "{line}");
        follow(&root, found[0].1).is_err()
    };
    for line in [
        "See `labd fly`.",
        "\"to allow it: labd plugin allow {id}\"",
        "TOKEN=$(labd token mint x)",
        "```sh\nlabd source add x --password y\n```",
        "//     labd start &",
        "ExecStart=/usr/local/bin/labd --data /x serve",
        "Run \\`labd open --now\\`.",
    ] {
        assert!(wrong(line), "{line}");
    }
    for line in [
        "`labd plugin list|inspect`",
        "ExecStart=/usr/local/bin/labd --data-dir /x serve",
        "//! ```sh\n//! labd source add \"Our shop\"   # asks\n//! ```",
    ] {
        assert!(!wrong(line), "{line}");
    }
    assert!(named("labd is a daemon; labd never writes.\n```text\nlabd is ready\n```").is_empty());
}

#[test]
fn no_option_takes_a_secret() {
    fn look(command: &Command) {
        for argument in command.get_arguments() {
            let secret = ["url", "password", "key", "api-key", "token", "secret"];
            let named = argument
                .get_long()
                .is_some_and(|name| secret.contains(&name));
            assert!(
                !(named && argument.get_action().takes_values()),
                "{} {argument}: other users of the machine see arguments",
                command.get_name()
            );
        }
        command.get_subcommands().for_each(look);
    }
    let mut root = Cli::command();
    root.build();
    look(&root);
}
