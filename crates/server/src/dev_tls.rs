//! TLS for development: an authority and a certificate that are made at the start and are trusted by whoever is told of them.
use crate::arguments::Arguments;
use crate::config::{ClientCerts, Tls, TlsVersion};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The files, by the names that Vault's development server gives them.
pub(crate) struct DevTls {
    folder: PathBuf,
    /// Deletes the folder at the end, if nobody chose it.
    _temporary: Option<TempDir>,
}

impl DevTls {
    /// Makes the keys and writes the files. The authority's own key is forgotten: it signs nothing else.
    ///
    /// Errors: a name that is not one, or a folder that cannot be written.
    pub fn make(arguments: &Arguments) -> Result<Self, String> {
        let (folder, temporary) = match &arguments.dev_tls_dir {
            Some(folder) => (folder.clone(), None),
            None => {
                let made = tempfile::Builder::new().prefix("keywright-tls-").tempdir();
                let made =
                    made.map_err(|e| format!("-dev-tls: no temporary folder: {e}; name one with -dev-tls-cert-dir"))?;
                (made.path().to_path_buf(), Some(made))
            }
        };
        let (authority, certificate, key) = certificates(&arguments.dev_tls_names)
            .map_err(|e| format!("-dev-tls: no certificate could be made: {e}"))?;
        let made = Self { folder, _temporary: temporary };
        write(&made.authority(), &authority)?;
        let files = made.files();
        write(&files.cert_file, &certificate)?;
        write(&files.key_file, &key)?;
        Ok(made)
    }

    /// The certificate that clients are to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("vault-ca.pem")
    }

    /// What the listener is told.
    pub fn files(&self) -> Tls {
        Tls {
            cert_file: self.folder.join("vault-cert.pem"),
            key_file: self.folder.join("vault-key.pem"),
            min_version: TlsVersion::Tls13,
            client_certs: ClientCerts::Off,
            client_ca_file: None,
        }
    }
}

/// The authority's certificate, the server's, and the server's key, in PEM.
fn certificates(names: &[String]) -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Keywright development authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), host];
    all.extend(names.iter().cloned());
    all.dedup();
    let mut server = CertificateParams::new(all)?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.use_authority_key_identifier_extension = true;
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| format!("-dev-tls: {}: {e}", path.display()))
}
