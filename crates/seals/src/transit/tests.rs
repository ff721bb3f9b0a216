use super::*;
use kw_barrier::SystemRng;
use kw_types::SystemClock;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

const TOKEN: &str = "s.LEAKME";

/// A server that gives these answers, one for each call, and tells what it was sent.
fn serve(answers: Vec<(&'static str, String)>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let (told, sent) = channel();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !is_whole(&request) {
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            told.send(String::from_utf8(request).unwrap()).unwrap();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
        }
    });
    (address, sent)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

fn seal(address: &str) -> Transit {
    let options = TransitOptions {
        address: address.to_owned(),
        token: Secret::new(TOKEN.to_owned()),
        key_name: "un seal".to_owned(),
        mount_path: "/keys/transit/".to_owned(),
        namespace: "team/".to_owned(),
        key_id_prefix: "a/".to_owned(),
        disable_renewal: false,
        ca_pem: None,
        time_max: Duration::from_secs(5),
    };
    Transit::new(options, Arc::new(SystemClock)).unwrap()
}

#[tokio::test]
async fn encrypting_and_decrypting_as_the_engine_has_it() {
    let key = UnsealKey::generate(&SystemRng);
    let plaintext = STANDARD.encode(key.expose());
    let (address, sent) = serve(vec![
        ("200 OK", r#"{"data":{"ciphertext":"vault:v3:abc=","key_version":3}}"#.to_owned()),
        ("200 OK", format!(r#"{{"data":{{"plaintext":"{plaintext}"}}}}"#)),
    ]);
    let seal = seal(&address);
    let wrapped = seal.wrap(&key).await.unwrap();
    assert_eq!((wrapped.key_id.as_str(), wrapped.content.as_slice()), ("a/un seal:v3", b"vault:v3:abc=".as_slice()));
    let request = sent.recv().unwrap();
    assert!(request.starts_with("POST /v1/keys/transit/encrypt/un%20seal HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-vault-token: s.LEAKME\r\n") && request.contains("x-vault-namespace: team\r\n"));
    assert!(request.ends_with(&format!(r#"{{"plaintext":"{plaintext}"}}"#)));
    assert!(seal.unwrap(&wrapped).await.unwrap().matches(&key));
    let request = sent.recv().unwrap();
    assert!(request.starts_with("POST /v1/keys/transit/decrypt/un%20seal HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"ciphertext":"vault:v3:abc="}"#));
}

#[tokio::test]
async fn what_the_server_says_is_told_and_the_token_is_not() {
    let (address, _sent) = serve(vec![
        ("403 Forbidden", r#"{"errors":["permission denied"]}"#.to_owned()),
        ("200 OK", "nonsense".to_owned()),
        ("200 OK", r#"{"data":{"plaintext":"c2hvcnQ="}}"#.to_owned()),
    ]);
    let seal = seal(&address);
    let key = UnsealKey::generate(&SystemRng);
    let why = seal.wrap(&key).await.unwrap_err().to_string();
    assert_eq!(why, "the transit server: it answered 403: permission denied");
    assert!(seal.wrap(&key).await.unwrap_err().to_string().contains("not the JSON"));
    let wrapped = WrappedKey { key_id: String::new(), content: b"vault:v1:x".to_vec() };
    assert_eq!(seal.unwrap(&wrapped).await.unwrap_err(), SealError::WrongKey);
    // Now nobody listens.
    assert!(seal.wrap(&key).await.unwrap_err().to_string().starts_with("the transit server: "));
}

#[tokio::test]
async fn the_token_is_renewed_once_in_half_of_its_time() {
    let (address, sent) = serve(vec![
        ("200 OK", r#"{"data":{"ttl":3600,"renewable":true}}"#.to_owned()),
        ("200 OK", r#"{"auth":{"lease_duration":7200}}"#.to_owned()),
    ]);
    let seal = seal(&address);
    seal.tend().await.unwrap();
    assert!(sent.recv().unwrap().starts_with("GET /v1/auth/token/lookup-self "));
    assert!(sent.recv().unwrap().starts_with("POST /v1/auth/token/renew-self "));
    // Nobody answers a third call, so there is none.
    seal.tend().await.unwrap();
}
