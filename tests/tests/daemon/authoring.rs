//! From nothing to a plugin: the walk of the documentation, and every template.

use labd_tests::{
    daemon::{Daemon, Home, Printed},
    repository,
};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// A first build fetches and compiles the SDK's dependencies.
const BUILDING: Duration = Duration::from_secs(300);

/// A folder at the same place each time, so that toolchains know again what they have built.
fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("authoring")
        .join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    place
}

/// A command of an author, whose toolchains and their caches are those of the machine.
async fn author(home: &Home, folder: &Path, arguments: &[&str]) -> Printed {
    let mut command = home.labd(arguments).unwrap();
    command
        .current_dir(folder)
        .env("HOME", env::var_os("HOME").unwrap())
        .env(
            "CARGO_TARGET_DIR",
            env::var_os("LABD_PLUGINS_TARGET").unwrap(),
        );
    let output = timeout(BUILDING, command.output()).await.unwrap().unwrap();
    output.into()
}

/// Waits until something is so.
async fn becomes(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BUILDING;
    while !look().await {
        assert!(Instant::now() < deadline, "{what} did not come");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The walk of the documentation, one command a line.
fn walk() -> Vec<Vec<String>> {
    let text = repository::root().join("daemon/docs/plugins-authoring.md");
    let text = fs::read_to_string(text).unwrap();
    let script = text.split("```sh\n").nth(1).unwrap();
    let script = script.split("```").next().unwrap();
    let words = |line: &str| -> Vec<String> {
        // A text in quotes is one word.
        let parts = line.split('"').enumerate();
        parts
            .flat_map(|(number, part)| match number % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    };
    script.lines().map(words).collect()
}

#[tokio::test]
async fn the_walk_of_the_documentation_ends_with_an_answer() {
    let daemon = Daemon::start().await.unwrap();
    let commands = walk();
    assert!(commands.len() < 10, "{}", commands.len());
    let mut folder = place("walk");
    let mut last = String::new();
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cd", into] => folder.push(into),
            ["labd", arguments @ ..] => {
                let printed = author(&daemon.home, &folder, arguments).await;
                assert_eq!(printed.code, 0, "{words:?}: {}{}", printed.out, printed.err);
                last = printed.out;
            }
            other => panic!("the walk has a command that this test does not know: {other:?}"),
        }
    }
    assert!(
        last.contains("You said") && last.contains("Good morning"),
        "{last}"
    );
}

#[tokio::test]
async fn a_change_of_the_source_is_served_and_one_that_does_not_build_is_not() {
    let daemon = Daemon::start_empty().await.unwrap();
    let folder = place("dev");
    let new = [
        "plugin",
        "new",
        "hello",
        "--kind",
        "connector",
        "--id",
        "acme.hello",
    ];
    let made = author(&daemon.home, &folder, &new).await;
    assert_eq!(made.code, 0, "{}", made.err);
    let folder = folder.join("hello");
    let mut following = daemon.home.labd(&["plugin", "dev"]).unwrap();
    following
        .current_dir(&folder)
        .env("HOME", env::var_os("HOME").unwrap())
        .env(
            "CARGO_TARGET_DIR",
            env::var_os("LABD_PLUGINS_TARGET").unwrap(),
        )
        .stdout(fs::File::create(folder.join("out.log")).unwrap())
        .stderr(fs::File::create(folder.join("err.log")).unwrap());
    let mut following = following.spawn().unwrap();
    let shown = |name: &'static str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let version = async || -> Value {
        let told = daemon.get("/plugins/acme.hello").await.unwrap();
        told.json()["version"].clone()
    };
    becomes("the first version", async || version().await == "0.1.0").await;

    let source = folder.join("src/planets.rs");
    let good = fs::read_to_string(&source).unwrap();
    fs::write(&source, "no Rust at all").unwrap();
    becomes("the failure", async || {
        shown("err.log").contains("cargo build failed")
    })
    .await;
    assert_eq!(version().await, "0.1.0");

    fs::write(&source, good).unwrap();
    let manifest = folder.join("plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("version = \"0.1.0\"", "version = \"0.2.0\""),
    )
    .unwrap();
    becomes("the next version", async || {
        shown("out.log").contains("acme.hello 0.2.0: the daemon serves it")
    })
    .await;
    assert_eq!(version().await, "0.2.0");
    following.kill().await.unwrap();

    // Served where it lay, and never installed.
    assert!(!daemon.home.data().join("plugins/acme.hello").exists());
}

/// A template becomes a plugin that passes its own tests and the kit.
async fn works(kind: &str, language: &str, tests: &[&str]) {
    let home = Home::new().unwrap();
    let folder = place(&format!("{language}-{kind}"));
    let new = [
        "plugin",
        "new",
        "made",
        "--kind",
        kind,
        "--language",
        language,
    ];
    let made = author(&home, &folder, &new).await;
    assert_eq!(made.code, 0, "{}", made.err);
    let folder = folder.join("made");
    let kit = ["plugin", "test", "--calls", "300"];
    let tested = author(&home, &folder, &kit).await;
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    let checked = author(&home, &folder, &["--json", "plugin", "check", "dist"]).await;
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let [program, arguments @ ..] = tests else {
        panic!("no tests");
    };
    let native = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(&folder)
        .env(
            "CARGO_TARGET_DIR",
            env::var_os("LABD_PLUGINS_TARGET").unwrap(),
        )
        .output();
    let native: Printed = timeout(BUILDING, native).await.unwrap().unwrap().into();
    assert_eq!(native.code, 0, "{}{}", native.out, native.err);
}

#[tokio::test]
async fn every_template_in_rust_works() {
    for kind in ["ai-provider", "connector", "deployer", "sandbox"] {
        works(kind, "rust", &["cargo", "test"]).await;
    }
}

#[tokio::test]
async fn every_template_in_javascript_works() {
    for kind in ["ai-provider", "connector"] {
        works(kind, "javascript", &["npm", "test"]).await;
    }
}

#[tokio::test]
async fn every_template_in_python_works() {
    let tests = [
        "python3",
        "-m",
        "unittest",
        "discover",
        "--start-directory",
        "test",
    ];
    for kind in ["ai-provider", "connector"] {
        works(kind, "python", &tests).await;
    }
}

#[tokio::test]
async fn what_cannot_be_begun_or_built_is_told_with_what_to_do() {
    let home = Home::new().unwrap();
    let folder = place("wrong");
    let sandbox = [
        "plugin",
        "new",
        "x",
        "--kind",
        "sandbox",
        "--language",
        "python",
    ];
    let refused = author(&home, &folder, &sandbox).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("there is one in rust"),
        "{}",
        refused.err
    );
    let id = ["plugin", "new", "x", "--kind", "sandbox", "--id", "No Id"];
    let refused = author(&home, &folder, &id).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(!folder.join("x").exists());
    // Nobody's code is run to check it.
    let new = ["plugin", "new", "made", "--kind", "sandbox"];
    assert_eq!(author(&home, &folder, &new).await.code, 0);
    let unbuilt = author(&home, &folder, &["plugin", "check", "made"]).await;
    assert_eq!(unbuilt.code, 4, "{}", unbuilt.err);
    assert!(unbuilt.err.contains("labd plugin build"), "{}", unbuilt.err);
    assert!(!folder.join("made/dist").exists());
    let nothing = author(&home, &folder, &["plugin", "build"]).await;
    assert_eq!(nothing.code, 4, "{}", nothing.err);
    assert!(nothing.err.contains("labd plugin new"), "{}", nothing.err);
    let unreachable = author(&home, &folder, &["plugin", "dev"]).await;
    assert_eq!(unreachable.code, 3, "{}", unreachable.err);
}
