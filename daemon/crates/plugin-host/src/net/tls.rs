//! What TLS proves about a data source's server, mode by mode.
//!
//! | mode | encrypted | the chain leads to | the name matches |
//! | --- | --- | --- | --- |
//! | `disable` | never | | |
//! | `prefer` | if the server offers it | not checked | not checked |
//! | `require` | always | not checked, or the source's CA if it has one | not checked |
//! | `verify-ca` | always | the source's CA, or else the host's roots | not checked |
//! | `verify-full` | always | the source's CA, or else the host's roots | checked |
//!
//! These are libpq's meanings, with its two subtleties: a CA given with the source replaces the
//! host's roots, so that no public authority can vouch for a private server, and it turns `require`
//! into `verify-ca`. A certificate that is itself in the source's CA file is accepted as it is
//! (self-signed servers), within its dates. Where nothing is verified the handshake still proves
//! that the server holds its certificate's key.

use super::binding::server_end_point;
use crate::{
    Fault, PluginError,
    kinds::connector::{SourceAccess, TlsMode},
    tls::{self, TrustRoots},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a finished handshake tells the protocol above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// The protocol agreed on, if any.
    pub alpn: Option<String>,
    /// The `tls-server-end-point` channel binding, for SCRAM-PLUS.
    pub server_end_point: Option<Vec<u8>>,
}

impl TlsInfo {
    pub(super) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let (_, session) = stream.get_ref();
        Self {
            alpn: session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            server_end_point: session
                .peer_certificates()
                .and_then(|chain| chain.first())
                .and_then(server_end_point),
        }
    }
}

/// The client configuration for a source, without ALPN.
pub(super) fn client_config(
    access: &SourceAccess,
    roots: &TrustRoots,
) -> Result<ClientConfig, PluginError> {
    let (roots, pinned) = match &access.ca {
        Some(pem) => (
            TrustRoots::only(pem)?.store,
            tls::certificates(pem, "the source's certificate authority")?,
        ),
        None => (roots.store.clone(), Vec::new()),
    };
    let verifier = SourceVerifier {
        checks: Checks::of(access.tls, access.ca.is_some()),
        roots,
        pinned,
        provider: tls::provider(),
    };
    let config = tls::client_config()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(client) = &access.client else {
        return Ok(config.with_no_client_auth());
    };
    let chain = tls::certificates(&client.certificate, "the client's certificate")?;
    let key = tls::private_key(&client.key)?;
    config.with_client_auth_cert(chain, key).map_err(|error| {
        PluginError::InvalidRequest(Fault::new(format!(
            "the client's certificate and its key cannot be used together: {error}"
        )))
    })
}

/// What is checked about a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    Nothing,
    Chain,
    ChainAndName,
}

impl Checks {
    fn of(mode: TlsMode, has_ca: bool) -> Self {
        match mode {
            TlsMode::Disable | TlsMode::Prefer => Self::Nothing,
            TlsMode::Require if has_ca => Self::Chain,
            TlsMode::Require => Self::Nothing,
            TlsMode::VerifyCa => Self::Chain,
            TlsMode::VerifyFull => Self::ChainAndName,
        }
    }
}

#[derive(Debug)]
struct SourceVerifier {
    checks: Checks,
    roots: Arc<RootCertStore>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SourceVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.checks == Checks::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if self.pinned.iter().any(|known| known == end_entity) {
            check_dates(end_entity, now)?;
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.checks == Checks::ChainAndName {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() {
        Err(CertificateError::NotValidYet.into())
    } else if now > validity.not_after.timestamp() {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}
