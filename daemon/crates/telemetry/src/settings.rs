//! Which collector is meant. The environment comes before the configuration file, as with everything
//! in labd, and its variables are those of OpenTelemetry.
//!
//! | variable | what it says |
//! | --- | --- |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the address, as it is |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the address without its end, `/v1/traces` |
//! | `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,name=value` |
//! | `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds |
//! | `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL` | only `http/protobuf` |
//! | `OTEL_TRACES_EXPORTER` | `otlp`, or `none` |
//! | `OTEL_SDK_DISABLED` | `true`: no spans |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER…`, `OTEL_BSP_…` | read by the library |

use std::{collections::HashMap, path::PathBuf, time::Duration};
use url::{Host, Url};
use zeroize::Zeroizing;

/// Where spans of OTLP over HTTP are taken.
const TRACES: &str = "v1/traces";
const PROTOCOL: &str = "http/protobuf";
/// As OpenTelemetry has it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of the file of headers.
const HEADERS_BYTES: usize = 64 * 1024;

/// What the configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The collector's address, to which `/v1/traces` is added.
    pub endpoint: Option<Url>,
    /// A file of headers, a line `name=value` for each.
    pub headers_file: Option<PathBuf>,
    /// Further certificate authorities, PEM.
    pub extra_roots: Option<String>,
}

/// Why no spans are sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The address of the collector.
    #[error("{place}: {reason}")]
    Endpoint {
        /// The variable, or the key of the configuration file.
        place: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Another protocol.
    #[error(
        "labd sends spans by OTLP over HTTP with protobuf; {0} asks for something else. Remove it, or name the collector's port for HTTP (4318 usually)"
    )]
    Protocol(&'static str),
    /// The file of headers.
    #[error("telemetry.headers_file: {0}")]
    Headers(String),
    /// Secrets would be readable on their way.
    #[error(
        "headers for a collector may hold secrets and are sent over https:// only, or to this machine"
    )]
    Readable,
    /// Anything else.
    #[error("{0}")]
    SetUp(String),
}

/// A collector.
pub(crate) struct Collector {
    pub endpoint: Url,
    /// Those of the file; the library adds those of the environment.
    pub headers: HashMap<String, String>,
    /// For a whole request.
    pub timeout: Duration,
}

impl Settings {
    /// The collector that is meant, if there is one.
    pub(crate) fn collector(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Collector>, TelemetryError> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|said| said.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let first = |of: &'static str, general: &'static str| {
            variable(of)
                .map(|value| (of, value))
                .or_else(|| variable(general).map(|value| (general, value)))
        };
        let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let all = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let (place, endpoint) = match (first(traces, all), &self.endpoint) {
            (Some((place, text)), _) => {
                let url = Url::parse(text.trim()).map_err(|error| TelemetryError::Endpoint {
                    place,
                    reason: error.to_string(),
                })?;
                let whole = place == traces;
                (place, if whole { url } else { with_path(url) })
            }
            (None, Some(url)) => ("telemetry.endpoint", with_path(url.clone())),
            (None, None) => return Ok(None),
        };
        match variable("OTEL_TRACES_EXPORTER").as_deref().map(str::trim) {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(_) => return Err(TelemetryError::Protocol("OTEL_TRACES_EXPORTER")),
        }
        let protocol = first(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        );
        if let Some((place, protocol)) = protocol
            && protocol.trim() != PROTOCOL
        {
            return Err(TelemetryError::Protocol(place));
        }
        check(place, &endpoint)?;
        let headers = self.headers()?;
        let more = first(
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        );
        let silent = headers.is_empty() && more.is_none();
        if !silent && endpoint.scheme() == "http" && !is_loopback(&endpoint) {
            return Err(TelemetryError::Readable);
        }
        let timeout = first(
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        );
        let timeout = timeout.and_then(|(_, text)| text.trim().parse().ok());
        Ok(Some(Collector {
            endpoint,
            headers,
            timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
        }))
    }

    fn headers(&self) -> Result<HashMap<String, String>, TelemetryError> {
        let Some(path) = &self.headers_file else {
            return Ok(HashMap::new());
        };
        let wrong =
            |reason: String| TelemetryError::Headers(format!("{}: {reason}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let text = Zeroizing::new(text);
        if text.len() > HEADERS_BYTES {
            return Err(wrong("it is too long for headers".into()));
        }
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(number, line)| {
                // The line itself may be a secret.
                let wrong = || wrong(format!("line {} is no name=value", number + 1));
                let (name, value) = line.split_once('=').ok_or_else(wrong)?;
                let (name, value) = (name.trim(), value.trim());
                let name: http::HeaderName = name.parse().map_err(|_| wrong())?;
                http::HeaderValue::from_str(value).map_err(|_| wrong())?;
                Ok((name.as_str().to_owned(), value.to_owned()))
            })
            .collect()
    }
}

fn with_path(mut url: Url) -> Url {
    let path = format!("{}/{TRACES}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

fn check(place: &'static str, url: &Url) -> Result<(), TelemetryError> {
    let wrong = |reason: &str| {
        Err(TelemetryError::Endpoint {
            place,
            reason: reason.to_owned(),
        })
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return wrong("it is no address like http://localhost:4318");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("an address with a user name or a password ends up in logs; use headers");
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        settings: &Settings,
        variables: &[(&str, &str)],
    ) -> Result<Option<Collector>, TelemetryError> {
        settings.collector(|name| {
            let mut known = variables.iter();
            let found = known.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn file(endpoint: &str) -> Settings {
        Settings {
            endpoint: Url::parse(endpoint).ok(),
            ..Settings::default()
        }
    }

    fn address(settings: &Settings, variables: &[(&str, &str)]) -> Option<String> {
        let collector = asked(settings, variables).ok().flatten();
        collector.map(|collector| collector.endpoint.to_string())
    }

    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES_ONLY: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn without_an_address_there_is_no_collector() {
        assert_eq!(address(&Settings::default(), &[]), None);
        assert_eq!(address(&Settings::default(), &[(ALL, " ")]), None);
        let off = [
            (ALL, "http://localhost:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        assert_eq!(address(&file("http://localhost:1"), &off), None);
        let none = [
            (ALL, "http://localhost:4318"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ];
        assert!(asked(&Settings::default(), &none).unwrap().is_none());
    }

    #[test]
    fn the_environment_comes_before_the_file_and_the_narrower_variable_first() {
        let file = file("http://localhost:1/otel/");
        assert_eq!(
            address(&file, &[]).as_deref(),
            Some("http://localhost:1/otel/v1/traces")
        );
        assert_eq!(
            address(&file, &[(ALL, "http://localhost:2")]).as_deref(),
            Some("http://localhost:2/v1/traces")
        );
        let both = [
            (ALL, "http://localhost:2"),
            (TRACES_ONLY, "https://c.example/in"),
        ];
        assert_eq!(
            address(&file, &both).as_deref(),
            Some("https://c.example/in")
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_place() {
        for (name, value) in [
            (ALL, "no address"),
            (ALL, "ftp://c.example"),
            (ALL, "https://me:secret-5f@c.example"),
        ] {
            let error = asked(&Settings::default(), &[(name, value)]).err().unwrap();
            let error = error.to_string();
            assert!(
                error.contains(name) && !error.contains("secret-5f"),
                "{error}"
            );
        }
        for name in [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ] {
            let grpc = [(ALL, "http://localhost:4317"), (name, "grpc")];
            let error = asked(&Settings::default(), &grpc).err().unwrap();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn headers_never_leave_the_machine_in_the_clear() {
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x");
        let to = |address| asked(&Settings::default(), &[(ALL, address), headers]);
        assert!(matches!(
            to("http://c.example:4318"),
            Err(TelemetryError::Readable)
        ));
        for fine in [
            "https://c.example",
            "http://127.0.0.1:4318",
            "http://localhost:4318",
        ] {
            assert!(to(fine).unwrap().is_some(), "{fine}");
        }
        assert!(address(&Settings::default(), &[(ALL, "http://c.example:4318")]).is_some());
    }

    #[test]
    fn headers_come_from_a_file_whose_lines_are_never_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        let settings = Settings {
            headers_file: Some(path.clone()),
            ..file("http://localhost:4318")
        };
        assert!(matches!(
            asked(&settings, &[]),
            Err(TelemetryError::Headers(_))
        ));
        std::fs::write(&path, "Authorization = Bearer a=b\n\nx-team=7\n").unwrap();
        let collector = asked(&settings, &[]).unwrap().unwrap();
        assert_eq!(collector.headers["authorization"], "Bearer a=b");
        assert_eq!(collector.headers["x-team"], "7");
        for wrong in ["secret-5f", "a b=secret-5f", "x=secret-5f\u{7f}"] {
            std::fs::write(&path, format!("x-team=7\n{wrong}\n")).unwrap();
            let error = asked(&settings, &[]).err().unwrap().to_string();
            assert!(
                error.contains("line 2") && !error.contains("secret-5f"),
                "{error}"
            );
        }
    }
}
