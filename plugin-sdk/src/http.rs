//! Outgoing HTTP. The host adds the credential after the request has left the plugin, vets the
//! origin and its address, and follows no redirect.

use crate::bindings::base::labd::host::http as wit;
use crate::{Error, Fault, Host, Result, json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

pub use wit::Request;

/// A body that is still arriving. Dropping it before its end closes the connection.
pub trait Body: 'static {
    /// Waits for 1..`max` bytes; empty at the end.
    ///
    /// # Errors
    /// `unavailable` when the connection breaks, `timeout` when nothing arrives in time.
    fn read(&mut self, max: u32) -> Result<Vec<u8>>;
}

impl Body for wit::Body {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        wit::Body::read(self, max)
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// With a header. The credential's own header is the host's to set: setting it is `denied`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With a JSON body and its `content-type`.
    ///
    /// # Errors
    /// `internal` when the value does not serialise.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Error::internal(format!("request body: {error}")))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// With a JSON body, which may hold a long prompt, and its `content-type`.
    pub fn json_value(self, value: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(json::to_vec(value))
    }

    /// With a limit of time until the response's head.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX));
        self
    }
}

/// The head of a response, and its body.
#[derive(Debug)]
pub struct Response<B> {
    /// Any status is a success to the host: look at it first.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What is still arriving.
    pub body: B,
}

/// The most bytes of an error's body that are worth reading.
pub const ERROR_BODY_LIMIT: usize = 64 * 1024;

impl<B: Body> Response<B> {
    /// A 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The whole body.
    ///
    /// # Errors
    /// `unavailable` beyond `limit` bytes, and whatever reading gives.
    pub fn bytes(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let piece = self.body.read(64 * 1024)?;
            if piece.is_empty() {
                return Ok(all);
            }
            if all.len() + piece.len() > limit {
                return Err(Error::unavailable(format!(
                    "the response is larger than {limit} bytes"
                )));
            }
            all.extend_from_slice(&piece);
        }
    }

    /// The beginning of the body as text, for an error's message: at most [`ERROR_BODY_LIMIT`]
    /// bytes, and what has arrived when reading fails.
    pub fn error_text(&mut self) -> String {
        let mut all = Vec::new();
        while let Ok(piece) = self.body.read(16 * 1024) {
            if piece.is_empty() {
                break;
            }
            all.extend_from_slice(&piece);
            if all.len() >= ERROR_BODY_LIMIT {
                all.truncate(ERROR_BODY_LIMIT);
                break;
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// `unavailable` when it is not what was expected.
    pub fn json<T: DeserializeOwned>(&mut self, limit: usize) -> Result<T> {
        let bytes = self.bytes(limit)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::unavailable(format!("the response is not the expected JSON: {error}"))
        })
    }
}

/// Bytes that are looked at together.
const PEEK: u32 = 16 * 1024;

/// A body whose beginning can be looked at before it is read: what answers to a request for a stream
/// may be an error in JSON or a web page.
#[derive(Debug)]
pub struct Peeked<B> {
    seen: Vec<u8>,
    body: B,
}

impl<B: Body> Peeked<B> {
    /// A response whose body can be looked at.
    pub fn around(response: Response<B>) -> Response<Self> {
        Response {
            status: response.status,
            headers: response.headers,
            body: Self {
                seen: Vec::new(),
                body: response.body,
            },
        }
    }

    /// The first byte that is no blank, without taking it; none when there is nothing else.
    ///
    /// # Errors
    /// As reading does.
    pub fn first(&mut self) -> Result<Option<u8>> {
        loop {
            if let Some(byte) = self.seen.iter().find(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(*byte));
            }
            let piece = self.body.read(PEEK)?;
            if piece.is_empty() || self.seen.len() >= PEEK as usize {
                self.seen.extend(piece);
                return Ok(None);
            }
            self.seen.extend(piece);
        }
    }
}

impl<B: Body> Body for Peeked<B> {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        if self.seen.is_empty() {
            return self.body.read(max);
        }
        let rest = self.seen.split_off(self.seen.len().min(max as usize));
        Ok(std::mem::replace(&mut self.seen, rest))
    }
}

/// The first header of that name. Names of responses are in lower case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// How long a server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub fn retry_after<H: Host>(host: &H, headers: &[(String, String)]) -> Option<Duration> {
    if let Some(milliseconds) =
        header(headers, "retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok())
    {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = u64::try_from(http_date(text)?).ok()?.checked_mul(1000)?;
    Some(Duration::from_millis(at.saturating_sub(host.now())))
}

/// Milliseconds since the Unix epoch of a moment as RFC 3339 writes it: `2026-11-23T04:05:06.5Z`, or
/// with an offset such as `+01:00`; none when it is none.
pub fn timestamp(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => return None,
    };
    let offset = match offset.split_at_checked(1)? {
        ("+", offset) => minutes(offset)?,
        ("-", offset) => -minutes(offset)?,
        _ => 0,
    };
    let (clock, seconds) = time.rsplit_once(':')?;
    let seconds = seconds
        .parse::<f64>()
        .ok()
        .filter(|s| (0.0..61.0).contains(s))?;
    let of_day = (minutes(clock)? - offset) * 60_000 + (seconds * 1000.0).round() as i64;
    u64::try_from(days_since_epoch(year, month, day) * 86_400_000 + of_day).ok()
}

/// Minutes of `04:05`.
fn minutes(clock: &str) -> Option<i64> {
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60).then(|| i64::from(hours) * 60 + i64::from(minutes))
}

/// Maps a status that is not a success to the contract's error. `fault` is what the upstream's
/// body says; an upstream that tells more by its own code is the plugin's to classify.
pub fn status_error<H: Host>(
    host: &H,
    status: u16,
    headers: &[(String, String)],
    fault: impl Into<Fault>,
) -> Error {
    let fault = fault.into();
    let wait = || {
        retry_after(host, headers).map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX))
    };
    match status {
        401 | 403 => Error::Unauthenticated(fault),
        404 | 410 => Error::NotFound(fault),
        408 | 504 => Error::Timeout,
        409 => Error::Conflict(fault),
        429 => Error::RateLimited(wait()),
        // Who says for how long asks to wait, whatever the reason.
        503 | 529 => wait().map_or(Error::Overloaded, |wait| Error::RateLimited(Some(wait))),
        400..500 => Error::InvalidRequest(fault),
        300..400 => Error::Unavailable(fault.hint("the address redirects; configure its target")),
        _ => Error::Unavailable(fault),
    }
}

/// Seconds since the epoch of an IMF-fixdate (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994
/// 08:49:37 GMT`.
fn http_date(text: &str) -> Option<i64> {
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    .iter()
    .position(|name| *name == month)? as i64
        + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':');
    let hour: i64 = clock.next()?.parse().ok()?;
    let minute: i64 = clock.next()?.parse().ok()?;
    let second: i64 = clock.next()?.parse().ok()?;
    if !(1..=31).contains(&day) || !(1970..10_000).contains(&year) {
        return None;
    }
    Some(days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 of a date; `month` from 1.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, Piece};

    fn wait(name: &str, value: &str) -> Option<u64> {
        let host = FakeHost::new();
        // 2024-01-01T00:00:00Z.
        host.set_now(1_704_067_200_000);
        retry_after(&host, &[(name.into(), value.into())])
            .and_then(|wait| u64::try_from(wait.as_millis()).ok())
    }

    #[test]
    fn what_was_looked_at_is_read_all_the_same() {
        let host = FakeHost::new();
        host.respond(200, [" \n", "{\"a\":", "1}"]);
        let response = host.send(Request::get("http://a.example")).unwrap();
        let mut response = Peeked::around(response);
        assert_eq!(response.body.first().unwrap(), Some(b'{'));
        assert_eq!(response.body.first().unwrap(), Some(b'{'));
        assert_eq!(response.bytes(64).unwrap(), b" \n{\"a\":1}");
        assert_eq!(response.body.first().unwrap(), None);
    }

    #[test]
    fn a_wait_is_read_in_each_form_that_servers_send() {
        assert_eq!(wait("retry-after-ms", "1500"), Some(1500));
        assert_eq!(wait("retry-after", "2"), Some(2000));
        assert_eq!(wait("retry-after", "0.25"), Some(250));
        assert_eq!(
            wait("retry-after", "Mon, 01 Jan 2024 00:01:00 GMT"),
            Some(60_000)
        );
        assert_eq!(
            wait("retry-after", "Sun, 31 Dec 2023 23:59:00 GMT"),
            Some(0)
        );
        for nonsense in [
            "",
            "soon",
            "-5",
            "NaN",
            "Mon, 99 Jan 2024 00:01:00 GMT",
            "Mon, 01 Jan 99999 00:01:00 GMT",
        ] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_moment_is_read_with_its_offset() {
        let first = Some(1_704_067_200_000);
        assert_eq!(timestamp("2024-01-01T00:00:00Z"), first);
        assert_eq!(timestamp("2024-01-01T01:30:00+01:30"), first);
        assert_eq!(timestamp("2023-12-31T23:00:00-01:00"), first);
        assert_eq!(
            timestamp("2024-01-01T00:00:01.25Z"),
            first.map(|at| at + 1250)
        );
        for nonsense in [
            "",
            "soon",
            "2024-01-01",
            "2024-13-01T00:00:00Z",
            "2024-01-01T25:00:00Z",
        ] {
            assert_eq!(timestamp(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn each_status_has_its_error() {
        let host = FakeHost::new();
        let of = |status| status_error(&host, status, &[("retry-after".into(), "3".into())], "why");
        assert_eq!(of(401), Error::unauthenticated("why"));
        assert_eq!(of(404), Error::not_found("why"));
        assert_eq!(of(408), Error::Timeout);
        assert_eq!(of(409), Error::conflict("why"));
        assert_eq!(of(422), Error::invalid("why"));
        assert_eq!(of(429), Error::RateLimited(Some(3000)));
        assert_eq!(of(500), Error::unavailable("why"));
        assert_eq!(of(503), Error::RateLimited(Some(3000)));
        assert_eq!(status_error(&host, 529, &[], "why"), Error::Overloaded);
        assert!(of(302).fault().is_some_and(|fault| fault.hint.is_some()));
    }

    #[test]
    fn a_body_is_read_whole_within_its_limit() -> Result<()> {
        let host = FakeHost::new();
        host.respond(200, ["{\"a\":", "1}"]);
        host.respond(200, ["0123456789"]);
        host.respond_with(
            500,
            &[("X-Id", "7")],
            [Piece::Bytes(b"half".to_vec()), Piece::Fail(Error::Timeout)],
        );
        let send = || host.send(Request::get("https://x.example/"));
        assert_eq!(
            send()?.json::<serde_json::Value>(100)?,
            serde_json::json!({"a": 1})
        );
        assert!(matches!(send()?.bytes(5), Err(Error::Unavailable(_))));
        let mut failed = send()?;
        assert_eq!(failed.header("x-id"), Some("7"));
        assert_eq!(failed.error_text(), "half");
        Ok(())
    }
}
