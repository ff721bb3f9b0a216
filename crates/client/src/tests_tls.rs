//! TLS against a real handshake: who is trusted, and who is not.
use crate::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

struct Pki {
    folder: tempfile::TempDir,
    ca: PathBuf,
}

/// A server for `vault.test` that demands a client certificate of the same authority if asked to.
async fn serve(demand: bool) -> (Pki, u16) {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let ca_path = write("ca.pem", ca.pem());
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["client".into()]).unwrap().signed_by(&client_key, &issuer).unwrap();
    write("client.pem", client.pem());
    write("client-key.pem", client_key.serialize_pem());
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["vault.test".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let builder = if demand { builder.with_client_cert_verifier(verifier) } else { builder.with_no_client_auth() };
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![leaf.der().clone()], private).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _request = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"data\":{\"a\":1}}";
            let _gone = stream.write_all(answer).await;
        }
    });
    (Pki { folder, ca: ca_path }, port)
}

fn config(port: u16) -> Config {
    let mut config = Config::new(&format!("https://127.0.0.1:{port}")).unwrap();
    config.retries_max = 0;
    config
}

async fn works(config: Config) -> bool {
    Client::new(config).unwrap().read("a").await.is_ok()
}

#[tokio::test]
async fn a_server_is_verified() {
    let (pki, port) = serve(false).await;
    assert!(!works(config(port)).await, "the system's authorities do not know it");
    let mut wrong_name = config(port);
    wrong_name.tls.ca_file = Some(pki.ca.clone());
    assert!(!works(wrong_name.clone()).await, "the certificate is for another name");
    let mut right = wrong_name;
    right.tls.server_name = Some("vault.test".into());
    assert!(works(right.clone()).await);
    let alone = pki.folder.path().join("authorities");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(&pki.ca, alone.join("ca.pem")).unwrap();
    (right.tls.ca_file, right.tls.ca_directory) = (None, Some(alone));
    assert!(works(right).await);
    let mut any = config(port);
    any.tls.skip_verify = true;
    assert!(works(any).await);
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (pki, port) = serve(true).await;
    let mut anonymous = config(port);
    anonymous.tls.ca_file = Some(pki.ca.clone());
    anonymous.tls.server_name = Some("vault.test".into());
    assert!(!works(anonymous.clone()).await);
    let mut known = anonymous.clone();
    known.tls.client_certificate = Some(pki.folder.path().join("client.pem"));
    known.tls.client_key = Some(pki.folder.path().join("client-key.pem"));
    assert!(works(known).await);
    anonymous.tls.client_certificate = Some(pki.folder.path().join("client.pem"));
    assert!(Client::new(anonymous).is_err(), "a certificate without its key");
}
