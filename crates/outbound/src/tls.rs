//! Whom the client trusts.
use crate::Error;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::{Arc, OnceLock};

/// The CA certificates of a PEM text. Errors: [`Error::Ca`] when there is none, or one that cannot be used.
pub(crate) fn roots_of_pem(pem: &str) -> Result<Arc<RootCertStore>, Error> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| Error::Ca("they are not valid PEM"))?;
        store.add(certificate).map_err(|_| Error::Ca("one of them is not a certificate"))?;
    }
    if store.is_empty() {
        return Err(Error::Ca("the text holds no certificate in PEM"));
    }
    Ok(Arc::new(store))
}

/// The system's CA certificates, read once in the life of the process.
pub(crate) fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut store = RootCertStore::empty();
        // One broken certificate among the system's hundreds must not cut everybody off.
        let _skipped = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    };
    ROOTS.get_or_init(read).clone()
}

/// TLS 1.2 and 1.3 for HTTP/1.1. Errors: [`Error::Tls`], which would be our own fault.
pub(crate) fn config(roots: Arc<RootCertStore>) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| Error::Tls(e.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
