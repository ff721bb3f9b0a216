//! Whom our clients trust when they speak TLS: authorities, and single certificates that were named as trusted.
//!
//! A server's certificate that somebody made with one call of `openssl req -x509` is marked as an authority's. WebPKI refuses
//! an authority that appears as a server, even where that very certificate is the one that the user told us to trust; other
//! TLS libraries take it. [`Verifier`] takes it too, if all else about it is right.
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// Checks servers' certificates as WebPKI does (RFC 5280, RFC 6125), and takes those that are themselves among the trusted.
#[derive(Debug)]
pub struct Verifier {
    /// `None` where there is nobody to trust.
    web: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    /// What was named as trusted, to be recognised when it appears as a server's own.
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusts these certificates and what they issue. Errors: one of them cannot be used.
    pub fn new(named: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone()).map_err(|e| e.to_string())?;
        }
        Ok(Self { web: web(roots, &provider)?, provider, named })
    }

    /// Trusts the system's authorities. Where there are none, as in a small container, nobody is trusted.
    pub fn of_system(provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // One broken certificate among the system's hundreds must not cut everybody off.
        let _skipped = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Ok(Self { web: web(roots, &provider)?, provider, named: Vec::new() })
    }

    fn is_named(&self, certificate: &CertificateDer<'_>) -> bool {
        self.named.iter().any(|named| named.as_ref() == certificate.as_ref())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(web) = &self.web else { return Err(CertificateError::UnknownIssuer.into()) };
        match web.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            // The times were checked before the mark, the name would have been after it.
            Err(Error::InvalidCertificate(flaw)) if is_mark_of_authority(&flaw) => {
                if !self.is_named(end_entity) {
                    return Err(CertificateError::UnknownIssuer.into());
                }
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn web(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<WebPkiServerVerifier>>, String> {
    if roots.is_empty() {
        return Ok(None);
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    builder.build().map(Some).map_err(|e| e.to_string())
}

/// Whether nothing but this is wrong so far: the certificate is marked as an authority's.
fn is_mark_of_authority(flaw: &CertificateError) -> bool {
    let CertificateError::Other(other) = flaw else { return false };
    other.0.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

#[cfg(test)]
mod tests;
