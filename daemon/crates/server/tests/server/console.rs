//! The console's files.

use crate::world::{world, world_with};
use std::sync::Arc;

#[tokio::test]
async fn a_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody() {
    let world = world().await;
    let reply = world
        .request("GET", "/")
        .header("host", &world.console())
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(reply.header("cache-control"), Some("no-cache"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    let policy = reply.header("content-security-policy").unwrap();
    let previews = format!("frame-src http://*.preview.labd.localhost:{};", world.port);
    for part in [
        "default-src 'none'",
        "script-src 'self';",
        "connect-src 'self'",
        &previews,
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
}

#[tokio::test]
async fn hashed_files_are_kept_and_come_compressed() {
    let world = world().await;
    let ask = world
        .request("GET", "/assets/main-3f2a.js")
        .header("host", &world.console());
    let cases = [
        ("gzip, deflate, br", "br", "brotli"),
        ("gzip, br;q=0", "gzip", "gzip"),
    ];
    for (accepted, encoding, content) in cases {
        let reply = ask.clone().header("accept-encoding", accepted).send().await;
        assert_eq!(reply.header("content-encoding"), Some(encoding));
        assert_eq!(reply.text(), content);
        assert_eq!(reply.header("vary"), Some("accept-encoding"));
        assert!(reply.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(
            reply.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
    }
    let plain = ask.clone().send().await;
    assert_eq!(
        (plain.header("content-encoding"), plain.text().as_str()),
        (None, "plain")
    );
    let etag = plain.header("etag").unwrap();
    let reply = ask.header("if-none-match", etag).send().await;
    assert_eq!((reply.status, reply.body.len()), (304, 0));
}

#[tokio::test]
async fn a_path_of_the_console_is_its_page_and_a_missing_file_is_not() {
    let world = world().await;
    let get = |path: &str| world.request("GET", path).header("host", &world.console());
    assert!(
        get("/projects/01K/history")
            .send()
            .await
            .text()
            .contains("console")
    );
    assert_eq!(get("/assets/gone-1111.js").send().await.status, 404);
    assert_eq!(get("/favicon.ico").send().await.status, 404);
    assert_eq!(get("/assets/main-3f2a.js.br").send().await.status, 404);
    assert_eq!(get("/../../etc/passwd").send().await.status, 200);
    let manifest = get("/manifest.webmanifest").send().await;
    assert_eq!(
        manifest.header("content-type"),
        Some("application/manifest+json")
    );
    let post = world
        .request("POST", "/")
        .header("host", &world.console())
        .send()
        .await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn without_a_console_the_page_says_how_to_build_it() {
    let world = world_with(Arc::new(labd_server::NoAssets)).await;
    let reply = world
        .request("GET", "/")
        .header("host", &world.console())
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("cargo xtask console"));
}

#[tokio::test]
async fn the_loopback_address_points_to_the_console() {
    let world = world().await;
    let reply = world.request("GET", "/").send().await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (307, Some(world.console_origin().as_str()))
    );
    assert_eq!(world.request("GET", "/index.html").send().await.status, 404);
}
