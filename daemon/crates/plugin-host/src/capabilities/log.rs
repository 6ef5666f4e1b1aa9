//! `labd:host/log`, and what a guest writes to its standard error: lines in the daemon's log under
//! the plugin's name.
//!
//! At most [`Limits::log_lines`](crate::Limits::log_lines) a second for all instances of a plugin
//! and [`LOG_LINE_BYTES`] a line; what is beyond is dropped and counted. Control characters, and
//! those that turn text around, are escaped, so that a line stays a line and a terminal does not obey a plugin; values of the
//! instance's credentials are replaced by `[sealed]`.

use crate::{
    bindings::host::labd::host::log,
    kinds::sandbox::AppServices,
    limits::LOG_LINE_BYTES,
    plugin_core::{Happening, PluginCore},
    state::{Access, HostState},
};
use bytes::Bytes;
use labd_plugin_package::text::defuse_line;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};
use zeroize::Zeroizing;

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, Access>(linker, |state| state)
}

impl log::Host for HostState {
    async fn log(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        self.log
            .write(level, &message, &fields, self.app.0.as_deref());
        Ok(())
    }
}

/// Secrets shorter than this are not searched for in lines: they would black out everything.
const SHORTEST_SECRET: usize = 4;

/// Where the lines of one instance go.
#[derive(Clone)]
pub(crate) struct LogSink {
    core: Arc<PluginCore>,
    secrets: Arc<Mutex<Vec<Zeroizing<String>>>>,
}

impl LogSink {
    pub fn new(core: Arc<PluginCore>) -> Self {
        Self {
            core,
            secrets: Arc::default(),
        }
    }

    /// The values that may not appear in lines from now on.
    pub fn seal(&self, secrets: Vec<Zeroizing<String>>) {
        *self.secrets.lock().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// For the guest's standard error.
    pub fn stream(&self) -> impl StdoutStream + 'static {
        StandardError(self.clone())
    }

    fn write(
        &self,
        level: &'static str,
        message: &str,
        fields: &[(String, String)],
        app: Option<&dyn AppServices>,
    ) {
        if !self.core.may_log() {
            return;
        }
        let line = self.line(message, fields);
        match level {
            "debug" => tracing::debug!(plugin = %self.core.id, "{line}"),
            "warn" => tracing::warn!(plugin = %self.core.id, "{line}"),
            "error" => tracing::error!(plugin = %self.core.id, "{line}"),
            _ => tracing::info!(plugin = %self.core.id, "{line}"),
        }
        if let Some(app) = app {
            app.log(level, &line);
        }
        self.core.emit(Happening::Log { level, line });
    }

    /// Replaces the instance's secrets in a text that leaves it in another way.
    pub fn scrub(&self, text: &mut String) {
        for secret in self
            .secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
        {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), "[sealed]");
            }
        }
    }

    fn line(&self, message: &str, fields: &[(String, String)]) -> String {
        let mut text = String::new();
        let mut push = |part: &str| {
            let room = LOG_LINE_BYTES.saturating_sub(text.len());
            text.push_str(cut(part, room));
        };
        push(message);
        for (name, value) in fields {
            push(" ");
            push(name);
            push("=");
            push(value);
        }
        // A secret that the cut split would escape the search, so its beginning goes as well.
        let was_cut = text.len() >= LOG_LINE_BYTES - 3;
        for secret in self
            .secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
        {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "[sealed]");
            }
            if was_cut {
                let tail = (SHORTEST_SECRET..secret.len())
                    .rev()
                    .filter_map(|n| secret.get(..n))
                    .find(|start| text.ends_with(start))
                    .map(str::len);
                if let Some(tail) = tail {
                    text.truncate(text.len() - tail);
                    text.push_str("[sealed]");
                }
            }
        }
        defuse_line(&mut text);
        text
    }
}

/// As much of the text as fits, up to a whole character.
pub(crate) fn cut(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

struct StandardError(LogSink);

impl IsTerminal for StandardError {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StandardError {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LineStream::new(self.0.clone()))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineStream::new(self.0.clone()))
    }
}

/// Cuts a stream of bytes into lines.
struct LineStream {
    sink: LogSink,
    line: Vec<u8>,
}

impl LineStream {
    fn new(sink: LogSink) -> Self {
        Self {
            sink,
            line: Vec::new(),
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.line.len() < LOG_LINE_BYTES {
                self.line.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.sink
                .write("warn", &String::from_utf8_lossy(&line), &[], None);
        }
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        self.end_line();
    }
}

#[async_trait::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take_in(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take_in(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn sink() -> LogSink {
        LogSink::new(Arc::new(PluginCore::new(
            "acme.test".into(),
            Arc::new(Limits::default()),
            PluginCore::channel(),
        )))
    }

    #[test]
    fn a_line_stays_one_line_without_control_characters() {
        let line = sink().line("a\nb\u{1b}[31m", &[("k\r".into(), "ü".into())]);
        assert_eq!(line, "a\\nb\\u{1b}[31m k\\r=ü");
    }

    #[test]
    fn a_credential_never_appears_in_a_line() {
        let sink = sink();
        sink.seal(vec![Zeroizing::new("sk-canary-1234".into())]);
        let line = sink.line(
            "key sk-canary-1234",
            &[("k".into(), "sk-canary-1234".into())],
        );
        assert_eq!(line, "key [sealed] k=[sealed]");
        let long = format!("{}sk-canary-1234", "x".repeat(LOG_LINE_BYTES - 8));
        assert!(!sink.line(&long, &[]).contains("sk-c"));
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let line = sink().line(&"ü".repeat(LOG_LINE_BYTES), &[]);
        assert!(line.len() <= LOG_LINE_BYTES && line.ends_with('ü'));
    }

    #[test]
    fn standard_error_is_cut_into_lines_and_bounded() {
        let mut stream = LineStream::new(sink());
        stream.take_in(b"one\ntwo");
        assert_eq!(stream.line, b"two");
        stream.take_in(&vec![b'x'; 10 * LOG_LINE_BYTES]);
        assert_eq!(stream.line.len(), LOG_LINE_BYTES);
    }
}
