//! How long a server asks to wait that does not say it in `retry-after`.

use labd_plugin::http::header;
use std::time::Duration;

/// What is counted, as the headers `x-ratelimit-remaining-…` and `x-ratelimit-reset-…` name it.
const COUNTED: [&str; 2] = ["requests", "tokens"];

/// The milliseconds until what ran out is there again: by the headers, else by the message (`Please
/// try again in 6m0s.`).
pub(crate) fn wait(headers: &[(String, String)], message: &str) -> Option<u32> {
    let spent = COUNTED.iter().filter(|what| {
        header(headers, &format!("x-ratelimit-remaining-{what}"))
            .is_some_and(|left| left.trim() == "0")
    });
    spent
        .filter_map(|what| header(headers, &format!("x-ratelimit-reset-{what}")).and_then(duration))
        .max()
        .or_else(|| {
            let (_, rest) = message.split_once("try again in ")?;
            duration(rest.split_whitespace().next()?.trim_end_matches('.'))
        })
        .map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX))
}

/// `1h2m3.5s`, `6m0s`, `20ms`, or seconds alone.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_that_of_what_ran_out() {
        let headers = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter()
                .map(|(name, value)| (format!("x-ratelimit-{name}"), (*value).to_owned()))
                .collect()
        };
        let both = headers(&[
            ("remaining-requests", "0"),
            ("reset-requests", "6m0s"),
            ("remaining-tokens", "149984"),
            ("reset-tokens", "2h"),
        ]);
        assert_eq!(wait(&both, ""), Some(360_000));
        let tokens = headers(&[("remaining-tokens", "0"), ("reset-tokens", "1h2m3.5s")]);
        assert_eq!(wait(&tokens, ""), Some(3_723_500));
        let message = "Rate limit reached for gpt-5. Please try again in 259ms. Visit https://x.";
        assert_eq!(wait(&[], message), Some(259));
        assert_eq!(wait(&[], "try again in 7.66s."), Some(7660));
        for nonsense in ["", "try again in a while", "try again in 5parsecs"] {
            assert_eq!(wait(&[], nonsense), None, "{nonsense}");
        }
    }
}
