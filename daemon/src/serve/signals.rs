//! What the operator and the service manager say to the running daemon, and what it says to them.
//!
//! | signal | effect |
//! | --- | --- |
//! | `SIGTERM`, `SIGINT` | stop |
//! | `SIGHUP` | read the configuration again; when started at a terminal: stop, since it is gone |

use super::{Config, log::LogFilter};
use crate::{cli::GlobalOptions, cli::ServeOptions, failure::Failure};
use std::{
    env,
    io::{self, IsTerminal as _},
    os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram},
    },
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ends when the daemon is told to stop.
pub async fn told_to_stop() {
    let at_terminal = io::stdin().is_terminal();
    tokio::select! {
        () = arrives(SignalKind::terminate()) => {}
        () = arrives(SignalKind::interrupt()) => {}
        () = arrives(SignalKind::hangup()), if at_terminal => {}
    }
}

async fn arrives(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "a signal cannot be waited for");
            std::future::pending().await
        }
    }
}

/// The configuration as `labd serve` uses it.
pub fn configuration(global: &GlobalOptions, options: &ServeOptions) -> Result<Config, Failure> {
    let mut config = Config::load(global)?;
    if let Some(listen) = options.listen {
        config.listen = listen;
    }
    Ok(config)
}

/// Reads the configuration again at each `SIGHUP`, for as long as the daemon runs.
pub fn reload_when_told(
    global: GlobalOptions,
    options: ServeOptions,
    running: Config,
    log: LogFilter,
) -> io::Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    // Caught from here on, not only once the task runs: otherwise it would end the daemon.
    let signal = signal(SignalKind::hangup())?;
    tokio::spawn(reload_at_each(signal, global, options, running, log));
    Ok(())
}

async fn reload_at_each(
    mut signal: Signal,
    global: GlobalOptions,
    options: ServeOptions,
    mut running: Config,
    log: LogFilter,
) {
    while signal.recv().await.is_some() {
        let fresh = match configuration(&global, &options) {
            Ok(fresh) => fresh,
            Err(failure) => {
                tracing::error!("the configuration stays as it was: {failure}");
                continue;
            }
        };
        if let Err(error) = log.set(&fresh.log) {
            tracing::error!("the configuration stays as it was: {error}");
            continue;
        }
        running.log.clone_from(&fresh.log);
        tracing::warn!("the configuration was read again");
        let waiting = running.differences(&fresh);
        if !waiting.is_empty() {
            tracing::warn!("changes that count after a restart: {}", waiting.join(", "));
        }
    }
}

/// Tells the service manager how the daemon stands, when one asked for it: `READY=1`,
/// `STOPPING=1`. systemd's protocol is one datagram to the socket that `NOTIFY_SOCKET` names, where
/// a leading `@` stands for the abstract namespace (sd_notify(3)).
pub fn tell_manager(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = address(name.as_bytes())
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, state, "the service manager cannot be told");
    }
}

#[cfg(target_os = "linux")]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name)),
    }
}

#[cfg(not(target_os = "linux"))]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}
