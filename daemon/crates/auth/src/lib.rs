//! Who may call: tokens, sessions, sign-in links and preview tickets.
//!
//! labd has one owner; every caller that is known may do everything, until scopes come. What is
//! handed out, to whom, and for how long:
//!
//! | what | form | lives | kept as |
//! | --- | --- | --- | --- |
//! | sign-in link | 64 hex digits in a URL's fragment | 5 minutes, once | a keyed hash, in memory |
//! | console session | `labd_session` cookie: id and 256 bits | 30 days from its last use | a keyed hash, stored |
//! | token | `labd_<id>_<256 bits>` in `Authorization` | as its maker said | a keyed hash, stored |
//! | preview ticket | 64 hex digits in a URL | 30 seconds, once | a keyed hash, in memory |
//! | preview pass | `labd_preview` cookie: caller, project, end, signature | 24 hours | nothing: it is signed |
//!
//! What must hold:
//! - Nothing that is kept lets anyone call: hashes are keyed with a key that only the store has.
//! - What ends, ends everything that came from it: a ticket or a pass is worthless once the session
//!   or token that asked for it is.
//! - Whoever guesses learns nothing: unknown, wrong, spent and expired are one answer, and
//!   comparisons take the same time.

mod clock;
mod credential;
mod error;
mod limits;
mod once;
mod records;

#[cfg(test)]
mod tests;

pub use clock::{Clock, SystemClock};
pub use error::AuthError;
pub use limits::{PREVIEW_LIFE, SESSION_LIFE, SIGN_IN_LIFE, TICKET_LIFE};

use credential::{Credential, Key};
use jiff::Timestamp;
use labd_protocol::{ProjectId, Secret, TokenCreate, TokenCreated, TokenId, TokenInfo};
use labd_store::{Batch, Store};
use once::Once;
use records::{KeyRecord, SessionRecord, TokenRecord};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use ulid::Ulid;

/// A session of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Ulid);

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A process of the daemon's user, over the Unix socket.
    Socket,
    /// A browser that is signed in.
    Session(SessionId),
    /// A program with a token.
    Token(TokenId),
}

impl fmt::Display for Caller {
    /// A name for logs, and for what belongs to a caller: `socket`, `session:<id>`, `token:<id>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.write_str("socket"),
            Self::Session(id) => write!(f, "session:{}", id.0),
            Self::Token(id) => write!(f, "token:{id}"),
        }
    }
}

impl Caller {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "socket" => Some(Self::Socket),
            Some(("session", id)) => Ulid::from_string(id)
                .ok()
                .map(|id| Self::Session(SessionId(id))),
            Some(("token", id)) => id.parse().ok().map(Self::Token),
            _ => None,
        }
    }
}

/// A session that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it ends unless it is used again.
    pub expires_at: Timestamp,
    /// It was prolonged just now: the browser should get the cookie again.
    pub prolonged: bool,
}

/// A cookie to set.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// Its value.
    pub value: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Everyone who may call. A handle: clones share the state.
#[derive(Clone)]
pub struct Auth(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    key: Key,
    known: Mutex<Known>,
    links: Once<()>,
    tickets: Once<(Caller, ProjectId)>,
    /// Held while the store is written, so that a late write brings nothing back that was removed.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    sessions: HashMap<Ulid, Held<SessionRecord>>,
    tokens: HashMap<Ulid, Held<TokenRecord>>,
}

struct Held<T> {
    record: T,
    /// It differs from what is stored.
    dirty: bool,
}

impl<T> Held<T> {
    fn stored(record: T) -> Self {
        Self {
            record,
            dirty: false,
        }
    }
}

impl Auth {
    /// Reads what is stored; at the first start, makes the key.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn open(store: Store, clock: Arc<dyn Clock>) -> Result<Self, AuthError> {
        let key = match store.get::<KeyRecord>(KeyRecord::ID)? {
            Some(record) => record.key()?,
            None => {
                let record = KeyRecord::generate();
                let mut batch = Batch::new();
                batch.put(KeyRecord::ID, &record)?;
                store.commit(batch).await?;
                record.key()?
            }
        };
        let mut known = Known::default();
        for (_, record) in store.list::<SessionRecord>("")? {
            known.sessions.insert(record.id, Held::stored(record));
        }
        for (_, record) in store.list::<TokenRecord>("")? {
            known.tokens.insert(record.id.ulid(), Held::stored(record));
        }
        Ok(Self(Arc::new(Shared {
            store,
            clock,
            key,
            known: Mutex::new(known),
            links: Once::new("sign-in link", SIGN_IN_LIFE, limits::LINKS),
            tickets: Once::new("preview ticket", TICKET_LIFE, limits::TICKETS),
            writing: tokio::sync::Mutex::new(()),
        })))
    }

    /// A token for a sign-in link, to go into the fragment of a URL, and when it is worthless.
    pub fn sign_in_link(&self) -> Cookie {
        let now = self.now();
        Cookie {
            value: self.0.links.issue(&self.0.key, now, ()),
            expires_at: limits::after(now, SIGN_IN_LIFE),
        }
    }

    /// Makes a session of a sign-in link's token.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the token is unknown, spent or expired.
    pub async fn sign_in(&self, token: &str) -> Result<(SessionId, Cookie), AuthError> {
        let now = self.now();
        self.0
            .links
            .redeem(&self.0.key, now, token)
            .ok_or(AuthError::Refused)?;
        let credential = Credential::generate(Ulid::new());
        let record = SessionRecord {
            id: credential.id,
            hash: credential.hash(&self.0.key, SessionRecord::PURPOSE),
            created_at: now,
            expires_at: limits::after(now, SESSION_LIFE),
        };
        let expires_at = record.expires_at;

        let _writing = self.0.writing.lock().await;
        let crowded_out = {
            let known = self.known();
            let oldest = known
                .sessions
                .values()
                .min_by_key(|held| held.record.expires_at);
            oldest
                .filter(|_| known.sessions.len() >= limits::SESSIONS)
                .map(|held| held.record.id)
        };
        let mut batch = Batch::new();
        if let Some(id) = crowded_out {
            batch.delete::<SessionRecord>(&id.to_string());
        }
        batch.put(&record.id.to_string(), &record)?;
        self.0.store.commit(batch).await?;
        let mut known = self.known();
        if let Some(id) = crowded_out {
            known.sessions.remove(&id);
        }
        known.sessions.insert(record.id, Held::stored(record));
        Ok((
            SessionId(credential.id),
            Cookie {
                value: credential.text(""),
                expires_at,
            },
        ))
    }

    /// The session of a cookie. Using it prolongs it, at most once a day.
    pub fn session(&self, cookie: &str) -> Option<Session> {
        let now = self.now();
        let presented = Credential::parse("", cookie)?;
        let hash = presented.hash(&self.0.key, SessionRecord::PURPOSE);
        let mut known = self.known();
        let held = known.sessions.get_mut(&presented.id)?;
        if !held.record.hash.same(&hash) || held.record.expires_at <= now {
            return None;
        }
        let prolonged = now >= held.record.last_prolonged(limits::PROLONG_AFTER);
        if prolonged {
            held.record.expires_at = limits::after(now, SESSION_LIFE);
            held.dirty = true;
        }
        Some(Session {
            id: SessionId(presented.id),
            expires_at: held.record.expires_at,
            prolonged,
        })
    }

    /// When a session ends unless it is used again; none when it is over.
    pub fn session_end(&self, session: SessionId) -> Option<Timestamp> {
        self.known()
            .sessions
            .get(&session.0)
            .map(|held| held.record.expires_at)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store cannot be written; the session is over all the same until a restart.
    pub async fn sign_out(&self, session: SessionId) -> Result<(), AuthError> {
        let _writing = self.0.writing.lock().await;
        self.known().sessions.remove(&session.0);
        let mut batch = Batch::new();
        batch.delete::<SessionRecord>(&session.0.to_string());
        Ok(self.0.store.commit(batch).await?)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// When the name is empty or long, the life is none, or there are too many tokens.
    pub async fn token_create(&self, create: TokenCreate) -> Result<TokenCreated, AuthError> {
        let name = create.name.trim();
        if name.is_empty() || name.chars().count() > limits::TOKEN_NAME {
            return Err(AuthError::invalid(
                "name",
                "Name the token in 1 to 100 characters.",
            ));
        }
        if create.expires_in == Some(0) {
            return Err(AuthError::invalid(
                "expires_in",
                "A token lives for at least a second.",
            ));
        }
        let now = self.now();
        let credential = Credential::generate(Ulid::new());
        let id: TokenId = credential
            .id
            .to_string()
            .parse()
            .map_err(|_| AuthError::Damaged("id"))?;
        let record = TokenRecord {
            id,
            hash: credential.hash(&self.0.key, TokenRecord::PURPOSE),
            name: name.to_owned(),
            created_at: now,
            expires_at: create
                .expires_in
                .map(|seconds| limits::after(now, std::time::Duration::from_secs(seconds))),
            last_used_at: None,
        };
        let info = record.info();

        let _writing = self.0.writing.lock().await;
        if self.known().tokens.len() >= limits::TOKENS {
            return Err(AuthError::invalid(
                "name",
                "There are 1 000 tokens; remove some first.",
            ));
        }
        let mut batch = Batch::new();
        batch.put(&id.to_string(), &record)?;
        self.0.store.commit(batch).await?;
        self.known().tokens.insert(id.ulid(), Held::stored(record));
        Ok(TokenCreated {
            info,
            token: credential.text(TokenRecord::PREFIX),
        })
    }

    /// All tokens, the latest first.
    pub fn tokens(&self) -> Vec<TokenInfo> {
        let known = self.known();
        let mut tokens: Vec<_> = known
            .tokens
            .values()
            .map(|held| held.record.info())
            .collect();
        tokens.sort_by_key(|token| std::cmp::Reverse(token.id));
        tokens
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// When there is no such token, or the store cannot be written; the token is revoked all the
    /// same until a restart.
    pub async fn token_remove(&self, token: TokenId) -> Result<(), AuthError> {
        let _writing = self.0.writing.lock().await;
        if self.known().tokens.remove(&token.ulid()).is_none() {
            return Err(AuthError::NoToken(token));
        }
        let mut batch = Batch::new();
        batch.delete::<TokenRecord>(&token.to_string());
        Ok(self.0.store.commit(batch).await?)
    }

    /// The caller that a token stands for.
    pub fn token(&self, text: &str) -> Option<Caller> {
        let now = self.now();
        let presented = Credential::parse(TokenRecord::PREFIX, text)?;
        let hash = presented.hash(&self.0.key, TokenRecord::PURPOSE);
        let mut known = self.known();
        let held = known.tokens.get_mut(&presented.id)?;
        if !held.record.hash.same(&hash) || !held.record.lives(now) {
            return None;
        }
        let minute = limits::minute(now);
        if held.record.last_used_at != Some(minute) {
            held.record.last_used_at = Some(minute);
            held.dirty = true;
        }
        Some(Caller::Token(held.record.id))
    }

    /// Whether a caller that was let in may still call: for streams that stay open.
    pub fn holds(&self, caller: Caller) -> bool {
        let now = self.now();
        let known = self.known();
        match caller {
            Caller::Socket => true,
            Caller::Session(id) => known
                .sessions
                .get(&id.0)
                .is_some_and(|held| held.record.expires_at > now),
            Caller::Token(id) => known
                .tokens
                .get(&id.ulid())
                .is_some_and(|held| held.record.lives(now)),
        }
    }

    /// A ticket with which a browser enters a project's preview once.
    pub fn preview_ticket(&self, caller: Caller, project: ProjectId) -> Secret {
        self.0
            .tickets
            .issue(&self.0.key, self.now(), (caller, project))
    }

    /// Makes a pass, the cookie of a preview's origin, of a ticket. A ticket is spent even when it
    /// is for another project.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the ticket is unknown, spent, expired or for another project, or
    /// whoever asked for it may not call any more.
    pub fn preview_enter(&self, ticket: &str, project: ProjectId) -> Result<Cookie, AuthError> {
        let now = self.now();
        let (caller, meant) = self
            .0
            .tickets
            .redeem(&self.0.key, now, ticket)
            .ok_or(AuthError::Refused)?;
        if meant != project || !self.holds(caller) {
            return Err(AuthError::Refused);
        }
        let expires_at = limits::after(now, PREVIEW_LIFE);
        let claim = format!("{caller}.{project}.{}", expires_at.as_second());
        let value = Secret::new(format!(
            "{claim}.{}",
            self.0.key.sign("preview pass", &claim)
        ));
        Ok(Cookie { value, expires_at })
    }

    /// Whom a pass lets into a project's preview.
    pub fn preview(&self, pass: &str, project: ProjectId) -> Option<Caller> {
        let (claim, signature) = pass.rsplit_once('.')?;
        if !self.0.key.signed("preview pass", claim, signature) {
            return None;
        }
        let mut parts = claim.split('.');
        let caller = Caller::parse(parts.next()?)?;
        let meant: ProjectId = parts.next()?.parse().ok()?;
        let ends: i64 = parts.next()?.parse().ok()?;
        (meant == project && ends > self.now().as_second() && self.holds(caller)).then_some(caller)
    }

    /// Writes what using changed: prolonged sessions and times of last use. Also forgets what has
    /// expired. Call it every minute or so, and at the end.
    ///
    /// # Errors
    /// When the store cannot be written; the next call tries again.
    pub async fn flush(&self) -> Result<(), AuthError> {
        let _writing = self.0.writing.lock().await;
        let now = self.now();
        let mut batch = Batch::new();
        {
            let mut known = self.known();
            known.sessions.retain(|id, held| {
                let lives = held.record.expires_at > now;
                if !lives {
                    batch.delete::<SessionRecord>(&id.to_string());
                }
                lives
            });
            for (id, held) in known.sessions.iter().filter(|(_, held)| held.dirty) {
                batch.put(&id.to_string(), &held.record)?;
            }
            for (id, held) in known.tokens.iter().filter(|(_, held)| held.dirty) {
                batch.put(&id.to_string(), &held.record)?;
            }
            known
                .sessions
                .values_mut()
                .for_each(|held| held.dirty = false);
            known
                .tokens
                .values_mut()
                .for_each(|held| held.dirty = false);
        }
        if batch.is_empty() {
            return Ok(());
        }
        Ok(self.0.store.commit(batch).await?)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that holds it can panic half-way through a change.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
