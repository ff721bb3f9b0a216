//! Whom we trust to be a member of the cluster, and who we are to it.
use crate::{OpenError, Options};
use kw_trust::Verifier;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Errors: [`OpenError::Option`] for files that cannot be used.
pub(crate) fn connector(options: &Options) -> Result<TlsConnector, OpenError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = match &options.tls_ca_file {
        Some(file) => Verifier::new(certificates("tls_ca_file", file)?, provider.clone())
            .map_err(|_| unusable("tls_ca_file", "CA certificate", file))?,
        None => Verifier::of_system(provider.clone()).map_err(OpenError::Option)?,
    };
    let failed = |e: rustls::Error| OpenError::Option(format!("TLS: {e}"));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(failed)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match (&options.tls_cert_file, &options.tls_key_file) {
        (None, None) => builder.with_no_client_auth(),
        (Some(chain), Some(key)) => {
            let chain = certificates("tls_cert_file", chain)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unusable("tls_key_file", "private key", key))?;
            builder.with_client_auth_cert(chain, key).map_err(failed)?
        }
        _ => return Err(OpenError::Option("`tls_cert_file` and `tls_key_file` go together".to_owned())),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| unusable(option, "certificate", file))
}

fn unusable(option: &str, what: &str, file: &Path) -> OpenError {
    OpenError::Option(format!(
        "`{option}`: {} cannot be read or holds no {what} in PEM that can be used",
        file.display()
    ))
}
