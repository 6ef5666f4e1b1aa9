//! What is refused, and when.

use super::*;
use std::time::Duration;

struct SetClock(Mutex<Timestamp>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct World {
    auth: Auth,
    clock: Arc<SetClock>,
    store: Store,
    _dir: tempfile::TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), labd_store::Options::default())
        .await
        .unwrap();
    let start: Timestamp = "2026-11-22T12:00:30Z".parse().unwrap();
    let clock = Arc::new(SetClock(Mutex::new(start)));
    let auth = Auth::open(store.clone(), clock.clone()).await.unwrap();
    World {
        auth,
        clock,
        store,
        _dir: dir,
    }
}

impl World {
    fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = limits::after(*now, time);
    }

    async fn session(&self) -> (SessionId, Cookie) {
        let link = self.auth.sign_in_link();
        self.auth.sign_in(link.value.expose()).await.unwrap()
    }

    async fn token(&self, expires_in: Option<u64>) -> TokenCreated {
        let create = TokenCreate {
            name: "editor".into(),
            expires_in,
        };
        self.auth.token_create(create).await.unwrap()
    }

    async fn restarted(&self) -> Auth {
        self.auth.flush().await.unwrap();
        Auth::open(self.store.clone(), self.clock.clone())
            .await
            .unwrap()
    }
}

/// The same text with its last digit changed.
fn falsified(secret: &Secret) -> String {
    let mut text = secret.expose().to_owned();
    let last = text.pop();
    text.push(if last == Some('0') { '1' } else { '0' });
    text
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let world = world().await;
    let link = world.auth.sign_in_link();
    let (id, cookie) = world.auth.sign_in(link.value.expose()).await.unwrap();
    assert_eq!(world.auth.session(cookie.value.expose()).unwrap().id, id);
    assert!(matches!(
        world.auth.sign_in(link.value.expose()).await,
        Err(AuthError::Refused)
    ));
}

#[tokio::test]
async fn an_expired_or_guessed_link_is_refused() {
    let world = world().await;
    let link = world.auth.sign_in_link();
    for guess in [
        "",
        "0",
        &"0".repeat(64),
        &falsified(&link.value),
        &link.value.expose().to_uppercase(),
    ] {
        assert!(
            matches!(world.auth.sign_in(guess).await, Err(AuthError::Refused)),
            "{guess}"
        );
    }
    world.pass(SIGN_IN_LIFE);
    assert!(matches!(
        world.auth.sign_in(link.value.expose()).await,
        Err(AuthError::Refused)
    ));
}

#[tokio::test]
async fn a_wrong_cookie_is_no_session() {
    let world = world().await;
    let (_, cookie) = world.session().await;
    let (_, other) = world.session().await;
    let mixed = format!(
        "{}_{}",
        cookie.value.expose().split('_').next().unwrap(),
        other.value.expose().split('_').nth(1).unwrap()
    );
    for wrong in ["", "_", &falsified(&cookie.value), &mixed, &"f".repeat(200)] {
        assert_eq!(world.auth.session(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_lives_thirty_days_from_its_last_use() {
    let world = world().await;
    let (_, cookie) = world.session().await;
    world.pass(Duration::from_secs(29 * 24 * 3600));
    assert!(world.auth.session(cookie.value.expose()).unwrap().prolonged);
    world.pass(Duration::from_secs(29 * 24 * 3600));
    let auth = world.restarted().await;
    assert!(auth.session(cookie.value.expose()).unwrap().prolonged);
    world.pass(SESSION_LIFE);
    assert_eq!(auth.session(cookie.value.expose()), None);
}

#[tokio::test]
async fn using_a_session_often_does_not_write_often() {
    let world = world().await;
    let (_, cookie) = world.session().await;
    world.auth.flush().await.unwrap();
    let written = world.store.info().last_commit;
    for _ in 0..10 {
        world.pass(Duration::from_secs(60));
        assert!(!world.auth.session(cookie.value.expose()).unwrap().prolonged);
        world.auth.flush().await.unwrap();
    }
    assert_eq!(world.store.info().last_commit, written);
}

#[tokio::test]
async fn a_session_that_signed_out_is_over_for_good() {
    let world = world().await;
    let (id, cookie) = world.session().await;
    world.auth.sign_out(id).await.unwrap();
    assert_eq!(world.auth.session(cookie.value.expose()), None);
    assert_eq!(world.restarted().await.session(cookie.value.expose()), None);
}

#[tokio::test]
async fn a_token_survives_a_restart_and_tells_its_last_minute() {
    let world = world().await;
    let created = world.token(None).await;
    assert!(created.token.expose().starts_with("labd_"));
    assert!(world.auth.token(created.token.expose()).is_some());
    let auth = world.restarted().await;
    assert_eq!(
        auth.token(created.token.expose()),
        Some(Caller::Token(created.info.id))
    );
    let used = auth.tokens().remove(0).last_used_at.unwrap();
    assert_eq!(used.to_string(), "2026-11-22T12:00:00Z");
}

#[tokio::test]
async fn an_expired_revoked_or_guessed_token_is_refused() {
    let world = world().await;
    let short = world.token(Some(60)).await;
    let revoked = world.token(None).await;
    world.auth.token_remove(revoked.info.id).await.unwrap();
    world.pass(Duration::from_secs(60));
    for wrong in [
        short.token.expose(),
        revoked.token.expose(),
        "labd_",
        "",
        &falsified(&short.token),
    ] {
        assert_eq!(world.auth.token(wrong), None, "{wrong}");
    }
    assert!(matches!(
        world.auth.token_remove(revoked.info.id).await,
        Err(AuthError::NoToken(_))
    ));
    assert_eq!(world.restarted().await.token(revoked.token.expose()), None);
}

#[tokio::test]
async fn a_session_cookie_is_no_token_and_a_token_no_session() {
    let world = world().await;
    let (_, cookie) = world.session().await;
    let token = world.token(None).await.token;
    assert_eq!(
        world.auth.token(&format!("labd_{}", cookie.value.expose())),
        None
    );
    assert_eq!(
        world
            .auth
            .session(token.expose().trim_start_matches("labd_")),
        None
    );
}

#[tokio::test]
async fn nothing_stored_lets_anyone_call() {
    let world = world().await;
    let created = world.token(None).await;
    let (_, stored) = world.store.list::<TokenRecord>("").unwrap().remove(0);
    let stored = serde_json::to_string(&stored).unwrap();
    let secret = created.token.expose().rsplit('_').next().unwrap();
    assert!(!stored.contains(secret));
    assert!(!format!("{created:?}").contains(secret));
}

#[tokio::test]
async fn a_ticket_opens_its_own_preview_once_and_soon() {
    let world = world().await;
    let (id, _) = world.session().await;
    let caller = Caller::Session(id);
    let (project, other) = (ProjectId::generate(), ProjectId::generate());

    let ticket = world.auth.preview_ticket(caller, project);
    let pass = world.auth.preview_enter(ticket.expose(), project).unwrap();
    assert_eq!(
        world.auth.preview(pass.value.expose(), project),
        Some(caller)
    );
    assert_eq!(world.auth.preview(pass.value.expose(), other), None);
    assert!(world.auth.preview_enter(ticket.expose(), project).is_err());

    let misused = world.auth.preview_ticket(caller, project);
    assert!(world.auth.preview_enter(misused.expose(), other).is_err());
    assert!(world.auth.preview_enter(misused.expose(), project).is_err());

    let late = world.auth.preview_ticket(caller, project);
    world.pass(TICKET_LIFE);
    assert!(world.auth.preview_enter(late.expose(), project).is_err());
}

#[tokio::test]
async fn a_pass_ends_with_its_day_and_with_whoever_asked_for_it() {
    let world = world().await;
    let project = ProjectId::generate();
    let token = world.token(None).await;
    let caller = Caller::Token(token.info.id);
    let ticket = world.auth.preview_ticket(caller, project);
    let pass = world
        .auth
        .preview_enter(ticket.expose(), project)
        .unwrap()
        .value;

    assert_eq!(
        world.restarted().await.preview(pass.expose(), project),
        Some(caller)
    );
    assert_eq!(world.auth.preview(&falsified(&pass), project), None);
    let forged = pass.expose().replace("token:", "session:");
    assert_eq!(world.auth.preview(&forged, project), None);
    let owner = pass.expose().replacen(&caller.to_string(), "socket", 1);
    assert_eq!(world.auth.preview(&owner, project), None);

    world.auth.token_remove(token.info.id).await.unwrap();
    assert_eq!(world.auth.preview(pass.expose(), project), None);

    let ticket = world.auth.preview_ticket(Caller::Socket, project);
    let pass = world
        .auth
        .preview_enter(ticket.expose(), project)
        .unwrap()
        .value;
    world.pass(PREVIEW_LIFE);
    assert_eq!(world.auth.preview(pass.expose(), project), None);
}

#[tokio::test]
async fn links_and_tickets_are_bounded() {
    let world = world().await;
    let first = world.auth.sign_in_link();
    world.pass(Duration::from_secs(1));
    for _ in 0..limits::LINKS {
        world.auth.sign_in_link();
    }
    assert!(world.auth.sign_in(first.value.expose()).await.is_err());
}
