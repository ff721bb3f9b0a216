//! A stand-in for another server's transit engine, since none can be had here: it answers what such servers were recorded to
//! answer for `encrypt`, `decrypt`, `lookup-self` and `renew-self`, and nothing else. It proves our side of the wire, and that
//! the server does what it should when the other one is away; not that a real one would take what we send.
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const TOKEN: &str = "s.transitTokenOfTests";

pub struct StandIn {
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    plaintexts: Mutex<BTreeMap<String, String>>,
    version: AtomicU64,
    is_away: AtomicBool,
    renewals: AtomicU64,
}

impl StandIn {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { version: AtomicU64::new(1), ..State::default() });
        let served = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _the_peer_may_be_gone = answer(stream, &served);
            }
        });
        Self { address, state }
    }

    pub fn seal(&self, name: &str, more: &str) -> String {
        format!(
            "seal \"transit\" \"{name}\" {{\n  address = \"{}\"\n  token = \"{TOKEN}\"\n  key_name = \"unseal\"\n  mount_path = \"transit/\"\n  {more}\n}}",
            self.address
        )
    }

    pub fn set_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::SeqCst);
    }

    pub fn rotate(&self) {
        self.state.version.fetch_add(1, Ordering::SeqCst);
    }

    pub fn renewals(&self) -> u64 {
        self.state.renewals.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let head = head.to_lowercase();
    let field = |name: &str| head.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
    let length = field("content-length:").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = if state.is_away.load(Ordering::SeqCst) {
        ("503 Service Unavailable", json!({"errors": ["Vault is sealed"]}))
    } else if field("x-vault-token:") != Some(TOKEN.to_lowercase()) {
        ("403 Forbidden", json!({"errors": ["permission denied"]}))
    } else {
        route(path, &body, state)
    };
    let text = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn route(path: &str, body: &Value, state: &State) -> (&'static str, Value) {
    let envelope = |data: Value, auth: Value| json!({"request_id": "5", "lease_id": "", "renewable": false, "lease_duration": 0, "data": data, "wrap_info": null, "warnings": null, "auth": auth});
    match path {
        "/v1/transit/encrypt/unseal" => {
            let mut plaintexts = state.plaintexts.lock().unwrap();
            let version = state.version.load(Ordering::SeqCst);
            let ciphertext = format!("vault:v{version}:c2VhbGVk{:04}", plaintexts.len());
            plaintexts.insert(ciphertext.clone(), body["plaintext"].as_str().unwrap().to_owned());
            ("200 OK", envelope(json!({"ciphertext": ciphertext, "key_version": version}), Value::Null))
        }
        "/v1/transit/decrypt/unseal" => {
            let plaintexts = state.plaintexts.lock().unwrap();
            match plaintexts.get(body["ciphertext"].as_str().unwrap()) {
                Some(plaintext) => ("200 OK", envelope(json!({"plaintext": plaintext}), Value::Null)),
                None => ("400 Bad Request", json!({"errors": ["cipher: message authentication failed"]})),
            }
        }
        "/v1/auth/token/lookup-self" => ("200 OK", envelope(json!({"ttl": 60, "renewable": true}), Value::Null)),
        "/v1/auth/token/renew-self" => {
            state.renewals.fetch_add(1, Ordering::SeqCst);
            ("200 OK", envelope(Value::Null, json!({"lease_duration": 60, "renewable": true})))
        }
        _ => ("404 Not Found", json!({"errors": []})),
    }
}
