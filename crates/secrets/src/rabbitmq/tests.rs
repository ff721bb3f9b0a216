use kw_engine::Terms;
use kw_engine::Ttl;
use kw_engine::harness::Harness;
use kw_engine::{Engine, Verb};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Stands for the management API: notes what it is asked, and says yes to all but what `refuse` occurs in.
struct Broker {
    uri: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Broker {
    fn start(refuse: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = shared.clone();
                std::thread::spawn(move || serve(stream.unwrap(), refuse, &seen));
            }
        });
        Self { uri, seen }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, refuse: &str, seen: &Mutex<Vec<String>>) {
    let mut buffer = vec![0; 65536];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
        assert!(text.to_lowercase().contains("authorization: basic dtpw\r\n"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
        let status = match line {
            line if !refuse.is_empty() && line.contains(refuse) => "400 Bad Request",
            line if line.starts_with("DELETE") => "404 Not Found",
            _ => "201 Created",
        };
        seen.lock().unwrap().push(format!("{line} {body}").trim_end().to_owned());
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

const VHOSTS: &str = r#"{"a/b": {"configure": "c", "read": "r"}}"#;
const TOPICS: &str = r#"{"a/b": {"amq.topic": {"write": "tw", "read": "tr"}}}"#;

fn mounted(uri: &str, template: &str) -> Harness<impl Engine> {
    let mut mount = Harness::new(super::engine());
    let connection = json!({ "connection_uri": uri, "username": "u", "password": "p", "verify_connection": false,
        "username_template": template });
    mount.write("config/connection", connection).unwrap();
    mount.write("roles/r", json!({ "tags": "monitoring", "vhosts": VHOSTS, "vhost_topics": TOPICS })).unwrap();
    mount
}

#[test]
fn a_connection_is_checked_and_never_shown() {
    let mut mount = Harness::new(super::engine());
    let broker = Broker::start("");
    for (body, want) in [
        (json!({}), "missing connection_uri"),
        (json!({"connection_uri": "http://h"}), "missing username"),
        (json!({"connection_uri": "http://h", "username": ""}), "missing password"),
        (json!({"connection_uri": "http://h", "username": "", "password": "p"}), "missing username"),
        (json!({"connection_uri": "h", "username": "u", "password": "p"}), "invalid connection_uri"),
        (json!({"connection_uri": broker.uri, "username": "u:v", "password": "p"}), "colon"),
        (json!({"connection_uri": "http://127.0.0.1:1", "username": "u", "password": "LEAKME"}), "failed to validate"),
        (json!({"connection_uri": "http://169.254.169.254", "username": "u", "password": "p"}), "metadata"),
        (json!({"connection_uri": broker.uri, "username": "u", "password": "p", "username_template": "{{broken"}), "template"),
        (json!({"connection_uri": broker.uri, "username": "u", "password": "p", "password_policy": "x"}), "password_policy"),
    ] {
        let fault = mount.write("config/connection", body.clone()).unwrap_err();
        assert_eq!(fault.kind().status(), 400, "{body}");
        assert!(fault.to_string().contains(want) && !fault.to_string().contains("LEAKME"), "{body}: {fault}");
    }
    assert!(broker.take().is_empty());
    mount.write("config/connection", json!({"connection_uri": broker.uri, "username": "u", "password": "p"})).unwrap();
    assert_eq!(broker.take(), ["GET /api/users"]);
    assert_eq!(mount.read("config/connection").unwrap_err().kind().status(), 405);
    let refusing = Broker::start("users");
    let refused = json!({"connection_uri": refusing.uri, "username": "u", "password": "p"});
    assert!(mount.write("config/connection", refused).unwrap_err().to_string().contains("answered 400"));
}

#[test]
fn lease_times_are_set_together() {
    let mut mount = Harness::new(super::engine());
    assert_eq!(mount.read("config/lease").unwrap_err().kind().status(), 404);
    mount.write("config/lease", json!({"ttl": "1h", "max_ttl": "24h"})).unwrap();
    assert_eq!(mount.read("config/lease").unwrap(), json!({"ttl": 3600, "max_ttl": 86400}));
    mount.write("config/lease", json!({"ttl": 600})).unwrap();
    assert_eq!(mount.read("config/lease").unwrap(), json!({"ttl": 600, "max_ttl": 0}));
    assert!(mount.write("config/lease", json!({"ttl": "soon"})).is_err());
    mount.write("config/lease", Value::Null).unwrap();
    assert_eq!(mount.read("config/lease").unwrap(), json!({"ttl": 0, "max_ttl": 0}));
}

#[test]
fn roles_are_kept() {
    let mut mount = Harness::new(super::engine());
    assert_eq!(mount.list("roles").unwrap_err().kind().status(), 404);
    mount.write("roles/r", json!({"vhosts": VHOSTS, "vhost_topics": TOPICS})).unwrap();
    let want = json!({"tags": "", "vhosts": {"a/b": {"configure": "c", "write": "", "read": "r"}},
        "vhost_topics": {"a/b": {"amq.topic": {"write": "tw", "read": "tr"}}}});
    assert_eq!(mount.read("roles/r").unwrap(), want);
    mount.write("roles/r", json!({"tags": "a,b"})).unwrap();
    assert_eq!(mount.read("roles/r").unwrap(), json!({"tags": "a,b", "vhosts": {}, "vhost_topics": {}}));
    assert_eq!(mount.list("roles").unwrap(), json!(["r"]));
    for body in [json!({}), json!({"vhosts": "{"}), json!({"vhosts": "[1]"}), json!({"vhost_topics": "{\"/\": 5}"})] {
        assert_eq!(mount.write("roles/r", body).unwrap_err().kind().status(), 400);
    }
    for _ in 0..2 {
        mount.delete("roles/r").unwrap();
    }
    assert_eq!(mount.read("roles/r").unwrap_err().kind().status(), 404);
}

#[test]
fn a_user_is_made_with_its_rights_renewed_and_deleted() {
    let broker = Broker::start("");
    let mut mount = mounted(&broker.uri, "");
    mount.write("config/lease", json!({"ttl": "10m", "max_ttl": "1h"})).unwrap();
    mount.caller.display_name = "ann/x".to_owned();
    mount.conflict_once();
    let secret = mount.read("creds/r").unwrap();
    let (name, password) = (secret["username"].as_str().unwrap(), secret["password"].as_str().unwrap());
    assert!(name.starts_with("ann/x-") && name.len() == 42 && password.len() == 36, "{name}");
    let path = name.replace('/', "%2F");
    let seen = broker.take();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen[0], format!(r#"PUT /api/users/{path} {{"password":"{password}","tags":"monitoring"}}"#));
    assert_eq!(seen[1], format!(r#"PUT /api/permissions/a%2Fb/{path} {{"configure":"c","write":"","read":"r"}}"#));
    let topic = r#"{"exchange":"amq.topic","write":"tw","read":"tr"}"#;
    assert_eq!(seen[2], format!("PUT /api/topic-permissions/a%2Fb/{path} {topic}"));

    let lease = mount.issued()[0].clone();
    assert_eq!(lease.data.get(), json!({ "username": name }).to_string());
    assert_eq!((lease.terms.ttl.seconds(), lease.terms.max_ttl.seconds(), lease.terms.renewable), (600, 3600, true));
    let asked = Terms { ttl: Ttl::from_seconds(9000), max_ttl: Ttl::ZERO, renewable: true };
    assert_eq!(mount.renew(&lease, asked).unwrap().ttl.seconds(), 3600);
    mount.delete("roles/r").unwrap();
    for _ in 0..2 {
        mount.revoke(&lease).unwrap();
        assert_eq!(broker.take(), [format!("DELETE /api/users/{path}")]);
    }
}

#[test]
fn what_fails_leaves_no_user() {
    let broker = Broker::start("topic-permissions");
    let mut mount = mounted(&broker.uri, "{{.RoleName}}_{{random 4}}");
    let fault = mount.read("creds/r").unwrap_err();
    assert_eq!(fault.kind().status(), 500);
    let seen = broker.take();
    assert!(seen.iter().skip(3).all(|s| s.starts_with("DELETE /api/users/r_")) && seen.len() > 3, "{seen:?}");
    let stuck = Broker::start("DELETE");
    let mut mount = mounted(&stuck.uri, "");
    mount.read("creds/r").unwrap();
    assert!(mount.revoke(&mount.issued()[0]).is_err());
}

#[test]
fn credentials_need_a_role_and_a_broker() {
    let mut mount = Harness::new(super::engine());
    assert!(mount.read("creds/none").unwrap_err().to_string().contains("unknown role: none"));
    mount.write("roles/r", json!({"tags": "t"})).unwrap();
    assert!(mount.read("creds/r").unwrap_err().to_string().contains("config/connection"));
    assert_eq!(mount.call(Verb::Write, "creds/r", json!({})).err().unwrap().kind().status(), 405);
    let mut mount = mounted("http://127.0.0.1:1", "");
    assert_eq!(mount.read("creds/r").unwrap_err().kind().status(), 500);
    let mut mount = mounted("http://127.0.0.1:1", "u");
    assert!(mount.read("creds/r").unwrap_err().to_string().contains("administrator's own name"));
}
