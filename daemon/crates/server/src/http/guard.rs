//! Who is let in.
//!
//! A browser sends a site's cookies along with requests that other sites, and other previews,
//! cause. So for a request that is let in by its cookie:
//! - `Origin`, where it is sent, is exactly this site's; `Sec-Fetch-Site`, where it is sent, is
//!   `same-origin`, or `none` (typed by the user) when nothing is changed;
//! - at least one of them is sent;
//! - `POST`, `PUT` and `PATCH` carry `Content-Type: application/json`, which no form can, and which
//!   other origins cannot send unasked.
//!
//! A token in `Authorization` needs none of this, since no browser adds it by itself. A foreign
//! `Origin` is refused even then: there is no CORS. A token anywhere else is none.

use super::extract::{is_json, not_json};
use super::problem::ProblemDocument;
use crate::addresses::Site;
use crate::api::Api;
use http::{HeaderMap, Method, header, request::Parts};
use labd_auth::{Caller, Session};
use labd_protocol::{ErrorCode, ProjectId};

pub(crate) const SESSION_COOKIE: &str = "labd_session";
pub(crate) const PREVIEW_COOKIE: &str = "labd_preview";

/// A caller who was let in.
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    /// The session's cookie, to be set again since its life was prolonged.
    pub(crate) prolonged: Option<(String, Session)>,
}

/// Lets a caller of the API in, or says why not.
pub(crate) fn admit(
    api: &Api,
    site: Site,
    host: &str,
    parts: &Parts,
) -> Result<Admitted, ProblemDocument> {
    own_origin(&parts.headers, &api.addresses().origin(site, host))?;
    if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
        return Ok(Admitted {
            caller: by_token(api, authorization)?,
            prolonged: None,
        });
    }
    if site != Site::Console {
        return Err(unauthenticated());
    }
    let (value, session) = cookies(&parts.headers, SESSION_COOKIE)
        .find_map(|value| Some((value, api.auth().session(value)?)))
        .ok_or_else(unauthenticated)?;
    from_own_page(&parts.method, &parts.headers)?;
    let prolonged = session.prolonged.then(|| (value.to_owned(), session));
    Ok(Admitted {
        caller: Caller::Session(session.id),
        prolonged,
    })
}

/// Lets a program in, by its token alone: cookies do not count here.
pub(crate) fn admit_program(
    api: &Api,
    site: Site,
    host: &str,
    parts: &Parts,
) -> Result<Caller, ProblemDocument> {
    own_origin(&parts.headers, &api.addresses().origin(site, host))?;
    let admitted = match parts.headers.get(header::AUTHORIZATION) {
        Some(authorization) => by_token(api, authorization),
        None => Err(unauthenticated()),
    };
    admitted.map_err(|problem| {
        problem.hint("The API key is a token of labd: labd token create <name>.")
    })
}

fn by_token(api: &Api, authorization: &http::HeaderValue) -> Result<Caller, ProblemDocument> {
    let token = authorization
        .to_str()
        .ok()
        .and_then(bearer)
        .unwrap_or_default();
    api.auth().token(token).ok_or_else(unauthenticated)
}

/// Checks a request that will get a session's cookie as one that has it is checked.
pub(crate) fn may_sign_in(
    api: &Api,
    site: Site,
    host: &str,
    parts: &Parts,
) -> Result<(), ProblemDocument> {
    if site != Site::Console {
        return Err(
            forbidden("Sign in at the console's address.").hint(api.addresses().console_url())
        );
    }
    own_origin(&parts.headers, &api.addresses().origin(site, host))?;
    from_own_page(&parts.method, &parts.headers)
}

/// Lets a viewer of a preview in. Other pages may link to and frame it; nothing else.
pub(crate) fn admit_viewer(
    api: &Api,
    project: ProjectId,
    parts: &Parts,
) -> Result<Caller, ProblemDocument> {
    let headers = &parts.headers;
    own_origin(headers, &api.addresses().preview_origin(project))?;
    let caller = cookies(headers, PREVIEW_COOKIE)
        .find_map(|pass| api.auth().preview(pass, project))
        .ok_or_else(|| {
            ProblemDocument::new(
                ErrorCode::Unauthenticated,
                "This preview is not open in this browser. Open it from the console.",
            )
            .hint(api.addresses().console_url())
        })?;
    let navigates = text(headers, "sec-fetch-mode") == Some("navigate");
    let allowed = match text(headers, "sec-fetch-site") {
        Some("same-origin") => true,
        Some("none") => reads(&parts.method),
        Some(_) => reads(&parts.method) && navigates,
        None => reads(&parts.method) || headers.contains_key(header::ORIGIN),
    };
    if allowed { Ok(caller) } else { Err(foreign()) }
}

/// An `Origin` that is sent must be the site's own. `null` is not.
fn own_origin(headers: &HeaderMap, own: &str) -> Result<(), ProblemDocument> {
    let own = |value: &http::HeaderValue| value.as_bytes() == own.as_bytes();
    if headers.get_all(header::ORIGIN).iter().all(own) {
        Ok(())
    } else {
        Err(foreign())
    }
}

/// The rest of the rules for cookies, once `Origin` is known to be no foreign one.
fn from_own_page(method: &Method, headers: &HeaderMap) -> Result<(), ProblemDocument> {
    let allowed = match text(headers, "sec-fetch-site") {
        Some("same-origin") => true,
        Some("none") => reads(method),
        Some(_) => false,
        None => headers.contains_key(header::ORIGIN),
    };
    if !allowed {
        return Err(foreign());
    }
    let sends = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if sends && !is_json(headers) {
        return Err(not_json());
    }
    Ok(())
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// All values of a cookie: another site under the same domain can add one of the same name.
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(move |pair| {
            let (found, value) = pair.trim().split_once('=')?;
            (found == name).then_some(value)
        })
}

fn unauthenticated() -> ProblemDocument {
    ProblemDocument::new(
        ErrorCode::Unauthenticated,
        "Sign in first, or send a token that is good.",
    )
    .hint("Run `labd open` for the console; send Authorization: Bearer labd_… from a program.")
}

fn foreign() -> ProblemDocument {
    forbidden("This request does not come from a page of this address.")
        .hint("Programs send a token and no Origin; pages of other addresses cannot call labd.")
}

fn forbidden(detail: &str) -> ProblemDocument {
    ProblemDocument::new(ErrorCode::Forbidden, detail)
}
