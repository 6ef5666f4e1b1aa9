//! `labd:host/net`: a connector's way to the servers of its data source, and to nothing else.
//!
//! A [`Dialer`] knows one source. The plugin picks a target by its index and never names an
//! address; the host resolves, vets and pins it, sets `TCP_NODELAY` and counts bytes.
//!
//! | what | rule |
//! | --- | --- |
//! | where | the targets of the source; private addresses too, since the operator named them; never link-local addresses or a metadata service ([`Reach::Private`]) |
//! | connecting, and the TLS handshake | 10 s each; within connecting, addresses are tried in the resolver's order |
//! | reading ahead | up to 256 KiB while a write waits, so that two sides that both write cannot deadlock |
//! | TLS | only by [`Conn::upgrade_tls`], refused while plaintext of the server waits unread; what is verified is the [table](tls) of the modes |
//! | secrets | only names of the granted `reveal` list; over TLS, or where the source says `disable` or `prefer`, or over a Unix socket; each reading is logged without the value |
//!
//! A call is bounded by the deadline that its caller sets: dropping the future of [`Conn::read`]
//! loses nothing, dropping that of [`Conn::write`] or [`Conn::upgrade_tls`] makes the connection
//! unusable.
//!
//! [`Reach::Private`]: crate::address::Reach::Private

mod binding;
mod conn;
mod dialer;
mod secret;
mod stream;
#[cfg(test)]
mod tests;
pub mod tls;

pub use conn::Conn;
pub use dialer::{Dialer, TargetInfo, TlsUse};
pub use secret::Secret;
pub use tls::TlsInfo;
