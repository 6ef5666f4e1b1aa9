//! The previews' origins.

use crate::world::{Ask, World, world};
use labd_protocol::{PreviewInfo, ProjectId};

fn host(world: &World, project: ProjectId) -> String {
    format!(
        "{}.preview.labd.localhost:{}",
        project.to_string().to_lowercase(),
        world.port
    )
}

/// Opens a preview by its ticket: the address that was opened, and the cookie.
async fn enter(world: &World, project: ProjectId) -> (Ask, String) {
    let cookie = world.cookie().await;
    let path = format!("/api/v1/projects/{project}/preview");
    let reply = world.as_console("POST", &path, &cookie).send().await;
    assert_eq!(reply.status, 200);
    let info: PreviewInfo = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(info.origin, format!("http://{}", host(world, project)));
    let path = info.url.strip_prefix(&info.origin).unwrap();
    let open = world
        .request("GET", path)
        .header("host", &host(world, project));
    let reply = open.clone().send().await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    let set = reply.header("set-cookie").unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains("Domain"));
    (open, set.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_ticket_opens_a_preview_once() {
    let world = world().await;
    let project = ProjectId::generate();
    let (open, cookie) = enter(&world, project).await;
    let get = world
        .request("GET", "/page")
        .header("host", &host(&world, project));
    let reply = get.clone().header("cookie", &cookie).send().await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.text().starts_with(&format!("{project} session:")),
        "{}",
        reply.text()
    );
    assert_eq!(open.send().await.status, 401);
    assert_eq!(get.send().await.status, 401);
}

#[tokio::test]
async fn a_pass_is_good_for_its_own_preview_only_and_never_for_the_api() {
    let world = world().await;
    let (project, other) = (ProjectId::generate(), ProjectId::generate());
    let (_, pass) = enter(&world, project).await;
    let get = world.request("GET", "/").header("cookie", &pass);
    assert_eq!(
        get.clone()
            .header("host", &host(&world, other))
            .send()
            .await
            .status,
        401
    );
    assert_eq!(
        world
            .as_console("GET", "/api/v1/status", &pass)
            .send()
            .await
            .status,
        401
    );
    let session = world.cookie().await;
    let as_session = get
        .header("cookie", &session)
        .header("host", &host(&world, project));
    assert_eq!(as_session.send().await.status, 401);
}

#[tokio::test]
async fn the_api_is_not_on_a_previews_origin() {
    let world = world().await;
    let project = ProjectId::generate();
    let (_, pass) = enter(&world, project).await;
    let ask = world
        .request("GET", "/api/v1/status")
        .header("host", &host(&world, project));
    let reply = ask
        .header("cookie", &pass)
        .bearer(&world.token(None).await)
        .send()
        .await;
    // It is the app's own handler that answers, without the viewer's credentials.
    assert!(
        reply.text().ends_with("GET /api/v1/status cookie:false"),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn an_app_sets_no_cookies() {
    let world = world().await;
    let project = ProjectId::generate();
    let (_, pass) = enter(&world, project).await;
    let ask = world
        .request("GET", "/")
        .header("host", &host(&world, project));
    assert_eq!(
        ask.header("cookie", &pass)
            .send()
            .await
            .header("set-cookie"),
        None
    );
}

#[tokio::test]
async fn other_pages_may_frame_a_preview_and_nothing_else() {
    let world = world().await;
    let project = ProjectId::generate();
    let (_, pass) = enter(&world, project).await;
    let own = format!("http://{}", host(&world, project));
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let mut ask = world
            .request(method, "/_lab/q/revenue")
            .header("cookie", &pass);
        ask = ask.header("host", &host(&world, project));
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask
    };
    let framed = [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(ask("GET", &framed).send().await.status, 200);
    assert_eq!(ask("POST", &framed).send().await.status, 403);
    let embedded = [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "no-cors"),
    ];
    assert_eq!(ask("GET", &embedded).send().await.status, 403);
    assert_eq!(ask("POST", &embedded).send().await.status, 403);
    let foreign = [("origin", "http://console.labd.localhost")];
    assert_eq!(ask("POST", &foreign).send().await.status, 403);
    assert_eq!(ask("POST", &[]).send().await.status, 403);
    let from_itself = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    let reply = ask("POST", &from_itself).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}

#[tokio::test]
async fn a_preview_closes_when_its_session_does() {
    let world = world().await;
    let project = ProjectId::generate();
    let cookie = world.cookie().await;
    let path = format!("/api/v1/projects/{project}/preview");
    let info: PreviewInfo =
        serde_json::from_slice(&world.as_console("POST", &path, &cookie).send().await.body)
            .unwrap();
    let open = world.request("GET", info.url.strip_prefix(&info.origin).unwrap());
    let set = open.header("host", &host(&world, project)).send().await;
    let pass = set
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let get = world
        .request("GET", "/")
        .header("host", &host(&world, project))
        .header("cookie", &pass);
    assert_eq!(get.clone().send().await.status, 200);
    assert_eq!(
        world
            .as_console("DELETE", "/api/v1/session", &cookie)
            .send()
            .await
            .status,
        204
    );
    assert_eq!(get.send().await.status, 401);
}

#[tokio::test]
async fn a_late_ticket_is_refused() {
    let world = world().await;
    let project = ProjectId::generate();
    let cookie = world.cookie().await;
    let path = format!("/api/v1/projects/{project}/preview");
    let reply = world.as_console("POST", &path, &cookie).send().await;
    let info: PreviewInfo = serde_json::from_slice(&reply.body).unwrap();
    world.clock.pass(30);
    let open = world.request("GET", info.url.strip_prefix(&info.origin).unwrap());
    let reply = open.header("host", &host(&world, project)).send().await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (401, "unauthenticated")
    );
}
