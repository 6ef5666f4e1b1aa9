//! Servers that lie, never end, break off or send elsewhere.

mod support;

use labd_plugin_package::{
    archive,
    digest::Digest,
    files::Files,
    source::{FetchError, Fetched, Source, oci::Login, quiet},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use support::{Reply, Server, fetcher, package};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn get(text: &str, expected: Option<Digest>) -> Result<Fetched, FetchError> {
    let source = Source::parse(text)?;
    fetcher(None).fetch(&source, expected, None, &quiet).await
}

/// What a registry holds, so that a test can change it.
struct Artifact {
    manifest: Value,
    blobs: HashMap<String, Vec<u8>>,
}

fn artifact(files: &Files) -> Artifact {
    let mut blobs = HashMap::new();
    let mut layers = Vec::new();
    for (path, bytes) in files.iter() {
        let digest = Digest::of(bytes).to_string();
        let media_type = match path {
            "plugin.wasm" => "application/wasm",
            _ => "text/plain",
        };
        layers.push(json!({
            "mediaType": media_type, "digest": digest, "size": bytes.len(),
            "annotations": {"org.opencontainers.image.title": path},
        }));
        blobs.insert(digest, bytes.to_vec());
    }
    let config = json!({
        "mediaType": "application/vnd.wasm.config.v0+json",
        "digest": Digest::of(b"{}").to_string(), "size": 2,
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
    });
    Artifact { manifest, blobs }
}

impl Artifact {
    async fn serve(self) -> Server {
        self.serve_as(MANIFEST).await
    }

    async fn serve_as(self, media_type: &'static str) -> Server {
        let manifest = serde_json::to_vec(&self.manifest).unwrap_or_default();
        Server::start(move |path| match path.rsplit_once('/') {
            Some((place, _)) if place.ends_with("/manifests") => {
                Reply::typed(media_type, manifest.clone())
            }
            Some((_, digest)) => match self.blobs.get(digest) {
                Some(bytes) => Reply::ok(bytes.clone()),
                None => Reply::absent(),
            },
            None => Reply::absent(),
        })
        .await
    }
}

async fn pull(server: &Server) -> Result<Fetched, FetchError> {
    get(&format!("oci://{}/acme/gateway:1", server.address), None).await
}

fn gateway() -> Files {
    package("acme.gateway", "1.0.0", "code")
}

#[tokio::test]
async fn an_honest_artifact_of_another_tool_is_pulled() {
    let server = artifact(&gateway()).serve().await;
    assert_eq!(
        pull(&server).await.unwrap().files.digest(),
        gateway().digest()
    );
}

#[tokio::test]
async fn a_manifest_that_is_no_plugins_is_refused() {
    for media_type in [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "text/html",
    ] {
        let server = artifact(&gateway()).serve_as(media_type).await;
        let error = pull(&server).await.unwrap_err();
        assert!(matches!(error, FetchError::NoPlugin { .. }), "{error}");
        assert!(error.to_string().contains(media_type), "{error}");
    }
    let mut image = artifact(&gateway());
    image.manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
    let error = pull(&image.serve().await).await.unwrap_err();
    assert!(matches!(error, FetchError::NoPlugin { .. }), "{error}");
}

#[tokio::test]
async fn layers_that_are_no_files_of_a_package_are_refused() {
    let change = |change: fn(&mut Value)| {
        let mut artifact = artifact(&gateway());
        let layers = artifact.manifest["layers"].as_array_mut().unwrap();
        let title = |layer: &Value| layer["annotations"]["org.opencontainers.image.title"].clone();
        let wasm = layers
            .iter_mut()
            .find(|layer| title(layer) == "plugin.wasm");
        change(wasm.unwrap());
        artifact
    };
    for (what, artifact) in [
        ("no title", change(|l| l["annotations"] = json!({}))),
        (
            "a title elsewhere",
            change(|l| {
                l["annotations"]["org.opencontainers.image.title"] = "../plugin.wasm".into()
            }),
        ),
        (
            "a stranger",
            change(|l| l["annotations"]["org.opencontainers.image.title"] = "run.sh".into()),
        ),
        (
            "a media type",
            change(|l| l["mediaType"] = "text/plain".into()),
        ),
        ("500 MB", change(|l| l["size"] = (500_u64 << 20).into())),
        ("a digest", change(|l| l["digest"] = "sha256:0".into())),
    ] {
        let error = pull(&artifact.serve().await).await.unwrap_err();
        assert!(
            matches!(error, FetchError::NoPlugin { .. }),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn blobs_with_other_bytes_are_refused() {
    let mut wrong = artifact(&gateway());
    wrong
        .blobs
        .insert(Digest::of(b"code").to_string(), b"evil".to_vec());
    let error = pull(&wrong.serve().await).await.unwrap_err();
    assert!(matches!(error, FetchError::OtherDigest { .. }), "{error}");

    let mut more = artifact(&gateway());
    more.blobs
        .insert(Digest::of(b"code").to_string(), b"code and more".to_vec());
    let error = pull(&more.serve().await).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");

    let mut less = artifact(&gateway());
    less.blobs
        .insert(Digest::of(b"code").to_string(), b"cod".to_vec());
    let error = pull(&less.serve().await).await.unwrap_err();
    assert!(matches!(error, FetchError::Cut { .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_of_another_digest_is_refused() {
    let server = artifact(&gateway()).serve().await;
    let other = Digest::of(b"another manifest");
    let error = get(
        &format!("oci://{}/acme/gateway@{other}", server.address),
        None,
    )
    .await;
    assert!(matches!(error, Err(FetchError::OtherDigest { .. })));
}

#[tokio::test]
async fn bodies_without_end_are_given_up() {
    let manifest =
        Server::start(|_| Reply::Endless(200, vec![("content-type", MANIFEST.to_owned())])).await;
    let error = pull(&manifest).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");

    // What an error says is bounded too.
    let failing = Server::start(|_| Reply::Endless(500, Vec::new())).await;
    let error = pull(&failing).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");

    let honest = artifact(&gateway());
    let manifest = serde_json::to_vec(&honest.manifest).unwrap();
    let blobs = Server::start(move |path| match path.contains("/manifests/") {
        true => Reply::typed(MANIFEST, manifest.clone()),
        false => Reply::Endless(200, Vec::new()),
    })
    .await;
    let error = pull(&blobs).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_token_that_a_registry_asks_for_is_fetched_and_used() {
    let honest = artifact(&gateway());
    let manifest = serde_json::to_vec(&honest.manifest).unwrap();
    let tokens = Server::start(|path| {
        assert!(
            path.contains("scope=repository%3Aacme%2Fgateway%3Apull"),
            "{path}"
        );
        Reply::ok(r#"{"token": "of-the-day"}"#)
    })
    .await;
    let realm = tokens.url("/token");
    let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let server = Server::start(move |path| {
        if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
            return Reply::Whole(401, vec![("www-authenticate", challenge)], Vec::new());
        }
        match path.rsplit_once('/') {
            Some((place, _)) if place.ends_with("/manifests") => {
                Reply::typed(MANIFEST, manifest.clone())
            }
            Some((_, digest)) => Reply::ok(honest.blobs.get(digest).cloned().unwrap_or_default()),
            None => Reply::absent(),
        }
    })
    .await;
    pull(&server).await.unwrap();
    let heads = server.heads();
    let (first, others) = heads.split_first().unwrap();
    assert!(!first.contains("authorization"));
    assert!(
        others
            .iter()
            .all(|head| head.contains("authorization: bearer of-the-day"))
    );
}

#[tokio::test]
async fn a_password_does_not_follow_a_redirect_to_another_place() {
    let honest = artifact(&gateway());
    let manifest = serde_json::to_vec(&honest.manifest).unwrap();
    let blobs = honest.blobs;
    let storage = Server::start(move |path| {
        let digest = path.trim_start_matches('/');
        Reply::ok(blobs.get(digest).cloned().unwrap_or_default())
    })
    .await;
    let elsewhere = storage.url("/");
    let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let server = Server::start(move |path| {
        if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            let challenge = "Basic realm=\"test\"".to_owned();
            return Reply::Whole(401, vec![("www-authenticate", challenge)], Vec::new());
        }
        match path.rsplit_once('/') {
            Some((place, digest)) if place.ends_with("/blobs") => {
                Reply::to(format!("{elsewhere}{digest}"))
            }
            _ => Reply::typed(MANIFEST, manifest.clone()),
        }
    })
    .await;
    let source = Source::parse(&format!("oci://{}/acme/gateway:1", server.address)).unwrap();
    let login = Login::new("ann", "open sesame");
    let fetched = fetcher(None)
        .fetch(&source, None, Some(&login), &quiet)
        .await;
    assert_eq!(fetched.unwrap().files.digest(), gateway().digest());
    assert!(
        server
            .heads()
            .iter()
            .any(|head| head.contains("authorization: basic"))
    );
    let stored = storage.heads();
    assert!(!stored.is_empty());
    assert!(stored.iter().all(|head| !head.contains("authorization")));
}

#[tokio::test]
async fn redirects_to_another_scheme_or_in_a_circle_are_not_followed() {
    for to in [
        "https://acme.example/x",
        "file:///etc/passwd",
        "http://acme.example/x",
        "http://169.254.169.254/latest",
        "//",
    ] {
        let server = Server::start(move |_| Reply::to(to)).await;
        let any = Digest::of(b"");
        let error = get(&server.url("/x"), Some(any)).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Redirect { .. }),
            "{to}: {error}"
        );
    }
    let circle = Server::start(|_| Reply::to("/x")).await;
    let error = get(&circle.url("/x"), Some(Digest::of(b"")))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
    assert!(circle.heads().len() < 10);
}

#[tokio::test]
async fn an_address_gives_exactly_what_its_digest_says() {
    let bytes = archive::write(&gateway()).unwrap();
    let (of_file, of_package) = (Digest::of(&bytes), gateway().digest());
    let served = bytes.clone();
    let server = Server::start(move |path| match path {
        "/gateway.labd-plugin" => Reply::ok(served.clone()),
        "/moved" => Reply::to("/gateway.labd-plugin"),
        "/cut" => Reply::Cut(served.len(), served.iter().take(40).copied().collect()),
        "/endless" => Reply::Endless(200, Vec::new()),
        "/huge" => Reply::Cut(usize::MAX / 2, Vec::new()),
        _ => Reply::absent(),
    })
    .await;
    for path in ["/gateway.labd-plugin", "/moved"] {
        for digest in [of_file, of_package] {
            let fetched = get(&server.url(path), Some(digest)).await.unwrap();
            assert_eq!(fetched.files.digest(), of_package);
            assert!(!fetched.local);
        }
    }
    let address = server.url("/gateway.labd-plugin");
    assert!(matches!(
        get(&address, None).await,
        Err(FetchError::NeedsDigest(_))
    ));
    let other = get(&address, Some(Digest::of(b"other"))).await;
    assert!(matches!(other, Err(FetchError::OtherDigest { .. })));
    let cut = get(&server.url("/cut"), Some(of_file)).await;
    assert!(
        matches!(cut, Err(FetchError::Unreachable { .. })),
        "{cut:?}"
    );
    for path in ["/endless", "/huge"] {
        let error = get(&server.url(path), Some(of_file)).await;
        assert!(matches!(error, Err(FetchError::TooLarge { .. })), "{path}");
    }
    let absent = get(&server.url("/absent"), Some(of_file)).await;
    assert!(matches!(
        absent,
        Err(FetchError::Status { status: 404, .. })
    ));
}
