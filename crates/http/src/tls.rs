//! TLS (RFC 8446, and RFC 5246 where the operator allows it), with certificates that can be read anew.
use arc_swap::ArcSwap;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the certificate is, and what is asked of clients.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// PEM, the server's certificate first, then the chain.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    /// Whether TLS 1.2 is allowed beside 1.3.
    pub allow_tls12: bool,
    pub client_certs: ClientCerts,
}

/// What is asked of clients.
#[derive(Clone, Debug, Default)]
pub enum ClientCerts {
    #[default]
    NotAsked,
    /// Asked for and verified if given.
    Optional(PathBuf),
    Required(PathBuf),
}

/// Why the files cannot be used; names the file.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// The TLS of a listener as it is now. [`TlsReload::reload`] reads the files anew; connections that are open stay as they are.
#[derive(Debug)]
pub struct TlsReload {
    config: TlsConfig,
    now: ArcSwap<ServerConfig>,
}

impl TlsReload {
    pub fn new(config: TlsConfig) -> Result<Self, TlsError> {
        let now = ArcSwap::from_pointee(build(&config)?);
        Ok(Self { config, now })
    }

    /// Reads the files anew. If they cannot be used, what is in force stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.now.store(Arc::new(build(&self.config)?));
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.now.load_full()
    }
}

fn build(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let certs = certs(&config.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file).map_err(|e| told(&config.key_file, &e))?;
    let versions: &[&SupportedProtocolVersion] =
        if config.allow_tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|e| TlsError(e.to_string()))?;
    let verifier = |file: &Path| {
        let mut roots = RootCertStore::empty();
        for cert in self::certs(file)? {
            roots.add(cert).map_err(|e| told(file, &e))?;
        }
        Ok::<_, TlsError>(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()))
    };
    let builder = match &config.client_certs {
        ClientCerts::NotAsked => builder.with_no_client_auth(),
        ClientCerts::Optional(file) => builder
            .with_client_cert_verifier(verifier(file)?.allow_unauthenticated().build().map_err(|e| told(file, &e))?),
        ClientCerts::Required(file) => {
            builder.with_client_cert_verifier(verifier(file)?.build().map_err(|e| told(file, &e))?)
        }
    };
    let mut server = builder.with_single_cert(certs, key).map_err(|e| told(&config.cert_file, &e))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server)
}

fn certs(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certs: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(|e| told(file, &e))?
        .collect::<Result<_, _>>()
        .map_err(|e| told(file, &e))?;
    if certs.is_empty() { Err(TlsError(format!("{}: holds no certificate", file.display()))) } else { Ok(certs) }
}

fn told(file: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError(format!("{}: {error}", file.display()))
}
