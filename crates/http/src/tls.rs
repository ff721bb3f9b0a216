//! TLS (RFC 8446, and RFC 5246 where the operator allows it), with certificates that can be read anew.
use arc_swap::ArcSwap;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The settings that name the files.
const CERT: &str = "tls_cert_file";
const KEY: &str = "tls_key_file";
const CLIENT_CA: &str = "tls_client_ca_file";

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

/// Why the files cannot be used; names the setting and the file.
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
    let certs = certs(CERT, &config.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file);
    let key = key.map_err(|e| unreadable(KEY, &config.key_file, "a private key that is not encrypted", &e))?;
    let versions: &[&SupportedProtocolVersion] =
        if config.allow_tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|e| TlsError(e.to_string()))?;
    let verifier = |file: &Path| {
        let mut roots = RootCertStore::empty();
        for cert in self::certs(CLIENT_CA, file)? {
            roots.add(cert).map_err(|e| told(CLIENT_CA, file, &e))?;
        }
        Ok::<_, TlsError>(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()))
    };
    let builder = match &config.client_certs {
        ClientCerts::NotAsked => builder.with_no_client_auth(),
        ClientCerts::Optional(file) => builder.with_client_cert_verifier(
            verifier(file)?.allow_unauthenticated().build().map_err(|e| told(CLIENT_CA, file, &e))?,
        ),
        ClientCerts::Required(file) => {
            builder.with_client_cert_verifier(verifier(file)?.build().map_err(|e| told(CLIENT_CA, file, &e))?)
        }
    };
    let mut server = builder.with_single_cert(certs, key).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => told(KEY, &config.key_file, &"not the key of the certificate"),
        other => told(CERT, &config.cert_file, &other),
    })?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server)
}

fn certs(setting: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certs = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certs = certs.and_then(|certs| if certs.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(certs) });
    certs.map_err(|e| unreadable(setting, file, "a certificate", &e))
}

fn unreadable(setting: &str, file: &Path, wanted: &str, error: &pem::Error) -> TlsError {
    match error {
        pem::Error::Io(cause) => told(setting, file, &cause.kind()),
        pem::Error::NoItemsFound => told(setting, file, &format_args!("holds no PEM of {wanted}")),
        other => told(setting, file, other),
    }
}

fn told(setting: &str, file: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError(format!("{setting} {}: {error}", file.display()))
}
