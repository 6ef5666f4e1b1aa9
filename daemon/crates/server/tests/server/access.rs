//! Who is let in, and who is not.

use crate::world::{Reply, until, world};
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_token_lets_a_program_in_by_loopback_and_by_name() {
    let world = world().await;
    let token = world.token(None).await;
    let reply = world
        .request("GET", "/api/v1/status")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["console_url"], world.console_origin());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    for host in ["localhost", "[::1]:1", &world.console()] {
        let reply = world
            .request("GET", "/api/v1/status")
            .header("host", host)
            .bearer(&token);
        assert_eq!(reply.send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn no_token_a_wrong_and_an_expired_one_are_401() {
    let world = world().await;
    let short = world.token(Some(60)).await;
    world.clock.pass(60);
    let status = world.request("GET", "/api/v1/status");
    for ask in [
        status.clone(),
        status.clone().bearer(&short),
        status.clone().bearer("labd_x_y"),
        status.clone().bearer(""),
        status.clone().header("authorization", "Basic bGFiZDpsYWJk"),
        status.clone().header("authorization", &short),
    ] {
        let reply = ask.send().await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (401, "unauthenticated")
        );
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn a_token_in_the_wrong_place_is_none() {
    let world = world().await;
    let token = world.token(None).await;
    let in_query = format!("/api/v1/status?token={token}&access_token={token}");
    assert_eq!(world.request("GET", &in_query).send().await.status, 401);
    let cookie = format!("labd_session={token}; token={token}");
    let in_cookie = world.as_console("GET", "/api/v1/status", &cookie);
    assert_eq!(in_cookie.send().await.status, 401);
    let in_header = world
        .request("GET", "/api/v1/status")
        .header("x-api-key", &token);
    assert_eq!(in_header.send().await.status, 401);
}

#[tokio::test]
async fn a_cookie_is_not_used_when_a_token_is_wrong_nor_at_loopback() {
    let world = world().await;
    let cookie = world.cookie().await;
    let both = world
        .as_console("GET", "/api/v1/status", &cookie)
        .bearer("labd_x_y");
    assert_eq!(both.send().await.status, 401);
    let loopback = world
        .request("GET", "/api/v1/status")
        .header("cookie", &cookie);
    assert_eq!(loopback.send().await.status, 401);
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_is_refused() {
    let world = world().await;
    let token = world.token(None).await;
    let cookie = world.cookie().await;
    for host in [
        "attacker.example",
        "console.labd.localhost.attacker.example",
        "labd.localhost",
        "",
    ] {
        let host = format!("{host}:{}", world.port);
        for path in ["/", "/api/v1/status", "/api/v1/openapi.json"] {
            let ask = world
                .as_console("GET", path, &cookie)
                .bearer(&token)
                .header("host", &host);
            let reply = ask.send().await;
            assert_eq!(
                (reply.status, reply.problem().as_str()),
                (421, "forbidden"),
                "{host}{path}"
            );
        }
    }
    let missing = world
        .request("GET", "/api/v1/status")
        .bearer(&token)
        .without("host");
    assert_eq!(missing.send().await.status, 421);
    let named_by_client = world
        .request("GET", "/api/v1/status")
        .bearer(&token)
        .header("host", "attacker.example")
        .header("x-forwarded-host", &world.console());
    assert_eq!(named_by_client.send().await.status, 421);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_with_cookie_and_with_token() {
    let world = world().await;
    let cookie = world.cookie().await;
    let token = world.token(None).await;
    let preview = "http://01kabcdefghjkmnpqrstvwxyz0.preview.labd.localhost";
    let port_above = format!("http://console.labd.localhost:{}", world.port + 1);
    let secure = world.console_origin().replace("http:", "https:");
    for origin in [
        "http://attacker.example",
        "null",
        preview,
        &port_above,
        &secure,
    ] {
        let ask = world
            .as_console("GET", "/api/v1/status", &cookie)
            .header("origin", origin);
        let reply = ask.send().await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (403, "forbidden"),
            "{origin}"
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
        let ask = world
            .request("GET", "/api/v1/status")
            .bearer(&token)
            .header("origin", origin);
        assert_eq!(ask.send().await.status, 403, "{origin}");
        let preflight = world
            .request("OPTIONS", "/api/v1/status")
            .header("host", &world.console())
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let reply = preflight.send().await;
        assert!(reply.status >= 400 && reply.header("access-control-allow-origin").is_none());
    }
}

#[tokio::test]
async fn a_cookie_counts_only_from_the_consoles_own_pages() {
    let world = world().await;
    let cookie = world.cookie().await;
    let get = world.as_console("GET", "/api/v1/status", &cookie);
    assert_eq!(get.clone().send().await.status, 200);
    assert_eq!(get.clone().without("origin").send().await.status, 200);
    assert_eq!(
        get.clone().without("sec-fetch-site").send().await.status,
        200
    );
    let typed = get
        .clone()
        .without("origin")
        .header("sec-fetch-site", "none");
    assert_eq!(typed.send().await.status, 200);
    let unmarked = get.clone().without("origin").without("sec-fetch-site");
    assert_eq!(unmarked.send().await.status, 403);
    for site in ["same-site", "cross-site", "anything"] {
        let ask = get.clone().without("origin").header("sec-fetch-site", site);
        assert_eq!(ask.send().await.status, 403, "{site}");
    }
}

#[tokio::test]
async fn a_simple_post_from_a_preview_is_refused() {
    let world = world().await;
    let cookie = world.cookie().await;
    let body = json!({"name": "forged", "source": null});
    let good = world
        .as_console("POST", "/api/v1/projects", &cookie)
        .json(body);
    let preview = format!(
        "http://01kabcdefghjkmnpqrstvwxyz0.preview.{}",
        &world.console()[8..]
    );
    for ask in [
        good.clone().header("content-type", "text/plain"),
        good.clone().without("content-type"),
        good.clone()
            .header("content-type", "application/x-www-form-urlencoded"),
        good.clone()
            .header("content-type", "text/plain")
            .header("origin", &preview),
        good.clone().header("sec-fetch-site", "same-site"),
        good.clone()
            .without("origin")
            .header("sec-fetch-site", "none"),
        good.clone().without("origin").without("sec-fetch-site"),
    ] {
        let reply = ask.send().await;
        assert!(matches!(reply.status, 403 | 415), "{reply:?}");
    }
    assert_eq!(good.send().await.status, 201);
}

#[tokio::test]
async fn a_link_signs_a_browser_in_once_with_a_cookie_that_scripts_cannot_read() {
    let world = world().await;
    let link = world.link();
    let sign_in = world
        .as_console("POST", "/api/v1/session", "")
        .json(json!({"token": link.expose()}));

    let foreign = sign_in.clone().header("origin", "http://attacker.example");
    assert_eq!(foreign.send().await.status, 403);
    let loopback = sign_in
        .clone()
        .header("host", &format!("127.0.0.1:{}", world.port));
    assert_eq!(loopback.send().await.status, 403);
    let simple = sign_in.clone().header("content-type", "text/plain");
    assert_eq!(simple.send().await.status, 415);

    let reply = sign_in.clone().send().await;
    assert_eq!(reply.status, 200);
    let set = reply.header("set-cookie").unwrap().to_owned();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    let attributes: Vec<_> = attributes.split("; ").collect();
    assert!(attributes.contains(&"HttpOnly") && attributes.contains(&"SameSite=Strict"));
    assert!(attributes.contains(&"Path=/") && !set.contains("Domain"));
    assert!(
        attributes.iter().any(|a| a.starts_with("Max-Age=259")),
        "{set}"
    );

    let reply = world
        .as_console("GET", "/api/v1/session", cookie)
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.json()["kind"].as_str()),
        (200, Some("session"))
    );
    assert_eq!(sign_in.send().await.status, 401);
    world.clock.pass(300);
    let late = world
        .as_console("POST", "/api/v1/session", "")
        .json(json!({"token": "0".repeat(64)}));
    assert_eq!(late.send().await.status, 401);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_cookie() {
    let world = world().await;
    let cookie = world.cookie().await;
    let reply = world
        .as_console("DELETE", "/api/v1/session", &cookie)
        .send()
        .await;
    assert_eq!(reply.status, 204);
    assert!(
        reply
            .header("set-cookie")
            .unwrap()
            .starts_with("labd_session=; Path=/; Max-Age=0")
    );
    assert_eq!(
        world
            .as_console("GET", "/api/v1/status", &cookie)
            .send()
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_cookie_that_another_site_tossed_in_does_not_hide_the_good_one() {
    let world = world().await;
    let cookies = format!("labd_session=tossed; {}", world.cookie().await);
    assert_eq!(
        world
            .as_console("GET", "/api/v1/status", &cookies)
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_session_in_use_gets_its_cookie_again_once_a_day() {
    let world = world().await;
    let cookie = world.cookie().await;
    let ask = world.as_console("GET", "/api/v1/status", &cookie);
    assert_eq!(ask.clone().send().await.header("set-cookie"), None);
    world.clock.pass(25 * 3600);
    assert!(
        ask.clone()
            .send()
            .await
            .header("set-cookie")
            .unwrap()
            .starts_with(&cookie)
    );
    assert_eq!(ask.send().await.header("set-cookie"), None);
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let world = world().await;
    let token = world.token(None).await;
    let get = |path: &str| world.request("GET", path).bearer(&token);

    let reply = get("/api/v1/projects/01KABCDEFGHJKMNPQRSTVWXYZ0")
        .send()
        .await;
    assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"));
    assert_eq!(reply.json()["type"], "urn:labd:problem:not_found");
    assert_eq!(reply.json()["title"], "Not found");
    let reply = get("/api/v1/projects/no-ulid").send().await;
    assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"));
    let reply = get("/api/v1/nothing").send().await;
    assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"));
    let reply = world
        .request("PUT", "/api/v1/status")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (405, "invalid_request")
    );

    let post = |path: &str| world.request("POST", path).bearer(&token);
    let reply = post("/api/v1/projects")
        .json(json!({"name": 1}))
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (400, "invalid_request")
    );
    let reply = post("/api/v1/projects")
        .json(json!({"name": "a", "sauce": 1}))
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (400, "invalid_request")
    );
    let reply = post("/api/v1/projects").body(b"{}".to_vec()).send().await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (415, "invalid_request")
    );
    let query = "/api/v1/sources/01KABCDEFGHJKMNPQRSTVWXYZ0/query";
    let reply = post(query).json(json!({"text": "SELEC"})).send().await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (422, "query_failed")
    );
    assert_eq!(reply.json()["upstream_code"], "42601");
    assert_eq!(reply.json()["position"], 7);
    assert_eq!(reply.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn a_body_too_large_is_refused_before_it_is_read_whole() {
    let world = world().await;
    let token = world.token(None).await;
    let large = vec![b'x'; labd_server::limits::MAX_BODY + 1];
    let ask = world.request("POST", "/api/v1/projects").bearer(&token);
    let reply = ask
        .header("content-type", "application/json")
        .body(large.clone())
        .send()
        .await;
    assert_eq!((reply.status, reply.problem().as_str()), (413, "too_large"));
    let anonymous = world.as_console("POST", "/api/v1/session", "").body(large);
    assert_eq!(anonymous.send().await.status, 413);
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let world = world().await;
    let mut ask = world.request("GET", "/api/v1/status");
    for number in 0..200 {
        ask = ask.header(&format!("x-{number}"), "y");
    }
    assert_eq!(ask.send().await.status, 431);
    let long = world
        .request("GET", "/api/v1/status")
        .header("x-long", &"y".repeat(300_000));
    assert_eq!(long.send().await.status, 431);
}

#[tokio::test]
async fn a_change_is_finished_though_its_client_goes_away() {
    let world = world().await;
    let token = world.token(None).await;
    let path = "/api/v1/projects/01KABCDEFGHJKMNPQRSTVWXYZ0";
    let stream = world.request("DELETE", path).bearer(&token).open().await;
    until(|| world.fake.arrived.load(Ordering::SeqCst) == 1).await;
    drop(stream);
    world.fake.gate.add_permits(1);
    until(|| world.fake.removed.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_running_server_ends_when_it_is_told_to() {
    let mut world = world().await;
    let token = world.token(None).await;
    let mut stream = world
        .request("GET", "/api/v1/events")
        .bearer(&token)
        .open()
        .await;
    assert_eq!(Reply::head(&mut stream).await.status, 200);
    let started = std::time::Instant::now();
    world.stop().await;
    assert!(
        started.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert!(!world.socket.exists());
}
