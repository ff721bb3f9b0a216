//! Whom we trust to be the database.
use crate::OpenError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What `sslmode` asks to be checked of the server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Check {
    /// `prefer`, `require`: encrypted, but it may be anybody.
    #[default]
    Nothing,
    /// `verify-ca`.
    Issuer,
    /// `verify-full`.
    IssuerAndName,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TlsPlan {
    pub check: Check,
    /// Without one, the system's certificates are trusted.
    pub root_file: Option<PathBuf>,
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// Errors: [`OpenError::Option`] for files that cannot be used.
pub(crate) fn connector(plan: &TlsPlan) -> Result<MakeRustlsConnect, OpenError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |e: Error| OpenError::Option(format!("TLS: {e}"));
    let roots = if plan.check == Check::Nothing { None } else { Some(Arc::new(roots(plan.root_file.as_deref())?)) };
    let web = match &roots {
        Some(roots) => {
            let builder = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
            Some(builder.build().map_err(|e| OpenError::Option(format!("`sslrootcert`: {e}")))?)
        }
        None => None,
    };
    let verifier = Arc::new(Verifier { check: plan.check, web, provider: provider.clone() });
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match (&plan.certificate_file, &plan.key_file) {
        (None, None) => builder.with_no_client_auth(),
        (Some(chain), Some(key)) => {
            let chain = certificates("sslcert", chain)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unusable("sslkey", "private key", key))?;
            builder.with_client_auth_cert(chain, key).map_err(failed)?
        }
        _ => return Err(OpenError::Option("`connection_url`: sslcert and sslkey go together".to_owned())),
    };
    // Asked for by servers that take TLS without PostgreSQL's own greeting.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        // One broken certificate among the system's hundreds must not cut everybody off.
        let _skipped = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    for certificate in certificates("sslrootcert", file)? {
        store.add(certificate).map_err(|_| unusable("sslrootcert", "CA certificate", file))?;
    }
    Ok(store)
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

/// Checks as much as `sslmode` asks for; signatures always.
#[derive(Debug)]
struct Verifier {
    check: Check,
    /// `None` if nothing is to be checked.
    web: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
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
        let Some(web) = &self.web else { return Ok(ServerCertVerified::assertion()) };
        match web.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            // The name is looked at last: whatever else is wrong has been found before.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Issuer => Ok(ServerCertVerified::assertion()),
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
