//! Connection URLs.
//!
//! | form | example |
//! | --- | --- |
//! | one server | `postgresql://user:password@db.example:5432/shop?sslmode=verify-full` |
//! | several, tried in order | `postgresql://user@a.example:5432,b.example/shop` |
//! | literal IPv6 | `postgresql://user@[::1]:5432/shop` |
//! | Unix socket | `postgresql://user@/shop?host=/var/run/postgresql` |
//! | file | `sqlite:///var/lib/shop.db`, `sqlite:/var/lib/shop.db` |
//!
//! User, password, database and option values are percent-decoded. `sslmode` is taken by the host:
//! without it, `verify-full` towards the network and `prefer` towards loopback; a Unix socket needs
//! no TLS. Options about files on this machine (`sslrootcert`, `sslcert`, `sslkey`, `passfile`,
//! `service`) are refused, since a URL must not make the daemon read files; certificates and keys
//! are given beside the URL.

use labd_plugin_host::kinds::connector::{Target, TlsMode};
use labd_protocol::ApiError;
use percent_encoding::percent_decode_str;
use std::{net::IpAddr, path::PathBuf};
use zeroize::Zeroizing;

/// A URL, taken apart.
pub(crate) struct SourceUrl {
    pub place: Place,
    pub user: Option<String>,
    pub password: Option<Zeroizing<String>>,
    pub database: Option<String>,
    /// Parameters for the connector.
    pub options: Vec<(String, String)>,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Servers { targets: Vec<Target>, tls: TlsMode },
    File(PathBuf),
}

const LOCAL_FILE_OPTIONS: [&str; 6] = [
    "passfile",
    "service",
    "servicefile",
    "sslcert",
    "sslkey",
    "sslrootcert",
];

/// The scheme of a URL, in lower case.
pub(crate) fn scheme(url: &str) -> Result<String, ApiError> {
    let (scheme, _) = url.trim().split_once(':').ok_or_else(|| {
        invalid("A connection URL begins with its scheme, such as postgresql:// or sqlite:///.")
    })?;
    let valid = !scheme.is_empty()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !valid {
        return Err(invalid(
            "A connection URL begins with its scheme, such as postgresql:// or sqlite:///.",
        ));
    }
    Ok(scheme.to_lowercase())
}

/// Parses the URL of a file.
pub(crate) fn parse_file(url: &str) -> Result<SourceUrl, ApiError> {
    let url = url.trim();
    let scheme = scheme(url)?;
    let rest = url.get(scheme.len() + 1..).unwrap_or_default();
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.contains('?') {
        return Err(invalid(
            "The URL of a file takes no options; leave out what follows the '?'.",
        ));
    }
    let path = decode(path, "path")?;
    if !path.starts_with('/') {
        return Err(invalid(
            "The URL of a file names an absolute path: sqlite:///var/lib/shop.db.",
        ));
    }
    Ok(SourceUrl {
        place: Place::File(PathBuf::from(path)),
        user: None,
        password: None,
        database: None,
        options: Vec::new(),
    })
}

/// Parses the URL of one or several servers.
pub(crate) fn parse_servers(url: &str, default_port: Option<u16>) -> Result<SourceUrl, ApiError> {
    let url = url.trim();
    let scheme = scheme(url)?;
    let rest = url
        .get(scheme.len() + 1..)
        .and_then(|rest| rest.strip_prefix("//"))
        .ok_or_else(|| {
            invalid(format!(
                "Write the URL as {scheme}://user:password@host/database."
            ))
        })?;
    if rest.contains('#') {
        return Err(invalid(
            "The URL has a '#'. In a password it must be written as %23.",
        ));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (Some(credentials), hosts),
        None if database.contains('@') || query.contains('@') => {
            return Err(invalid(
                "The URL has an '@' after a '/' or a '?'. In a password those must be written as \
                 %2F and %3F, elsewhere an '@' as %40.",
            ));
        }
        None => (None, authority),
    };
    let (user, password) = match credentials {
        Some(credentials) => {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, Some(decode(password, "password")?)),
                None => (credentials, None),
            };
            (Some(decode(user, "user")?), password)
        }
        None => (None, None),
    };
    let mut options = Vec::new();
    let (mut mode, mut socket) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "sslmode" => mode = Some(tls_mode(&value)?),
            "host" if value.starts_with('/') => socket = Some(PathBuf::from(value.into_owned())),
            "password" | "user" | "host" | "port" | "dbname" => {
                return Err(invalid(format!(
                    "Write the {name} into the URL itself: {scheme}://user:password@host:port/database."
                )));
            }
            name if LOCAL_FILE_OPTIONS.contains(&name) => {
                return Err(invalid(format!(
                    "The option {name} names a file and is not taken from a URL. Give certificates \
                     and keys beside the URL."
                )));
            }
            _ => options.push((name.into_owned(), value.into_owned())),
        }
    }
    let targets = match socket {
        Some(socket) if hosts.is_empty() => {
            let port = default_port.unwrap_or_default();
            vec![Target::Unix(socket.join(format!(".s.PGSQL.{port}")))]
        }
        Some(_) => {
            return Err(invalid(
                "Name either a host or a socket's directory, not both.",
            ));
        }
        None => hosts
            .split(',')
            .map(|host| target(host, default_port))
            .collect::<Result<_, _>>()?,
    };
    let tls = mode.unwrap_or_else(|| default_tls(&targets));
    Ok(SourceUrl {
        place: Place::Servers { targets, tls },
        user: user.filter(|user| !user.is_empty()),
        password: password.map(Zeroizing::new),
        database: Some(decode(database, "database")?).filter(|database| !database.is_empty()),
        options,
    })
}

fn target(text: &str, default_port: Option<u16>) -> Result<Target, ApiError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest
                .split_once(']')
                .ok_or_else(|| invalid("An address in the URL has no closing bracket."))?;
            (host, port.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(invalid("The URL names no host."));
    }
    let port = match (port, default_port) {
        (Some(port), _) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| invalid("The URL's port is no number from 1 to 65535."))?,
        (None, Some(port)) => port,
        (None, None) => return Err(invalid("The URL's host needs a port.")),
    };
    Ok(Target::Tcp {
        host: decode(host, "host")?,
        port,
    })
}

fn tls_mode(value: &str) -> Result<TlsMode, ApiError> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        other => {
            return Err(invalid(format!(
                "sslmode={other} is not known; it is one of disable, prefer, require, verify-ca, \
                 verify-full."
            )));
        }
    })
}

fn default_tls(targets: &[Target]) -> TlsMode {
    let unix = targets
        .iter()
        .all(|target| matches!(target, Target::Unix(_)));
    if unix {
        TlsMode::Disable
    } else if targets.iter().all(is_local) {
        TlsMode::Prefer
    } else {
        TlsMode::VerifyFull
    }
}

/// Whether a target is on this machine.
pub(crate) fn is_local(target: &Target) -> bool {
    match target {
        Target::Unix(_) => true,
        Target::Tcp { host, .. } => {
            host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
    }
}

fn decode(text: &str, what: &str) -> Result<String, ApiError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| invalid(format!("The {what} in the URL is not UTF-8.")))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::invalid("url", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Result<SourceUrl, ApiError> {
        parse_servers(url, Some(5432))
    }

    fn tcp(host: &str, port: u16) -> Target {
        Target::Tcp {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn every_part_of_a_url_is_taken() {
        let url = servers("postgresql://ann:p%40ss%3Aword@db.example:6000/my%20shop?sslmode=require&application_name=x").unwrap();
        assert_eq!(url.user.as_deref(), Some("ann"));
        assert_eq!(
            url.password.as_deref().map(String::as_str),
            Some("p@ss:word")
        );
        assert_eq!(url.database.as_deref(), Some("my shop"));
        assert_eq!(url.options, [("application_name".into(), "x".into())]);
        assert_eq!(
            url.place,
            Place::Servers {
                targets: vec![tcp("db.example", 6000)],
                tls: TlsMode::Require
            }
        );
    }

    #[test]
    fn a_remote_server_is_verified_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("postgres://db.example/x", TlsMode::VerifyFull),
            ("postgres://10.0.0.1/x", TlsMode::VerifyFull),
            ("postgres://127.0.0.1/x", TlsMode::Prefer),
            ("postgres://[::1]:5432/x", TlsMode::Prefer),
            ("postgres://localhost,db.example/x", TlsMode::VerifyFull),
            ("postgres://db.example/x?sslmode=disable", TlsMode::Disable),
            ("postgres:///x?host=/run/postgresql", TlsMode::Disable),
        ] {
            let Place::Servers { tls, .. } = servers(url).unwrap().place else {
                panic!("{url}")
            };
            assert_eq!(tls, expected, "{url}");
        }
    }

    #[test]
    fn several_hosts_keep_their_order() {
        let Place::Servers { targets, .. } = servers("postgres://u@a:1,b,[2001:db8::1]:3/x")
            .unwrap()
            .place
        else {
            panic!()
        };
        assert_eq!(
            targets,
            [tcp("a", 1), tcp("b", 5432), tcp("2001:db8::1", 3)]
        );
    }

    #[test]
    fn a_url_that_cannot_work_says_what_to_write() {
        for (url, part) in [
            ("db.example", "scheme"),
            ("postgres:db", "postgres://user:password@host/database"),
            ("postgres:///x", "no host"),
            ("postgres://h:0/x", "port"),
            ("postgres://h:99999/x", "port"),
            ("postgres://u:p#w@h/x", "%23"),
            ("postgres://u:p/w@h/x", "%2F"),
            ("postgres://u:12?w@h/x", "%3F"),
            ("postgres://h/x?sslmode=on", "sslmode"),
            ("postgres://h/x?sslrootcert=/etc/passwd", "sslrootcert"),
            ("postgres://h/x?password=p", "into the URL itself"),
        ] {
            let error = servers(url).err().expect(url);
            assert!(error.message.contains(part), "{url}: {}", error.message);
        }
        // What looks like a port may be a piece of a password.
        let error = servers("postgres://u:canary").err().unwrap();
        assert!(!error.message.contains("canary"), "{}", error.message);
        assert!(parse_file("sqlite://relative.db").is_err());
        let file = parse_file("sqlite:///tmp/a%20b.db").unwrap();
        assert_eq!(file.place, Place::File("/tmp/a b.db".into()));
    }
}
