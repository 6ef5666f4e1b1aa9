//! Opening a session: which server, TLS, who we are.

use crate::errors::ServerError;
use crate::wire::{Reader, Wire, garbage, tag};
use bytes::BytesMut;
use labd_plugin::connector::Config;
use labd_plugin::net::{Conn, ConnIo, Target, TlsMode};
use labd_plugin::{Error, Fault, Host, Result};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::frontend;

/// An open session.
pub struct Opened<C> {
    /// Ready for a query.
    pub wire: Wire<C>,
    /// How a cancel request reaches it.
    pub token: Token,
}

/// Where a session is, for a cancel request: 13 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    target: u32,
    process: i32,
    key: i32,
    tls: bool,
}

impl Token {
    /// As bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(13);
        bytes.extend(self.target.to_be_bytes());
        bytes.extend(self.process.to_be_bytes());
        bytes.extend(self.key.to_be_bytes());
        bytes.push(u8::from(self.tls));
        bytes
    }

    /// From bytes.
    ///
    /// # Errors
    /// `invalid-request` for bytes that are no token.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let read = |reader: &mut Reader<'_>| {
            Some(Self {
                target: reader.u32()?,
                process: reader.i32()?,
                key: reader.i32()?,
                tls: match reader.bytes(1)? {
                    [0] => false,
                    [1] => true,
                    _ => return None,
                },
            })
        };
        read(&mut reader)
            .filter(|_| reader.0.is_empty())
            .ok_or_else(|| Error::invalid("this is no cancel token of a PostgreSQL connection"))
    }
}

/// How SCRAM is tied to the TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Disable,
    Prefer,
    Require,
}

/// What the URL's options say.
struct Options {
    binding: Binding,
    /// Passed to the server as they are.
    parameters: Vec<(String, String)>,
}

impl Options {
    fn parse(config: &Config) -> Result<Self> {
        let mut options = Self {
            binding: Binding::Prefer,
            parameters: vec![("application_name".into(), config.application_name.clone())],
        };
        for (name, value) in &config.options {
            match name.as_str() {
                "application_name" | "options" | "search_path" => {
                    options.parameters.retain(|(known, _)| known != name);
                    options.parameters.push((name.clone(), value.clone()));
                }
                "channel_binding" => {
                    options.binding = match value.as_str() {
                        "disable" => Binding::Disable,
                        "prefer" => Binding::Prefer,
                        "require" => Binding::Require,
                        _ => {
                            return Err(Error::invalid(
                                "channel_binding must be disable, prefer or require",
                            ));
                        }
                    };
                }
                _ => {
                    return Err(Error::invalid(format!(
                        "a PostgreSQL source has no option `{name}`; known are application_name, \
                         channel_binding, options, search_path"
                    )));
                }
            }
        }
        Ok(options)
    }
}

/// Opens a session on the first server that answers.
pub fn open<H: Host>(host: &H, config: &Config) -> Result<Opened<H::Conn>> {
    let options = Options::parse(config)?;
    let mut last = Error::invalid("the source names no server");
    for (index, target) in (0..).zip(host.targets()?) {
        match open_target(host, config, &options, index, &target) {
            Ok(opened) => return Ok(opened),
            // Another server may still answer; one that has refused us has answered.
            Err(error @ (Error::Unavailable(_) | Error::Timeout)) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn open_target<H: Host>(
    host: &H,
    config: &Config,
    options: &Options,
    index: u32,
    target: &Target,
) -> Result<Opened<H::Conn>> {
    let place = format!("{}:{}", target.host, target.port);
    let connect = || -> Result<(ConnIo<H::Conn>, Security)> {
        let mut io = ConnIo::new(host.connect(index)?);
        let security = secure(&mut io, target)?;
        Ok((io, security))
    };
    let (io, security) = connect().map_err(|error| error.context(&place))?;
    let tls = security.tls;
    let mut wire = Wire::new(io);
    let (process, key) = Startup {
        wire: &mut wire,
        config,
        options,
        security,
        target,
    }
    .run()
    .map_err(|error| match error {
        Error::Unavailable(_) => error.context(&place),
        error => error,
    })?;
    wire.establish();
    Ok(Opened {
        wire,
        token: Token {
            target: index,
            process,
            key,
            tls,
        },
    })
}

/// What protects the connection.
struct Security {
    tls: bool,
    server_end_point: Option<Vec<u8>>,
}

/// Asks for TLS as the target's mode says.
fn secure<C: Conn>(io: &mut ConnIo<C>, target: &Target) -> Result<Security> {
    let plain = Security {
        tls: false,
        server_end_point: None,
    };
    if target.tls == TlsMode::Disable {
        return Ok(plain);
    }
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    io.write(&request);
    io.flush()?;
    match io.take(1)? {
        b"S" => {
            let info = io.upgrade_tls(&["postgresql".to_owned()])?;
            Ok(Security {
                tls: true,
                server_end_point: info.server_end_point,
            })
        }
        b"N" if target.tls == TlsMode::Prefer => Ok(plain),
        b"N" => Err(Error::unavailable(
            Fault::new("the server does not offer TLS, and the source asks for it")
                .code("tls_not_offered")
                .hint(
                    "turn TLS on at the server, or add sslmode=disable to the URL where the network is trusted",
                ),
        )),
        _ => Err(garbage()),
    }
}

struct Startup<'a, C> {
    wire: &'a mut Wire<C>,
    config: &'a Config,
    options: &'a Options,
    security: Security,
    target: &'a Target,
}

impl<C: Conn> Startup<'_, C> {
    /// From the startup message to the first `ReadyForQuery`; the backend's key.
    fn run(mut self) -> Result<(i32, i32)> {
        let user = self.config.user.as_deref().ok_or_else(|| {
            Error::invalid(
                "the source names no user; write it before the host: postgres://user@host/",
            )
        })?;
        let mut parameters = vec![
            ("user", user),
            ("database", self.config.database.as_deref().unwrap_or(user)),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, YMD"),
            ("TimeZone", self.config.time_zone.as_str()),
        ];
        parameters.extend(
            self.options
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        frontend::startup_message(parameters, &mut self.wire.out)
            .map_err(|_| Error::invalid("user, database and options must not hold a zero byte"))?;
        self.wire.flush()?;
        self.authenticate(user)?;
        let mut key = (0, 0);
        loop {
            let message = self.wire.message()?;
            match message.tag {
                tag::BACKEND_KEY => {
                    let mut reader = Reader(message.body);
                    key = reader.i32().zip(reader.i32()).unwrap_or_default();
                }
                tag::READY => return Ok(key),
                tag::ERROR => {
                    let error = ServerError::parse(message.body);
                    return Err(self.refused(error));
                }
                _ => return Err(garbage()),
            }
        }
    }

    fn authenticate(&mut self, user: &str) -> Result<()> {
        loop {
            let message = self.wire.message()?;
            let body = match message.tag {
                tag::AUTHENTICATION => message.body.to_vec(),
                tag::NEGOTIATE => continue,
                tag::ERROR => {
                    let error = ServerError::parse(message.body);
                    return Err(self.refused(error));
                }
                _ => return Err(garbage()),
            };
            let mut reader = Reader(&body);
            match reader.u32().ok_or_else(garbage)? {
                0 => return Ok(()),
                3 => {
                    if !self.security.tls && !self.target.host.starts_with('/') {
                        return Err(Error::unavailable(
                            Fault::new(
                                "the server asks for the password in clear text over a connection without TLS",
                            )
                            .hint("use TLS, or SCRAM-SHA-256 in the server's pg_hba.conf"),
                        ));
                    }
                    let password = self.password()?;
                    self.send_password(&password)?;
                }
                5 => {
                    let salt = reader
                        .bytes(4)
                        .and_then(|salt| salt.first_chunk::<4>())
                        .ok_or_else(garbage)?;
                    let password = self.password()?;
                    let hash = md5_hash(user.as_bytes(), &password, *salt);
                    self.send_password(hash.as_bytes())?;
                }
                10 => return self.scram(reader.0),
                method => {
                    return Err(Error::unavailable(format!(
                        "the server asks for an authentication method ({}) that this connector does not know; \
                         use SCRAM-SHA-256, or a certificate",
                        match method {
                            2 => "Kerberos".to_owned(),
                            7 => "GSSAPI".to_owned(),
                            9 => "SSPI".to_owned(),
                            other => other.to_string(),
                        }
                    )));
                }
            }
        }
    }

    fn password(&mut self) -> Result<labd_plugin::Zeroizing<Vec<u8>>> {
        self.wire.io().reveal("password")?.ok_or_else(|| {
            Error::unauthenticated(
                Fault::new("the server asks for a password, and the source has none")
                    .hint("enter the source's URL again with a password"),
            )
        })
    }

    fn send_password(&mut self, password: &[u8]) -> Result<()> {
        frontend::password_message(password, &mut self.wire.out)
            .map_err(|_| Error::unauthenticated("the password holds a zero byte"))?;
        self.wire.flush()
    }

    /// SCRAM-SHA-256, bound to the TLS connection where both sides can. The server proves that
    /// it knows the password too, before its `AuthenticationOk` counts.
    fn scram(&mut self, mechanisms: &[u8]) -> Result<()> {
        let offers = |name: &str| {
            mechanisms
                .split(|byte| *byte == 0)
                .any(|offered| offered == name.as_bytes())
        };
        let end_point = self
            .security
            .server_end_point
            .take()
            .filter(|_| self.options.binding != Binding::Disable);
        let (mechanism, binding) = match end_point {
            Some(hash) if offers(SCRAM_SHA_256_PLUS) => (
                SCRAM_SHA_256_PLUS,
                ChannelBinding::tls_server_end_point(hash),
            ),
            _ if self.options.binding == Binding::Require => {
                return Err(Error::unavailable(
                    "channel_binding=require, but the server or the connection does not offer it",
                ));
            }
            // Tells the server that we could have: one that offered it knows of a tampering.
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        if !offers(mechanism) {
            return Err(Error::unavailable(
                "the server offers no authentication method that this connector knows; it needs SCRAM-SHA-256",
            ));
        }
        let password = self.password()?;
        let mut scram = ScramSha256::new(&password, binding);
        let unusable = |_| Error::unavailable("the server's SCRAM messages are not valid");
        frontend::sasl_initial_response(mechanism, scram.message(), &mut self.wire.out)
            .map_err(unusable)?;
        self.wire.flush()?;
        let first = self.sasl(11)?;
        scram.update(&first).map_err(unusable)?;
        frontend::sasl_response(scram.message(), &mut self.wire.out).map_err(unusable)?;
        self.wire.flush()?;
        let last = self.sasl(12)?;
        scram.finish(&last).map_err(|_| {
            Error::unauthenticated(
                "the server could not prove that it knows the password; it may not be the right server",
            )
        })?;
        match self.sasl(0) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The data of the next authentication message, which must be of this type.
    fn sasl(&mut self, expected: u32) -> Result<Vec<u8>> {
        let message = self.wire.message()?;
        match message.tag {
            tag::AUTHENTICATION => {
                let mut reader = Reader(message.body);
                if reader.u32() == Some(expected) {
                    Ok(reader.0.to_vec())
                } else {
                    Err(garbage())
                }
            }
            tag::ERROR => {
                let error = ServerError::parse(message.body);
                Err(self.refused(error))
            }
            _ => Err(garbage()),
        }
    }

    /// What the server refuses us for, with what to do about it.
    fn refused(&self, error: ServerError) -> Error {
        let no_rule = error.code == "28000";
        let mut error = Error::from(error);
        if let Error::Unauthenticated(fault) = &mut error
            && no_rule
            && !self.security.tls
            && fault.hint.is_none()
        {
            fault.hint = Some(
                "the server may accept this role over TLS only: remove sslmode=disable from the URL"
                    .into(),
            );
        }
        error
    }
}

/// Sends a cancel request for the session of a token.
pub fn cancel<H: Host>(host: &H, token: Token) -> Result<()> {
    let targets = host.targets()?;
    let target = usize::try_from(token.target)
        .ok()
        .and_then(|index| targets.get(index))
        .ok_or_else(|| Error::invalid("the source no longer has the server of this token"))?;
    let mut io = ConnIo::new(host.connect(token.target)?);
    if token.tls {
        secure(&mut io, target)?;
    }
    let mut request = BytesMut::new();
    frontend::cancel_request(token.process, token.key, &mut request);
    io.write(&request);
    io.flush()?;
    // The server reads the request and closes; closing earlier could lose it.
    let _closed = io.fill();
    Ok(())
}
