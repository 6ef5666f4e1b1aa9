//! Lines in the daemon's log, and the last words of a panic.

use crate::{Host, WasmHost};

pub use crate::host::Level;

/// Writes a line at a level: `log!(host, Level::Info, "opened {name}")`, or with fields
/// `log!(host, Level::Info, { server = host_name, attempts = 2 }, "connected")`.
#[macro_export]
macro_rules! log {
    ($host:expr, $level:expr, { $($key:ident = $value:expr),* $(,)? }, $($message:tt)+) => {
        $crate::Host::log(
            &$host,
            $level,
            &::std::format!($($message)+),
            &[$((::std::stringify!($key), ::std::string::ToString::to_string(&$value).as_str())),*],
        )
    };
    ($host:expr, $level:expr, $($message:tt)+) => {
        $crate::Host::log(&$host, $level, &::std::format!($($message)+), &[])
    };
}

/// [`log!`] at the level `debug`.
#[macro_export]
macro_rules! debug {
    ($host:expr, $($rest:tt)+) => { $crate::log!($host, $crate::log::Level::Debug, $($rest)+) };
}

/// [`log!`] at the level `info`.
#[macro_export]
macro_rules! info {
    ($host:expr, $($rest:tt)+) => { $crate::log!($host, $crate::log::Level::Info, $($rest)+) };
}

/// [`log!`] at the level `warn`.
#[macro_export]
macro_rules! warn {
    ($host:expr, $($rest:tt)+) => { $crate::log!($host, $crate::log::Level::Warn, $($rest)+) };
}

/// [`log!`] at the level `error`.
#[macro_export]
macro_rules! error {
    ($host:expr, $($rest:tt)+) => { $crate::log!($host, $crate::log::Level::Error, $($rest)+) };
}

/// Has a panic logged before it traps: after the trap nothing of the instance is left to ask.
/// The adapters call it on every entry; only the first call does something.
pub(crate) fn install_panic_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let text = panic
                .payload()
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str))
                .unwrap_or("a panic without a message");
            let place = panic
                .location()
                .map(ToString::to_string)
                .unwrap_or_default();
            WasmHost.log(Level::Error, text, &[("panicked-at", &place)]);
        }));
    });
}
