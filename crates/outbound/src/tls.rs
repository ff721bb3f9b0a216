//! Whom the client trusts.
use crate::Error;
use kw_trust::Verifier;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::{Arc, OnceLock};

/// Trusts the CA certificates of a PEM text. Errors: [`Error::Ca`] when there is none, or one that cannot be used.
pub(crate) fn of_pem(pem: &str) -> Result<Arc<Verifier>, Error> {
    let named: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let named = named.map_err(|_| Error::Ca("they are not valid PEM"))?;
    if named.is_empty() {
        return Err(Error::Ca("the text holds no certificate in PEM"));
    }
    let verifier = Verifier::new(named, Arc::new(aws_lc_rs::default_provider()));
    Ok(Arc::new(verifier.map_err(|_| Error::Ca("one of them is not a certificate"))?))
}

/// Trusts the system's CA certificates, which are read once in the life of the process.
pub(crate) fn of_system() -> Result<Arc<Verifier>, Error> {
    static SYSTEM: OnceLock<Arc<Verifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(verifier.clone());
    }
    let verifier = Verifier::of_system(Arc::new(aws_lc_rs::default_provider())).map_err(Error::Tls)?;
    Ok(SYSTEM.get_or_init(|| Arc::new(verifier)).clone())
}

/// TLS 1.2 and 1.3 for HTTP/1.1. Errors: [`Error::Tls`], which would be our own fault.
pub(crate) fn config(trusted: Arc<Verifier>) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| Error::Tls(e.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(trusted).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
