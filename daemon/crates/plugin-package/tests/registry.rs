//! Pushing to and pulling from a real registry.

mod support;

use labd_plugin_package::{
    signing::SecretKey,
    source::{FetchError, Source, oci::Login, oci::Reference, quiet},
};
use serde_json::Value;
use support::{Registry, fetcher, package, signed};

#[expect(clippy::unwrap_used, reason = "test")]
fn reference(registry: &Registry, rest: &str) -> Reference {
    Reference::parse(&format!("{}/{rest}", registry.address())).unwrap()
}

#[expect(clippy::unwrap_used, reason = "test")]
fn source(registry: &Registry, rest: &str) -> Source {
    Source::parse(&format!("oci://{}/{rest}", registry.address())).unwrap()
}

#[tokio::test]
async fn a_pushed_package_is_pulled_by_tag_and_by_digest() {
    let registry = Registry::start().await;
    let files = signed(
        "acme.gateway",
        "1.2.0",
        "code",
        &SecretKey::generate().unwrap(),
    );
    let fetcher = fetcher(None);
    let to = reference(&registry, "acme/gateway:1.2.0");
    let pushed = fetcher.push(&files, &to, None, &quiet).await.unwrap();

    let by_tag = source(&registry, "acme/gateway:1.2.0");
    let pulled = fetcher.fetch(&by_tag, None, None, &quiet).await.unwrap();
    assert!(pulled.files.iter().eq(files.iter()));
    // A tag may move; what is locked does not.
    assert_eq!(pulled.source, format!("oci://{pushed}"));
    assert!(!pulled.local);

    let exactly = Source::parse(&pulled.source).unwrap();
    let expected = Some(files.digest());
    let again = fetcher
        .fetch(&exactly, expected, None, &quiet)
        .await
        .unwrap();
    assert_eq!(again.files.digest(), files.digest());

    // The same package is the same artifact.
    let to = reference(&registry, "acme/gateway:again");
    assert_eq!(
        fetcher.push(&files, &to, None, &quiet).await.unwrap(),
        pushed
    );
}

#[tokio::test]
async fn an_artifact_is_laid_out_as_other_tools_expect_it() {
    let registry = Registry::start().await;
    let files = signed(
        "acme.gateway",
        "1.2.0",
        "code",
        &SecretKey::generate().unwrap(),
    );
    let to = reference(&registry, "acme/gateway:1.2.0");
    fetcher(None).push(&files, &to, None, &quiet).await.unwrap();
    let url = format!(
        "http://{}/v2/acme/gateway/manifests/1.2.0",
        registry.address()
    );
    // There is one already when this fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::builder()
        .build()
        .unwrap()
        .get(url)
        .header("accept", "application/vnd.oci.image.manifest.v1+json")
        .send()
        .await
        .unwrap();
    let manifest: Value = answer.json().await.unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.labd.plugin.v1");
    let config = &manifest["config"]["mediaType"];
    assert_eq!(config, "application/vnd.wasm.config.v0+json");
    let layers: Vec<_> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let title = &layer["annotations"]["org.opencontainers.image.title"];
            (
                title.as_str().unwrap(),
                layer["mediaType"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        layers,
        [
            ("plugin.wasm", "application/wasm"),
            ("README.md", "text/markdown"),
            ("assets/vendor/x.js", "text/javascript"),
            (
                "plugin.sig",
                "application/vnd.labd.plugin.signature.v1+toml"
            ),
            (
                "plugin.toml",
                "application/vnd.labd.plugin.manifest.v1+toml"
            ),
        ]
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let registry = Registry::start().await;
    let missing = source(&registry, "acme/gateway:1.0.0");
    let error = fetcher(None).fetch(&missing, None, None, &quiet).await;
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::NoPlugin { .. }), "{error}");
}

#[tokio::test]
async fn another_package_than_the_expected_one_is_refused() {
    let registry = Registry::start().await;
    let fetcher = fetcher(None);
    let to = reference(&registry, "acme/gateway:1");
    let files = package("acme.gateway", "1.0.0", "code");
    fetcher.push(&files, &to, None, &quiet).await.unwrap();
    let other = package("acme.gateway", "1.0.0", "other code").digest();
    let source = source(&registry, "acme/gateway:1");
    let error = fetcher.fetch(&source, Some(other), None, &quiet).await;
    assert!(matches!(error, Err(FetchError::OtherDigest { .. })));
}

#[tokio::test]
async fn a_registry_with_passwords_takes_the_right_one_only() {
    let registry = Registry::start_with_passwords().await;
    let fetcher = fetcher(None);
    let files = package("acme.gateway", "1.0.0", "code");
    let to = reference(&registry, "acme/gateway:1");
    let error = fetcher.push(&files, &to, None, &quiet).await.unwrap_err();
    assert!(matches!(error, FetchError::NeedsLogin(_)), "{error}");
    let wrong = Login::new("ann", "guessed");
    let error = fetcher.push(&files, &to, Some(&wrong), &quiet).await;
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::Forbidden(_)), "{error}");
    assert!(!error.to_string().contains("guessed"));

    let right = Login::new("ann", "open sesame");
    fetcher
        .push(&files, &to, Some(&right), &quiet)
        .await
        .unwrap();
    let source = source(&registry, "acme/gateway:1");
    let error = fetcher.fetch(&source, None, None, &quiet).await;
    assert!(matches!(error, Err(FetchError::NeedsLogin(_))));
    let pulled = fetcher.fetch(&source, None, Some(&right), &quiet).await;
    assert_eq!(pulled.unwrap().files.digest(), files.digest());
}
