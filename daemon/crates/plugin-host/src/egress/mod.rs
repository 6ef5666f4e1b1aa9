//! `labd:host/http`: the requests that plugins send.
//!
//! What may be sent is an [`HttpPolicy`]; an [`Egress`] sends it. Nothing leaves that is not listed,
//! and what is listed is checked again at the address it leads to:
//!
//! | what | rule |
//! | --- | --- |
//! | origin | scheme, host and port are among the policy's, exactly |
//! | address | vetted when the connection is made, literal ones too, and that address is dialled; [how far](crate::address) depends on who named the host |
//! | proxy | none, unless configured; then the proxy resolves names, and only the origin is checked here |
//! | redirects | not followed: a 3xx comes back as it is |
//! | credentials | written after the request has left the plugin, towards the one origin they were given for; over plain HTTP only to this machine; headers and bodies of responses that echo one are scrubbed (`scrub`) |
//! | settings of an app | values take the place of placeholders in bodies, towards origins that a credential goes to; responses are scrubbed of them (`settings`) |
//! | headers of the plugin | not those of a credential, not `host`, nothing about the connection |
//! | sizes | 128 KiB of headers each way, 64 MiB of response body |
//! | time | 10 s to connect, 120 s to the response's head, 60 s between pieces of its body ([`HttpLimits`]) |
//!
//! Connections are pooled per plugin and set of hosts, with HTTP/1.1 or HTTP/2. Dropping a
//! [`Body`] or the future of [`Egress::send`] closes its connection (HTTP/2: its stream) at once; a
//! body that a guest has read as far as it wanted is [left](Body::leave).

mod body;
mod client;
mod error;
mod headers;
mod policy;
mod resolver;
mod scrub;
mod settings;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use client::{Egress, EgressSettings, HttpLimits, HttpRequest, HttpResponse};
pub use policy::{HeaderCredential, HttpPolicy};
pub use settings::SealedSetting;
