//! What every TLS client of the host shares: its provider, its roots, and plain words for what is
//! wrong with a certificate.

use crate::{Fault, PluginError};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    client::WantsClientCert, crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::sync::{Arc, OnceLock};

/// The one cryptography provider. It is passed explicitly, so that nothing depends on what the
/// process installed.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()))
        .clone()
}

/// The certificate authorities that a server's certificate may come from.
#[derive(Clone)]
pub struct TrustRoots {
    pub(crate) store: Arc<RootCertStore>,
}

impl std::fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustRoots({})", self.store.len())
    }
}

impl TrustRoots {
    /// The operating system's roots, and those of a PEM text (`tls.extra_roots`).
    ///
    /// A root of the operating system that cannot be read is logged and left out; a fault in
    /// `extra` is an error, since somebody counts on it.
    ///
    /// # Errors
    /// `invalid-request` when `extra` holds no certificate or a broken one.
    pub fn system(extra: Option<&str>) -> Result<Self, PluginError> {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a root certificate of the operating system cannot be read");
        }
        let (_, ignored) = store.add_parsable_certificates(found.certs);
        if ignored > 0 {
            tracing::debug!(
                ignored,
                "root certificates of the operating system are malformed"
            );
        }
        add_pem(&mut store, extra, "tls.extra_roots")?;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Only the roots of a PEM text.
    ///
    /// # Errors
    /// `invalid-request` when it holds no certificate or a broken one.
    pub fn only(pem: &str) -> Result<Self, PluginError> {
        let mut store = RootCertStore::empty();
        add_pem(&mut store, Some(pem), "the certificate authority")?;
        Ok(Self {
            store: Arc::new(store),
        })
    }
}

fn add_pem(store: &mut RootCertStore, pem: Option<&str>, what: &str) -> Result<(), PluginError> {
    let Some(pem) = pem else { return Ok(()) };
    for certificate in certificates(pem, what)? {
        store
            .add(certificate)
            .map_err(|error| broken_pem(what, &error.to_string()))?;
    }
    Ok(())
}

/// The certificates of a PEM text, at least one. `what` names the setting in messages.
pub(crate) fn certificates(
    pem: &str,
    what: &str,
) -> Result<Vec<CertificateDer<'static>>, PluginError> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| broken_pem(what, &error.to_string()))?;
    if found.is_empty() {
        return Err(broken_pem(what, "it holds no `BEGIN CERTIFICATE` block"));
    }
    Ok(found)
}

/// The private key of a PEM text. What is wrong with one is not told in detail.
pub(crate) fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, PluginError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        PluginError::InvalidRequest(Fault::new(
            "the client's key is not a PEM private key without a passphrase",
        ))
    })
}

fn broken_pem(what: &str, reason: &str) -> PluginError {
    PluginError::InvalidRequest(Fault::new(format!(
        "{what} is not a PEM certificate: {reason}"
    )))
}

/// Starts a client configuration with the host's provider and its safe protocol versions
/// (TLS 1.2 and 1.3).
pub(crate) fn client_config() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, PluginError> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| PluginError::Internal(format!("TLS cannot be set up: {error}")))
}

/// A client configuration that trusts these roots and checks names.
pub(crate) fn verifying_config(
    roots: &TrustRoots,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, PluginError> {
    Ok(client_config()?.with_root_certificates(roots.store.clone()))
}

/// What is wrong, in a sentence for a person; `remedy` is what to do when the issuer is unknown.
pub(crate) fn explain(error: &rustls::Error, host: &str, remedy: &str) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return match error {
            rustls::Error::AlertReceived(alert) => {
                format!("{host} ended the TLS handshake: {alert:?}")
            }
            rustls::Error::PeerIncompatible(reason) => {
                format!("{host} and the host share no TLS version or cipher: {reason:?}")
            }
            rustls::Error::InvalidMessage(_) => {
                format!("{host} does not answer with TLS on this port")
            }
            other => format!("TLS with {host} failed: {other}"),
        };
    };
    match reason {
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host} comes from an authority that is not trusted here; {remedy}"
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented
                .iter()
                .map(|name| readable_name(name))
                .collect::<Vec<_>>()
                .join(", ");
            if names.is_empty() {
                format!("the certificate carries no name, so it is not one for {host}")
            } else {
                format!("the certificate is for {names}, not for {host}")
            }
        }
        CertificateError::NotValidForName => format!("the certificate is not for {host}"),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet; check this machine's clock")
        }
        CertificateError::Revoked => format!("the certificate of {host} was revoked"),
        CertificateError::BadSignature => {
            format!(
                "the certificate of {host} is not signed by the authority that it names; {remedy}"
            )
        }
        other => format!("the certificate of {host} cannot be accepted: {other}; {remedy}"),
    }
}

/// rustls names the kinds of a certificate's names as `DnsName("…")`.
fn readable_name(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Certificates for servers of tests.

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
    };
    use rustls::ServerConfig;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    use std::sync::Arc;

    /// A certificate authority made for one test.
    pub(crate) struct Authority {
        issuer: CertifiedIssuer<'static, KeyPair>,
    }

    impl Authority {
        pub(crate) fn new() -> Result<Self, rcgen::Error> {
            let mut params = CertificateParams::new(Vec::new())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate()?;
            // Two authorities of one name would be told apart only by their signatures.
            let name = format!("authority {:02x?}", key.der_bytes());
            params.distinguished_name.push(DnType::CommonName, name);
            let issuer = CertifiedIssuer::self_signed(params, key)?;
            Ok(Self { issuer })
        }

        pub(crate) fn pem(&self) -> String {
            self.issuer.pem()
        }

        /// A server's certificate for these names, and its key.
        pub(crate) fn issue(&self, names: &[&str]) -> Result<Identity, rcgen::Error> {
            self.issue_with(names, |_| {})
        }

        pub(crate) fn issue_with(
            &self,
            names: &[&str],
            change: impl FnOnce(&mut CertificateParams),
        ) -> Result<Identity, rcgen::Error> {
            let mut params =
                CertificateParams::new(names.iter().map(|n| n.to_string()).collect::<Vec<_>>())?;
            change(&mut params);
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok(Identity {
                certificate: certificate.der().clone(),
                key: key.serialize_der(),
            })
        }
    }

    /// A server's certificate and key.
    pub(crate) struct Identity {
        pub(crate) certificate: CertificateDer<'static>,
        pub(crate) key: Vec<u8>,
    }

    impl Identity {
        /// A certificate that signed itself, as `openssl req -x509` makes it.
        pub(crate) fn self_signed(names: &[&str]) -> Result<(Self, String), rcgen::Error> {
            let mut params =
                CertificateParams::new(names.iter().map(|n| n.to_string()).collect::<Vec<_>>())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate()?;
            let certificate = params.self_signed(&key)?;
            let pem = certificate.pem();
            let identity = Self {
                certificate: certificate.der().clone(),
                key: key.serialize_der(),
            };
            Ok((identity, pem))
        }

        pub(crate) fn server_config(
            &self,
            alpn: &[&str],
        ) -> Result<Arc<ServerConfig>, rustls::Error> {
            let key = PrivateKeyDer::try_from(self.key.clone())
                .map_err(|error| rustls::Error::General(error.to_owned()))?;
            let mut config = ServerConfig::builder_with_provider(super::provider())
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(vec![self.certificate.clone()], key)?;
            config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
            Ok(Arc::new(config))
        }
    }
}
