//! Why a package cannot be fetched or pushed.

use crate::{RecordError, digest::Digest, package::PackageError};
use std::path::PathBuf;
use url::Url;

/// Why a package cannot be fetched or pushed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a source.
    #[error(
        "`{0}` is no source of a plugin: name a folder or a .labd-plugin file (./…), an https:// address \
         with --digest, oci://registry/repository:tag, or an id of the mirror folder (acme.gateway@1.0.0)"
    )]
    NoSource(String),
    /// Not a reference.
    #[error("`oci://{0}` is not written like oci://registry.example/acme/gateway:1.0.0: {1}")]
    NoReference(String, &'static str),
    /// Plain HTTP to another machine, or a credential in an address.
    #[error("{0} is not fetched: {1}")]
    Unsafe(String, &'static str),
    /// An address says nothing of what is to be found there.
    #[error(
        "{0} needs --digest sha256:…, the digest that the publisher tells: of the file, or of the package"
    )]
    NeedsDigest(Url),
    /// No answer.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        url: Url,
        /// Why.
        reason: String,
    },
    /// An answer that is no success.
    #[error("{url} answers with status {status}{said}")]
    Status {
        /// Where.
        url: Url,
        /// The status.
        status: u16,
        /// What it said about it, after a colon.
        said: String,
    },
    /// A redirect that is not followed.
    #[error("{from} redirects to {to}, which is not followed: {reason}")]
    Redirect {
        /// From where.
        from: Url,
        /// To where.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// Too much.
    #[error("{url} sends more than {limit} bytes")]
    TooLarge {
        /// Where.
        url: Url,
        /// The most that is taken.
        limit: u64,
    },
    /// Less than was announced.
    #[error("{url} sends {found} bytes, and announced {announced}; try again")]
    Cut {
        /// Where.
        url: Url,
        /// What was announced.
        announced: u64,
        /// What came.
        found: u64,
    },
    /// Too slow.
    #[error("{0} does not answer in time; try again")]
    Timeout(String),
    /// It wants to know who asks.
    #[error(
        "{0} wants a user name and a password: give --username, and the password when asked or by \
         --password-file; or run `docker login {0}`, `oras login {0}`"
    )]
    NeedsLogin(String),
    /// It does not accept who asks.
    #[error("{0} does not accept this user name and password, or not for this repository")]
    Forbidden(String),
    /// What the registry holds is no plugin.
    #[error("{reference} is no plugin: {reason}")]
    NoPlugin {
        /// What was asked for.
        reference: String,
        /// Why not.
        reason: String,
    },
    /// Another content than was asked for.
    #[error(
        "{place} is not what was asked for: its digest is {found}, and not {expected}. Do not use it; \
         ask its publisher"
    )]
    OtherDigest {
        /// Where it came from.
        place: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// A file of the mirror folder holds another package than its name says.
    #[error(
        "the mirror's file for {asked} holds {found}; fill the mirror anew: labd plugin mirror"
    )]
    Misnamed {
        /// What was asked for.
        asked: String,
        /// What is in the file.
        found: String,
    },
    /// There is no mirror folder.
    #[error("an id is looked up in the mirror folder, and none is configured: set plugins.mirror")]
    NoMirror,
    /// The mirror folder does not have it.
    #[error("{mirror} holds no {asked}; fill it with: labd plugin mirror <lock file> {mirror}")]
    NotMirrored {
        /// The folder.
        mirror: PathBuf,
        /// What was asked for.
        asked: String,
    },
    /// Certificate authorities that are none, and other faults of the set-up.
    #[error("fetching cannot be set up: {0}")]
    SetUp(String),
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A lock file.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A fault of this program.
    #[error("the package cannot be read: {0}")]
    Failed(String),
}
