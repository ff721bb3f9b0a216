//! Whom the client trusts, and as whom it appears.
use crate::{Error, TlsOptions};
use kw_trust::Verifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::Path;
use std::sync::Arc;

/// Makes rustls's configuration.
///
/// Errors: files that cannot be read or hold no PEM of the right kind; a certificate without its key.
pub(crate) fn client_config(options: &TlsOptions) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::config(e.to_string()))?;
    let builder = if options.skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier(options, provider)?))
    };
    match (&options.client_certificate, &options.client_key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(chain), Some(key)) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(|e| Error::config(format!("the client certificate and key do not fit: {e}"))),
        _ => Err(Error::config("a client certificate needs its key, and a key its certificate: set both or neither")),
    }
}

fn verifier(options: &TlsOptions, provider: Arc<CryptoProvider>) -> Result<Verifier, Error> {
    let mut named = Vec::new();
    if let Some(pem) = &options.ca_pem {
        named = certificates_in(pem.as_bytes(), "what is given as CA certificates")?;
    } else if let Some(file) = &options.ca_file {
        named = certificates(file)?;
    } else if let Some(directory) = &options.ca_directory {
        for entry in std::fs::read_dir(directory).map_err(|e| Error::file(directory, e))? {
            let path = entry.map_err(|e| Error::file(directory, e))?.path();
            if path.is_file() {
                named.extend(certificates(&path)?);
            }
        }
    } else {
        return Verifier::of_system(provider).map_err(|e| Error::config(format!("the system's CA certificates: {e}")));
    }
    Verifier::new(named, provider).map_err(|e| Error::config(format!("a CA certificate cannot be used: {e}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    certificates_in(&pem, &path.display().to_string())
}

fn certificates_in(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::config(format!("{name} holds no certificate in PEM"))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let pem = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| Error::config(format!("{} holds no private key in PEM", path.display())))
}

/// What `-tls-skip-verify` asks for: signatures are checked, names and issuers are not.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
