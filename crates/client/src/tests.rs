use crate::*;
use kw_types::Secret;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One answer for each request that comes, in turn; the last one again and again. Keeps what was asked.
struct StandIn {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    fn start(answers: Vec<(u16, &str, &str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<_> = answers.into_iter().map(|(s, h, b)| (s, h.to_owned(), b.to_owned())).collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        std::thread::spawn(move || {
            let mut turn = 0;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(asked) = read_request(&mut stream) else { continue };
                kept.lock().unwrap().push(asked);
                let (status, headers, body) = answers.get(turn).or(answers.last()).unwrap();
                turn += 1;
                write_answer(&mut stream, *status, headers, body);
            }
        });
        Self { address, seen }
    }

    fn asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }

    fn config(&self) -> Config {
        let mut config = Config::new(&self.address).unwrap();
        config.token = Some(Secret::new("s.token".to_owned()));
        config.retry_wait = Duration::from_millis(1);
        config
    }
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line.to_lowercase().replace("\r\n", "\n"));
    }
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |l| l.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(format!("{head}\n{}", String::from_utf8(body).unwrap()))
}

fn write_answer(stream: &mut impl Write, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn addresses() {
    let tcp =
        |tls, host: &str, port, prefix: &str| Address::Tcp { tls, host: host.into(), port, prefix: prefix.into() };
    assert_eq!(Address::parse("http://127.0.0.1:8200").unwrap(), tcp(false, "127.0.0.1", 8200, ""));
    assert_eq!(Address::parse("https://v.example/base/").unwrap(), tcp(true, "v.example", 443, "/base"));
    assert_eq!(Address::parse("https://[::1]:8200").unwrap(), tcp(true, "::1", 8200, ""));
    assert_eq!(Address::parse("https://[::1]:8200").unwrap().url("/v1/x"), "https://[::1]:8200/v1/x");
    assert_eq!(Address::parse("unix:///run/kw.sock").unwrap(), Address::Unix("/run/kw.sock".into()));
    for bad in ["", "127.0.0.1:8200", "ftp://x", "unix://", "https://user:pw@host"] {
        assert!(Address::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn paths_are_encoded_once() {
    let request = Request::get("/secret/data/a b%/c?d/").query("v", "1&2");
    assert_eq!(request.path_and_query(), "/v1/secret/data/a%20b%25/c%3Fd?v=1%262");
}

#[test]
fn an_answer_is_read_and_nulls_are_nothing() {
    let body = r#"{"request_id":"r","lease_id":null,"lease_duration":5,"renewable":null,"data":{"keys":["a","b/"]},"warnings":null,
        "auth":{"client_token":"s.x","policies":null,"metadata":null,"lease_duration":60},"wrap_info":null}"#;
    let server = StandIn::start(vec![(200, "", body)]);
    let answer = wait(server.client().read("x")).unwrap().unwrap();
    assert_eq!((answer.lease_duration, answer.keys()), (5, vec!["a".to_owned(), "b/".to_owned()]));
    let auth = answer.auth.clone().unwrap();
    assert_eq!(auth.client_token.expose(), "s.x");
    assert!(!format!("{answer:?} {auth:?}").contains("s.x"));
    let asked = server.asked();
    assert!(asked[0].starts_with("get /v1/x http/1.1\n"), "{asked:?}");
    assert!(asked[0].contains("x-vault-token: s.token\n") && asked[0].contains("x-vault-request: true\n"));
}

#[test]
fn headers_follow_the_configuration() {
    let server = StandIn::start(vec![(204, "", "")]);
    let mut config = server.config();
    config.namespace = Some("team/".into());
    config.headers.push(("x-extra".into(), "1".into()));
    let request = Request::patch("x", &serde_json::json!({"a": 1})).wrap_ttl("60s");
    let answer = wait(Client::new(config).unwrap().send(request)).unwrap();
    assert!(answer.is_empty());
    let asked = server.asked().remove(0);
    for part in [
        "patch /v1/x",
        "x-vault-namespace: team/\n",
        "x-vault-wrap-ttl: 60s\n",
        "content-type: application/merge-patch+json\n",
        "x-extra: 1\n",
        "\n{\"a\":1}",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[test]
fn refusals_read_as_scripts_know_them() {
    let server = StandIn::start(vec![(403, "", r#"{"errors":["permission denied"]}"#)]);
    let error = wait(server.client().write("a", &serde_json::json!({}))).unwrap_err();
    let url = &server.address;
    assert_eq!(
        error.to_string(),
        format!("Error making API request.\n\nURL: PUT {url}/v1/a\nCode: 403. Errors:\n\n* permission denied")
    );
    assert_eq!((error.status(), error.errors()), (Some(403), &["permission denied".to_owned()][..]));
    let server = StandIn::start(vec![(404, "", r#"{"data":null,"warnings":["Invalid path"]}"#)]);
    let error = wait(server.client().write("a", &serde_json::json!({}))).unwrap_err();
    assert!(error.to_string().ends_with("Code: 404. Errors:\n\n* Invalid path"), "{error}");
    let server = StandIn::start(vec![(418, "", "no JSON")]);
    let error = wait(server.client().delete("a")).unwrap_err();
    assert!(error.to_string().ends_with("Code: 418. Raw Message:\n\nno JSON"), "{error}");
}

#[test]
fn nothing_there_is_no_error_but_deleted_data_is_shown() {
    let server = StandIn::start(vec![(404, "", r#"{"errors":[]}"#)]);
    assert!(wait(server.client().read("a")).unwrap().is_none());
    let server = StandIn::start(vec![(404, "", r#"{"data":{"data":null,"metadata":{"version":1}}}"#)]);
    assert_eq!(wait(server.client().read("a")).unwrap().unwrap().status, 404);
}

#[test]
fn trouble_is_tried_again_but_not_for_ever() {
    let server = StandIn::start(vec![(500, "", "{}"), (412, "", "{}"), (200, "", r#"{"data":{"a":1}}"#)]);
    assert!(wait(server.client().read("a")).unwrap().is_some());
    assert_eq!(server.asked().len(), 3);
    let server = StandIn::start(vec![(503, "", r#"{"errors":["sealed"]}"#)]);
    assert_eq!(wait(server.client().read("a")).unwrap_err().status(), Some(503));
    assert_eq!(server.asked().len(), 3);
    for status in [400, 501] {
        let server = StandIn::start(vec![(status, "", r#"{"errors":[]}"#)]);
        assert!(wait(server.client().read("a")).is_err());
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[test]
fn a_redirect_keeps_method_and_body() {
    let leader = StandIn::start(vec![(200, "", r#"{"data":{"from":"leader"}}"#)]);
    let location = format!("location: {}/v1/a\r\n", leader.address);
    let standby = StandIn::start(vec![(307, &location, "")]);
    let answer = wait(standby.client().write("a", &serde_json::json!({"k": 1}))).unwrap();
    assert_eq!(answer.field("from").and_then(Json::as_str), Some("leader"));
    let asked = leader.asked().remove(0);
    assert!(asked.starts_with("put /v1/a ") && asked.ends_with("{\"k\":1}") && asked.contains("s.token"), "{asked}");

    let again = StandIn::start(vec![(307, &location, "")]);
    let mut config = again.config();
    config.follow_redirects = false;
    assert_eq!(wait(Client::new(config).unwrap().read("a")).unwrap_err().status(), Some(307));
}

#[test]
fn time_limits_hold() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    config.timeout = Duration::from_millis(50);
    let error = wait(Client::new(config).unwrap().read("a")).unwrap_err();
    assert!(error.to_string().contains("the time is up"), "{error}");
}

#[test]
fn no_server_is_said_so() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config = Config::new(&format!("http://127.0.0.1:{port}")).unwrap();
    config.retries_max = 0;
    let error = wait(Client::new(config).unwrap().read("a")).unwrap_err();
    let want = format!("Get \"http://127.0.0.1:{port}/v1/a\": dial tcp 127.0.0.1:{port}: connect: connection refused");
    assert_eq!(error.to_string(), want);
}

#[test]
fn unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kw.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream).unwrap();
        write_answer(&mut stream, 200, "", r#"{"data":{"a":1}}"#);
    });
    let client = Client::new(Config::new(&format!("unix://{}", path.display())).unwrap()).unwrap();
    assert!(wait(client.read("a")).unwrap().is_some());
}

#[test]
fn kv_mounts_are_detected() {
    let mount = |version: &str| format!(r#"{{"data":{{"path":"secret/","type":"kv","options":{version}}}}}"#);
    let server =
        StandIn::start(vec![(200, "", &mount(r#"{"version":"2"}"#)), (200, "", r#"{"data":{"data":{"a":1}}}"#)]);
    let client = server.client();
    let kv = wait(client.kv("secret")).unwrap();
    assert!(wait(kv.get("app/db", Some(3))).unwrap().is_some());
    assert!(server.asked()[0].starts_with("get /v1/sys/internal/ui/mounts/secret "));
    assert!(server.asked()[1].starts_with("get /v1/secret/data/app/db?version=3 "));

    let server = StandIn::start(vec![(200, "", &mount("null")), (204, "", "")]);
    let kv = wait(server.client().kv("secret")).unwrap();
    wait(kv.put("app", &serde_json::json!({"a": 1}), None)).unwrap();
    let asked = server.asked().remove(1);
    assert!(asked.starts_with("put /v1/secret/app ") && asked.ends_with("{\"a\":1}"), "{asked}");
}

#[test]
fn api_paths_of_keys() {
    let v2 = KvMount { path: "team/kv/".into(), version: KvVersion::V2 };
    assert_eq!(v2.api_path("data", "team/kv/a/b"), "team/kv/data/a/b");
    assert_eq!(v2.api_path("metadata", "team/kv"), "team/kv/metadata");
    assert_eq!(v2.api_path_inside("data", "team/kv/a"), "team/kv/data/team/kv/a");
    let v1 = KvMount { path: "kv/".into(), version: KvVersion::V1 };
    assert_eq!(v1.api_path("data", "kv/a"), "kv/a");
}

#[test]
fn numbers_keep_every_digit() {
    let text = r#"{"a":123456789012345678901234567890,"b":[1.50,-0.0,1e400],"c":{"d":null,"e":true,"f":"x"}}"#;
    let value: Json = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    assert_eq!(value.get("c").and_then(|c| c.get("f")).and_then(Json::as_str), Some("x"));
    assert!(!format!("{value:?}").contains("1234"));
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert!(serde_json::from_str::<Json>(&deep).is_err());
}

#[tokio::test]
async fn an_answer_without_an_envelope_is_all_data() {
    let health = r#"{"initialized":true,"sealed":false}"#;
    let server =
        StandIn::start(vec![(200, "", health), (200, "", r#"{"errors":[]}"#), (200, "", "text"), (204, "", "")]);
    let client = server.client();
    let answer = client.send(Request::get("sys/health")).await.unwrap();
    assert_eq!(answer.field("initialized").and_then(Json::as_bool), Some(true));
    for _ in 0..3 {
        assert!(client.send(Request::get("sys/health")).await.unwrap().is_empty());
    }
}
