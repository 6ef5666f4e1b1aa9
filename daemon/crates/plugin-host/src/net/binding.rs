//! The `tls-server-end-point` channel binding (RFC 5929, section 4): a hash of the server's
//! certificate, by the hash of the algorithm that signed it, or SHA-256 where that is MD5 or SHA-1.

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_parser::{oid_registry as oid, prelude::*, signature_algorithm::SignatureAlgorithm};

/// The binding; none where the signature has no hash of its own (Ed25519), for which the RFC
/// defines no binding.
pub(super) fn server_end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &parsed.signature_algorithm;
    if algorithm.algorithm != oid::OID_PKCS1_RSASSAPSS {
        return digest(&algorithm.algorithm, certificate);
    }
    // RSASSA-PSS names its hash in its parameters.
    match SignatureAlgorithm::try_from(algorithm).ok()? {
        SignatureAlgorithm::RSASSA_PSS(params) => digest(params.hash_algorithm_oid(), certificate),
        _ => None,
    }
}

/// Hashes by a signature's or a hash's own identifier.
fn digest(algorithm: &oid::Oid<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
    let is_one_of = |known: &[oid::Oid<'_>]| known.contains(algorithm);
    if is_one_of(&[
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_SHA1_WITH_RSA,
        oid::OID_HASH_SHA1,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA256,
        oid::OID_NIST_HASH_SHA256,
    ]) {
        Some(Sha256::digest(bytes).to_vec())
    } else if is_one_of(&[
        oid::OID_PKCS1_SHA384WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA384,
        oid::OID_NIST_HASH_SHA384,
    ]) {
        Some(Sha384::digest(bytes).to_vec())
    } else if is_one_of(&[
        oid::OID_PKCS1_SHA512WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA512,
        oid::OID_NIST_HASH_SHA512,
    ]) {
        Some(Sha512::digest(bytes).to_vec())
    } else if is_one_of(&[oid::OID_PKCS1_SHA224WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA224]) {
        Some(Sha224::digest(bytes).to_vec())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        CertificateParams::new(vec!["db.example".to_owned()])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate")
            .der()
            .clone()
    }

    #[test]
    fn the_hash_follows_the_algorithm_of_the_signature() {
        let p256 = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(
            server_end_point(&p256),
            Some(Sha256::digest(&p256).to_vec())
        );
        let p384 = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(
            server_end_point(&p384),
            Some(Sha384::digest(&p384).to_vec())
        );
    }

    #[test]
    fn a_signature_without_a_hash_has_no_binding() {
        assert_eq!(server_end_point(&certificate(&rcgen::PKCS_ED25519)), None);
        assert_eq!(server_end_point(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
