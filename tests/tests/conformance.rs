//! Every first-party plugin, as it ships, and every example of a plugin passes the kit that third
//! parties test theirs with.
//!
//! Needs the packaged plugins, the examples in other languages and the private PostgreSQL:
//! `cargo xtask test`.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use labd_plugin_kit::conform::{self, Options, Verdict, report};
use labd_tests::repository;

/// A plugin of `plugins/`, as the daemon embeds it.
async fn passes(folder: &str, package: &str, skipped: &[&str]) {
    let root = repository::root();
    let packages = root.join("daemon/embedded/plugins");
    let options = Options {
        package: packages.join(format!("{package}-0.1.0")),
        source: root.join("plugins").join(folder),
        calls: 10_000,
        only: None,
    };
    conforms(&options, skipped).await;
}

/// Passes, and skips only what cannot be asked of this plugin.
async fn conforms(options: &Options, skipped: &[&str]) {
    // The process's one provider of cryptography; another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = conform::run(options)
        .await
        .unwrap_or_else(|error| panic!("{error}; run `cargo xtask test`"));
    let text = report::human(&outcome);
    assert_eq!(outcome.failures(), 0, "{text}");
    let found: Vec<_> = outcome
        .checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::Skipped { .. }))
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(found, skipped, "{text}");
}

/// What a provider without an upstream and a credential cannot be asked.
const ALONE: [&str; 12] = [
    "text in every script passes both ways",
    "a prompt of a megabyte arrives whole",
    "ten thousand events arrive whole",
    "every split of the stream gives the same answer",
    "a withdrawn answer closes the upstream at once",
    "what the upstream refuses becomes the right error",
    "a connection that breaks is `unavailable`, and what came before is kept",
    "an upstream that is not there is `unavailable`",
    "an upstream that falls silent is a `timeout`",
    "a denial is returned, and not trapped",
    "an upstream without end is an error, not a crash",
    "no secret is in a log, an error or a request's body",
];

#[tokio::test(flavor = "multi_thread")]
async fn ai_openai_compatible() {
    passes("ai-openai-compatible", "labd.openai-compatible", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_anthropic() {
    passes("ai-anthropic", "labd.anthropic", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_gemini() {
    passes("ai-gemini", "labd.gemini", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_gemini_by_interactions() {
    passes("ai-gemini/conformance/interactions", "labd.gemini", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_mistral() {
    passes("ai-mistral", "labd.mistral", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_openai() {
    passes("ai-openai", "labd.openai", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_ollama() {
    passes("ai-ollama", "labd.ollama", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ai_offline() {
    passes("ai-offline", "labd.offline", &ALONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_postgres() {
    passes("db-postgres", "labd.postgres", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_sqlite() {
    // A file has no server and no password.
    passes(
        "db-sqlite",
        "labd.sqlite",
        &[
            "a wrong password is `unauthenticated`",
            "a server that says nothing is a `timeout`",
            "no secret is in a log or an error",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sandbox_web() {
    passes("sandbox-web", "labd.sandbox-web", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_archive() {
    // It has no target to ask and no credential.
    passes(
        "deploy-archive",
        "labd.archive",
        &[
            "a deployment that is given up sends nothing more",
            "what the target refuses becomes the right error",
            "a target that is not there is `unavailable`",
            "a target that falls silent is a `timeout`",
            "a denial is returned, and not trapped",
            "no secret is in a log, an error or a request's body",
        ],
    )
    .await;
}

/// Plugins that are not written in Rust. All checks of one are one test: compiling a whole Python
/// takes longer than they do.
mod languages {
    use super::*;

    async fn example(folder: &str, calls: u32, skipped: &[&str]) {
        let source = repository::root().join("examples").join(folder);
        let options = Options {
            package: source.join("dist"),
            source,
            calls,
            only: None,
        };
        conforms(&options, skipped).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ai_provider_in_javascript() {
        example("plugin-js/ai-provider", 2000, &[]).await;
    }

    /// A request to their API ends with its connection alone.
    const OF_TABLES: [&str; 1] = ["a cancelled statement ends"];

    #[tokio::test(flavor = "multi_thread")]
    async fn connector_in_javascript() {
        example("plugin-js/connector", 2000, &OF_TABLES).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ai_provider_in_python() {
        example("plugin-python/ai-provider", 2000, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connector_in_python() {
        example("plugin-python/connector", 2000, &OF_TABLES).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ai_provider_in_c() {
        // It has no settings, no upstream and no credential.
        example(
            "plugin-c",
            10_000,
            &[
                &["a wrong configuration is refused, and the key is named"],
                &ALONE[..],
            ]
            .concat(),
        )
        .await;
    }
}
