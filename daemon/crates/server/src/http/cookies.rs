//! The cookies that are set: of one host only, out of scripts' reach, and never sent along with
//! what another site causes.

use super::guard::{PREVIEW_COOKIE, SESSION_COOKIE};
use crate::addresses::Addresses;
use axum::response::Response;
use http::{HeaderValue, header};
use jiff::Timestamp;
use labd_protocol::Secret;

pub(crate) fn set_session(
    response: &mut Response,
    addresses: &Addresses,
    value: &Secret,
    expires_at: Timestamp,
) {
    set(
        response,
        addresses,
        SESSION_COOKIE,
        value,
        seconds_until(expires_at),
    );
}

pub(crate) fn clear_session(response: &mut Response, addresses: &Addresses) {
    set(response, addresses, SESSION_COOKIE, &Secret::new(""), 0);
}

pub(crate) fn set_preview(
    response: &mut Response,
    addresses: &Addresses,
    value: &Secret,
    expires_at: Timestamp,
) {
    set(
        response,
        addresses,
        PREVIEW_COOKIE,
        value,
        seconds_until(expires_at),
    );
}

fn set(response: &mut Response, addresses: &Addresses, name: &str, value: &Secret, seconds: i64) {
    let secure = if addresses.secure() { "; Secure" } else { "" };
    let value = value.expose();
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn seconds_until(end: Timestamp) -> i64 {
    end.as_second()
        .saturating_sub(Timestamp::now().as_second())
        .max(0)
}
