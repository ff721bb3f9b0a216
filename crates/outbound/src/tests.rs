use crate::*;
use kw_types::Secret;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers each connection's requests with the same text, and counts the connections. Gives the port and what was sent.
async fn peer(answer: &'static str) -> (u16, Arc<parking_lot::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let shared = seen.clone();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            number += 1;
            let seen = shared.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 65536];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    seen.lock().push(format!("{number} {}", String::from_utf8_lossy(&buffer[..n])));
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, seen)
}

fn client(guard: Guard) -> Client {
    Client::new(Options { time_max: Duration::from_millis(500), answer_bytes_max: 100, ..Options::new(guard) }).unwrap()
}

fn url(port: u16, path: &str) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap()
}

#[test]
fn clients_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&client(Guard::PUBLIC));
}

#[test]
fn addresses_have_classes() {
    for (text, want) in [
        ("8.8.8.8", Class::Public),
        ("2606:4700::1111", Class::Public),
        ("127.0.0.1", Class::Private),
        ("10.1.2.3", Class::Private),
        ("172.31.0.1", Class::Private),
        ("172.32.0.1", Class::Public),
        ("100.64.0.1", Class::Private),
        ("::1", Class::Private),
        ("fe80::1", Class::Private),
        ("fd00::1", Class::Private),
        ("::ffff:10.0.0.1", Class::Private),
        ("::ffff:8.8.8.8", Class::Public),
        ("64:ff9b::7f00:1", Class::Private),
        ("2002:a00:1::", Class::Private),
        ("169.254.169.254", Class::Metadata),
        ("::ffff:169.254.169.254", Class::Metadata),
        ("64:ff9b::a9fe:a9fe", Class::Metadata),
        ("fd00:ec2::254", Class::Metadata),
        ("0.0.0.0", Class::Unusable),
        ("::", Class::Unusable),
        ("255.255.255.255", Class::Unusable),
        ("ff02::1", Class::Unusable),
    ] {
        assert_eq!(Class::of(text.parse::<IpAddr>().unwrap()), want, "{text}");
    }
}

#[test]
fn urls_are_read_strictly() {
    let base = Url::parse("http://Rabbit:15672/base/?q=LEAKME").unwrap();
    assert_eq!(base.to_string(), "http://rabbit:15672/base/");
    assert_eq!(base.at(&["api", "a/b c", "..", "%"]).to_string(), "http://rabbit:15672/base/api/a%2Fb%20c/%2E%2E/%25");
    assert_eq!(Url::parse("https://[::1]:443/").unwrap().to_string(), "https://[::1]/");
    for bad in ["", "ftp://a/", "rabbit:1", "http://", "http://u:p@h/", "http://h:0/", "http://h:99999/", "/path"] {
        assert!(Url::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_meant_and_the_connection_is_kept() {
    let (port, seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").await;
    let client = client(Guard::OPERATOR);
    for _ in 0..2 {
        let request = Request::put(url(port, "/x?y=1")).basic_auth("u", &Secret::new("p:w".to_owned())).unwrap();
        assert!(!format!("{request:?}").contains("dTpw"));
        let answer = client.send(request.json(&serde_json::json!({"k": 1})).unwrap()).await.unwrap();
        assert_eq!(answer.json::<serde_json::Value>().unwrap()["a"], 1);
    }
    let seen = seen.lock();
    assert!(seen.iter().all(|s| s.starts_with("1 PUT /x?y=1 HTTP/1.1\r\n")), "{seen:?}");
    let first = seen[0].to_lowercase();
    assert!(first.contains(&format!("host: 127.0.0.1:{port}\r\n")));
    assert!(first.contains("authorization: basic dtpwonc=\r\n"), "{first}");
    assert!(first.ends_with("\r\n\r\n{\"k\":1}"));
}

#[tokio::test]
async fn redirects_are_answers() {
    let (port, seen) =
        peer("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n").await;
    let answer = client(Guard::OPERATOR).send(Request::get(url(port, "/"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), seen.lock().len()), (302, 1));
}

#[tokio::test]
async fn guards_refuse() {
    let (port, seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let strict = Guard { private: false, plain_http: true };
    for text in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
    ] {
        let refused = client(strict).send(Request::get(Url::parse(&text).unwrap())).await;
        assert!(matches!(refused, Err(Error::Refused(Class::Private))), "{text}: {refused:?}");
    }
    assert!(matches!(client(Guard::PUBLIC).send(Request::get(url(port, "/"))).await, Err(Error::Url(_))));
    for text in ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://2852039166/"] {
        let refused = client(Guard::OPERATOR).send(Request::get(Url::parse(text).unwrap())).await;
        assert!(matches!(refused, Err(Error::Refused(Class::Metadata))), "{text}: {refused:?}");
    }
    assert_eq!(seen.lock().len(), 0);
}

#[tokio::test]
async fn size_and_time_are_bounded() {
    let (port, _) = peer("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x").await;
    assert!(matches!(client(Guard::OPERATOR).send(Request::get(url(port, "/"))).await, Err(Error::Size(100))));
    let (port, _) = peer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(matches!(client(Guard::OPERATOR).send(Request::get(url(port, "/"))).await, Err(Error::Time)));
    let closed = client(Guard::OPERATOR).send(Request::get(url(1, "/"))).await;
    assert!(matches!(closed, Err(Error::Connect(std::io::ErrorKind::ConnectionRefused))), "{closed:?}");
}

#[tokio::test]
async fn https_checks_the_certificate() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = key.cert.pem();
    let der = rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![key.cert.der().clone()], der).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let trusting = |pem| Client::new(Options { ca_pem: Some(pem), ..Options::new(Guard::OPERATOR) });
    let get = |host: &str| Request::get(Url::parse(&format!("https://{host}:{port}/")).unwrap());
    let answer = trusting(pem.clone()).unwrap().send(get("localhost")).await.unwrap();
    assert_eq!(answer.status.as_u16(), 204);
    let wrong_name = trusting(pem).unwrap().send(get("127.0.0.1")).await;
    assert!(matches!(wrong_name, Err(Error::Tls(_))), "{wrong_name:?}");
    let unknown = client(Guard::OPERATOR).send(get("localhost")).await;
    assert!(matches!(unknown, Err(Error::Tls(_))), "{unknown:?}");
    assert!(matches!(trusting("junk".to_owned()), Err(Error::Ca(_))));
}
