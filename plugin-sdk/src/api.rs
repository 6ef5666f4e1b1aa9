//! What plugins that speak to somebody's HTTP API have in common: its address in a setting, and what
//! is worth saying of a body that is not what was asked for.

use crate::{Error, Fault, Result};

/// Characters of another's text that are kept in a message.
const EXCERPT: usize = 600;

/// The base of an API's addresses, from the setting `base-url`: without blanks, without the slash at
/// its end, and without any of `endings`, which people paste along.
///
/// # Errors
/// `invalid-request` that names the key, when it is no HTTP address.
///
/// ```
/// use labd_plugin::api::base_url;
///
/// assert_eq!(base_url(" https://ai.example/v1/messages/ ", &["/v1/messages", "/v1"])?, "https://ai.example");
/// assert!(base_url("ai.example", &[]).is_err());
/// # Ok::<(), labd_plugin::Error>(())
/// ```
pub fn base_url<'a>(setting: &'a str, endings: &[&str]) -> Result<&'a str> {
    let base = setting.trim().trim_end_matches('/');
    if !(base.starts_with("https://") || base.starts_with("http://")) {
        let fault = Fault::new(
            "configuration: `base-url` is an address with its scheme, such as https://ai.example",
        );
        return Err(Error::invalid(fault.code("base-url")));
    }
    let ending = endings.iter().find(|ending| base.ends_with(**ending));
    Ok(ending.map_or(base, |ending| {
        base.strip_suffix(ending)
            .unwrap_or(base)
            .trim_end_matches('/')
    }))
}

/// The beginning of another's text, for a message.
pub fn excerpt(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "the server gave no reason".into();
    }
    text.chars().take(EXCERPT).collect()
}

/// What a body says that is no JSON: itself, or the title of a web page, which stands in the place of
/// an API when the address is wrong or when a proxy in between has failed.
pub fn plain_message(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return excerpt(text);
    }
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map(|(title, _)| title.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| !title.is_empty());
    match title {
        Some(title) => format!(
            "the server answered with a web page, \"{}\"",
            excerpt(&title)
        ),
        None => "the server answered with a web page".into(),
    }
}

/// The error of a success whose body is not what was asked for.
pub fn unexpected(text: &str) -> Error {
    let message = if text.trim_start().starts_with('<') {
        plain_message(text)
    } else {
        "the server answered at once where a stream was asked for".into()
    };
    let hint =
        "check that `base-url` is the API's own address, and that no proxy answers in its place";
    Error::unavailable(Fault::new(message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_the_same_however_it_is_pasted() {
        let endings = ["/v1/messages", "/v1"];
        for pasted in [
            "https://ai.example",
            "https://ai.example/",
            " https://ai.example/v1 ",
            "https://ai.example/v1/messages/",
        ] {
            assert_eq!(base_url(pasted, &endings), Ok("https://ai.example"));
        }
        let error = base_url("ftp://ai.example", &endings).unwrap_err();
        assert!(error.message().contains("base-url"));
    }

    #[test]
    fn a_web_page_is_told_by_its_title() {
        let page = "<!doctype html><title>Sign\n in</title>";
        assert!(plain_message(page).ends_with("a web page, \"Sign in\""));
        assert_eq!(
            plain_message("<html>"),
            "the server answered with a web page"
        );
        assert_eq!(plain_message(" no "), "no");
        assert_eq!(plain_message(""), "the server gave no reason");
        assert!(unexpected("{}").message().contains("stream"));
    }
}
