//! TLS as clients meet it: versions, renewed certificates, client certificates, HTTP/2.
use crate::support::{Answer, Server, Setup};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A certificate for `localhost` that is its own authority, as PEM files `NAME.crt` and `NAME.key`.
fn certificate(setup: &Setup, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(setup.path(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    fs::write(setup.path(&format!("{name}.crt")), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// A server with TLS and the certificate `server.crt`.
fn with_tls(mut setup: Setup, more: &str) -> (Setup, CertificateDer<'static>) {
    let certificate = certificate(&setup, "server");
    let files = format!(
        "tls_cert_file = {:?}\n  tls_key_file = {:?}\n  {more}",
        setup.file("server.crt"),
        setup.file("server.key")
    );
    setup.listeners = setup.listeners.replace("tls_disable = true", &files);
    (setup, certificate)
}

struct Client<'a> {
    server: &'a Server,
    trusted: &'a CertificateDer<'static>,
    versions: Vec<&'static SupportedProtocolVersion>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
}

impl<'a> Client<'a> {
    fn new(server: &'a Server, trusted: &'a CertificateDer<'static>) -> Self {
        Self { server, trusted, versions: vec![&version::TLS13, &version::TLS12], identity: None }
    }

    fn config(&self, protocols: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&self.versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match &self.identity {
            Some((certificate, key)) => {
                builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        config
    }

    /// Asks for health; gives the status and the version that was spoken.
    fn ask(&self) -> std::io::Result<(u16, Option<rustls::ProtocolVersion>)> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(self.config(&["http/1.1"])), name).unwrap();
        let socket = TcpStream::connect(&self.server.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(&self.server.nobody().request("GET", "sys/health", b""))?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let answer = Answer::parse(&bytes).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let hsts = answer.header("strict-transport-security").unwrap_or_default();
        assert!(hsts.starts_with("max-age="), "{answer:?}");
        Ok((answer.status, stream.conn.protocol_version()))
    }
}

#[test]
fn tls_1_3_is_spoken_and_1_2_only_where_it_is_allowed() {
    let (setup, trusted) = with_tls(Setup::embedded(), "");
    let server = setup.start();
    let mut client = Client::new(&server, &trusted);
    assert_eq!(client.ask().unwrap(), (501, Some(rustls::ProtocolVersion::TLSv1_3)));
    client.versions = vec![&version::TLS12];
    assert!(client.ask().is_err(), "TLS 1.2 was spoken");

    let (setup, trusted) = with_tls(Setup::embedded(), "tls_min_version = \"tls12\"");
    let server = setup.start();
    let mut client = Client::new(&server, &trusted);
    client.versions = vec![&version::TLS12];
    assert_eq!(client.ask().unwrap(), (501, Some(rustls::ProtocolVersion::TLSv1_2)));
    client.versions = vec![&version::TLS13];
    assert_eq!(client.ask().unwrap().1, Some(rustls::ProtocolVersion::TLSv1_3));
}

#[test]
fn plain_http_on_a_port_of_tls_is_told_so() {
    let (setup, trusted) = with_tls(Setup::embedded(), "");
    let server = setup.start();
    // One that leaves bytes unread when it is answered, too.
    for (method, body) in [("GET", vec![]), ("LIST", vec![]), ("POST", vec![b'x'; 40_000])] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&server.nobody().request(method, "sys/health", &body)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(
            answer, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "{method}"
        );
    }
    // What is neither is not answered in plain text.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"\x01get / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(Client::new(&server, &trusted).ask().unwrap().0, 501);
}

#[test]
fn the_key_exchange_is_safe_from_quantum_computers() {
    let (setup, trusted) = with_tls(Setup::embedded(), "");
    let server = setup.start();
    let client = Client::new(&server, &trusted);
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(client.config(&[])), name).unwrap();
    let mut socket = TcpStream::connect(&server.address).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).unwrap();
    }
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn a_renewed_certificate_is_served_after_sighup() {
    let (setup, first) = with_tls(Setup::embedded(), "");
    let server = setup.start();
    assert!(Client::new(&server, &first).ask().is_ok());
    let second = certificate(&setup, "server");
    assert!(Client::new(&server, &second).ask().is_err(), "read before it was told to");
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(Client::new(&server, &second).ask().is_ok());
    assert!(Client::new(&server, &first).ask().is_err());
    // A file that cannot be used changes nothing.
    fs::write(setup.path("server.crt"), "no certificate").unwrap();
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(Client::new(&server, &second).ask().is_ok());
    assert!(server.log().contains("server.crt"), "{}", server.log());
}

#[test]
fn client_certificates_are_required_where_the_operator_says_so() {
    let setup = Setup::embedded();
    let known = certificate(&setup, "client");
    let more =
        format!("tls_require_and_verify_client_cert = true\n  tls_client_ca_file = {:?}", setup.file("client.crt"));
    let (setup, trusted) = with_tls(setup, &more);
    let server = setup.start();
    let mut client = Client::new(&server, &trusted);
    assert!(client.ask().is_err(), "served without a client certificate");
    let stranger = certificate(&setup, "stranger");
    let key = |name: &str| PrivateKeyDer::from_pem_file(setup.path(&format!("{name}.key"))).unwrap();
    client.identity = Some((stranger, key("stranger")));
    assert!(client.ask().is_err(), "served a certificate of another authority");
    client.identity = Some((known, key("client")));
    assert_eq!(client.ask().unwrap().0, 501);
}

#[test]
fn http_2_serves_many_requests_on_one_connection() {
    let (setup, trusted) = with_tls(Setup::embedded(), "");
    let server = setup.start();
    let config = Client::new(&server, &trusted).config(&["h2"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(&server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        let driver = tokio::spawn(connection);
        let keys = ask(sender.clone(), "PUT", "sys/init", "", json!({"secret_shares": 1, "secret_threshold": 1})).await;
        assert_eq!(keys.0, 200, "{}", keys.1);
        let root = keys.1["root_token"].as_str().unwrap().to_owned();
        let opened = ask(sender.clone(), "PUT", "sys/unseal", "", json!({"key": keys.1["keys"][0]})).await;
        assert_eq!(opened.1["sealed"], json!(false));
        let asked = (0..50).map(|_| ask(sender.clone(), "GET", "auth/token/lookup-self", &root, Value::Null));
        let answers = futures_util::future::join_all(asked).await;
        assert!(
            answers.iter().all(|(status, body)| *status == 200 && body["data"]["path"] == json!("auth/token/root"))
        );
        assert_eq!(ask(sender.clone(), "GET", "sys/mounts", "s.other", Value::Null).await.0, 403);
        drop(sender);
        driver.await.unwrap().unwrap();
    });
}

type Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn ask(mut sender: Sender, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
    let request = http::Request::builder().method(method).uri(format!("https://localhost/v1/{path}"));
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let request = request.header("x-vault-token", token).body(Full::new(body)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
