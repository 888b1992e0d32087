//! TLS: who is trusted, and the SHA-1 thumbprints of the chain by which a server proved itself.
//!
//! Trust is the operating system's certificate store (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured) plus what the
//! configuration adds. Thumbprints are an addition to that, never a replacement: a caller may insist on one of them.

use aws_lc_rs::digest;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The SHA-1 of a certificate (its DER form), written as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 20]);

impl Thumbprint {
    /// Of this certificate.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The chains that were verified, by the leaf's thumbprint.
#[derive(Debug, Default)]
pub(crate) struct Chains(Mutex<HashMap<[u8; 32], Vec<Thumbprint>>>);

/// Leaf certificates whose chains are remembered. Over it everything is forgotten; a chain is then seen again with the next
/// full handshake.
const REMEMBERED: usize = 1024;

impl Chains {
    fn key(leaf: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, leaf).as_ref());
        key
    }
    fn remember(&self, leaf: &[u8], chain: Vec<Thumbprint>) {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if chains.len() >= REMEMBERED {
            chains.clear();
        }
        chains.insert(Self::key(leaf), chain);
    }
    /// The verified chain of this leaf, leaf first.
    pub(crate) fn of(&self, leaf: &[u8]) -> Vec<Thumbprint> {
        let chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chains.get(&Self::key(leaf)).cloned().unwrap_or_default()
    }
}

/// Verifies as `inner` does and remembers the certificates that the verification needed.
#[derive(Debug)]
struct Recording {
    inner: Arc<dyn ServerCertVerifier>,
    chains: Arc<Chains>,
}

impl Recording {
    /// The intermediates without which the leaf would not be trusted: what a server merely sends along proves nothing,
    /// since anybody can send anybody's certificate.
    fn needed<'a, 'c>(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &'a [CertificateDer<'c>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Vec<CertificateDer<'c>> {
        let mut kept: Vec<CertificateDer<'c>> = sent.to_vec();
        let mut at = kept.len();
        while at > 0 {
            at -= 1;
            let tried = kept.remove(at);
            if self.inner.verify_server_cert(leaf, &kept, name, &[], now).is_err() {
                kept.insert(at, tried);
            }
        }
        kept
    }
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(leaf, sent, name, ocsp, now)?;
        let mut chain = vec![Thumbprint::of(leaf)];
        chain.extend(self.needed(leaf, sent, name, now).iter().map(|c| Thumbprint::of(c)));
        self.chains.remember(leaf, chain);
        Ok(verified)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}

/// The client's TLS: the system's certificates, these further ones (DER), and the record of chains.
pub(crate) fn config(further: &[Vec<u8>], chains: Arc<Chains>) -> Result<ClientConfig, String> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(further.iter().map(|der| CertificateDer::from(der.as_slice())));
    if roots.is_empty() {
        return Err(
            "this machine has no certificate authorities to trust (install ca-certificates or set SSL_CERT_FILE)"
                .into(),
        );
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|e| e.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Recording { inner, chains }))
        .with_no_client_auth())
}
