//! The wire itself: what HTTP lets two readers understand in two ways is refused, and limits hold.
use crate::support::{Answer, Caller, Server, Setup};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What a connection gave: all its answers, and whether the server closed it.
struct Talk {
    statuses: Vec<u16>,
    is_closed: bool,
}

/// Sends bytes and reads until the server closes, or says nothing more for a while.
fn talk(address: &str, bytes: &[u8]) -> Talk {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    stream.write_all(bytes).unwrap();
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    let is_closed = loop {
        match stream.read(&mut buffer) {
            // A reset is a close too: there were bytes that nobody wanted to read.
            Ok(0) => break true,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    let text = String::from_utf8_lossy(&all).into_owned();
    let statuses = text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok());
    Talk { statuses: statuses.filter(|s| *s != 100).collect(), is_closed }
}

const BODY: &str = "{\"data\":{\"a\":1}}";
const CHUNKS: &str = "10\r\n{\"data\":{\"a\":1}}\r\n0\r\n\r\n";

/// Heads of a write that frame the body in a way that is not the one way. `@` stands for the body, `%` for its chunks.
const AMBIGUOUS_BODIES: &[(&str, &str)] = &[
    ("length and chunks", "Content-Length: 16\r\nTransfer-Encoding: chunked\r\n\r\n%"),
    ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 16\r\n\r\n%"),
    ("a short length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%"),
    ("two lengths", "Content-Length: 16\r\nContent-Length: 3\r\n\r\n@"),
    ("the same length twice", "Content-Length: 16\r\nContent-Length: 16\r\n\r\n@"),
    ("a list of lengths", "Content-Length: 16, 16\r\n\r\n@"),
    ("a length with a sign", "Content-Length: +16\r\n\r\n@"),
    ("a negative length", "Content-Length: -16\r\n\r\n@"),
    ("a hexadecimal length", "Content-Length: 0x10\r\n\r\n@"),
    ("a length in two words", "Content-Length: 1 6\r\n\r\n@"),
    ("a length beyond 64 bits", "Content-Length: 99999999999999999999\r\n\r\n@"),
    ("an empty length", "Content-Length:\r\n\r\n@"),
    ("a length after a fold", "X-A: 1\r\n Content-Length: 16\r\n\r\n@"),
    ("an unknown coding", "Transfer-Encoding: xchunked\r\n\r\n%"),
    ("a coding after chunked", "Transfer-Encoding: chunked, identity\r\n\r\n%"),
    ("a coding before chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n%"),
    ("identity", "Transfer-Encoding: identity\r\n\r\n@"),
    ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n%"),
    ("chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n\r\n%"),
    ("a tab that is no tab", "Transfer-Encoding: \x0bchunked\r\n\r\n%"),
    ("a quoted coding", "Transfer-Encoding: \"chunked\"\r\n\r\n%"),
    ("space before the colon", "Transfer-Encoding : chunked\r\n\r\n%"),
    ("space before the colon of a length", "Content-Length : 16\r\n\r\n@"),
    ("a signed chunk", "Transfer-Encoding: chunked\r\n\r\n+10\r\n@\r\n0\r\n\r\n"),
    ("a prefixed chunk", "Transfer-Encoding: chunked\r\n\r\n0x10\r\n@\r\n0\r\n\r\n"),
    ("a negative chunk", "Transfer-Encoding: chunked\r\n\r\n-10\r\n@\r\n0\r\n\r\n"),
    ("a chunk beyond 64 bits", "Transfer-Encoding: chunked\r\n\r\n10000000000000010\r\n@\r\n0\r\n\r\n"),
    ("a chunk size ended by LF", "Transfer-Encoding: chunked\r\n\r\n10\n@\r\n0\r\n\r\n"),
    ("LF in a chunk extension", "Transfer-Encoding: chunked\r\n\r\n10;a\nb\r\n@\r\n0\r\n\r\n"),
    ("no end of chunk data", "Transfer-Encoding: chunked\r\n\r\n10\r\n@XX0\r\n\r\n"),
];

#[test]
fn ambiguous_bodies_are_refused_and_end_the_connection() {
    let server = Server::dev();
    for (name, rest) in AMBIGUOUS_BODIES {
        let rest = rest.replace('@', BODY).replace('%', CHUNKS);
        let head = "POST /v1/secret/data/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: root\r\n";
        // What follows would be a second request to whoever reads the first as shorter.
        let request = format!("{head}{rest}GET /v1/secret/data/y HTTP/1.1\r\nHost: a\r\n\r\n");
        let talk = talk(&server.address, request.as_bytes());
        assert_eq!((talk.statuses.as_slice(), talk.is_closed), ([400].as_slice(), true), "{name}");
    }
    server.root().get("secret/data/x").is(404);
    // The control: the same body, framed in the one way and in the other.
    for rest in
        ["Content-Length: 16\r\n\r\n@", "Transfer-Encoding: chunked\r\n\r\n%", "transfer-encoding: Chunked\r\n\r\n%"]
    {
        let head = "POST /v1/secret/data/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Vault-Token: root\r\n";
        let request = format!("{head}{}", rest.replace('@', BODY).replace('%', CHUNKS));
        assert_eq!(talk(&server.address, request.as_bytes()).statuses, [200], "{rest}");
    }
}

/// Whole requests that are refused.
const BAD_HEADS: &[(&str, &[u8])] = &[
    ("no host", b"GET /v1/sys/health HTTP/1.1\r\n\r\n"),
    ("two hosts", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("the same host twice", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("a host of two words", b"GET /v1/sys/health HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("a host with a user", b"GET /v1/sys/health HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    ("a host with a path", b"GET /v1/sys/health HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("another host in the target", b"GET http://b/v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("another port in the target", b"GET http://a:81/v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a user in the target", b"GET http://u@a/v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("another scheme in the target", b"GET ftp://a/v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a folded header", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n"),
    ("a fold right after the request line", b"GET /v1/sys/health HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n"),
    ("space before a colon", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n"),
    ("space before the host's colon", b"GET /v1/sys/health HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("LF for all line ends", b"GET /v1/sys/health HTTP/1.1\nHost: a\n\n"),
    ("LF after the request line", b"GET /v1/sys/health HTTP/1.1\nHost: a\r\n\r\n"),
    ("LF after a header", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A: 1\nX-B: 2\r\n\r\n"),
    ("LF at the end of the head", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\n"),
    ("LF before the request", b"\nGET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CR in a header", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A: 1\rX-B: 2\r\n\r\n"),
    ("NUL in a header", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A: 1\x002\r\n\r\n"),
    ("a header without a name", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n"),
    ("a control byte in a name", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX\x01A: 1\r\n\r\n"),
    ("a bracket in a name", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX(A: 1\r\n\r\n"),
    ("a header without a colon", b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nXA\r\n\r\n"),
    ("two spaces", b"GET  /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a tab for a space", b"GET\t/v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("space in the target", b"GET /v1/sys/hea lth HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("NUL in the target", b"GET /v1/sys/hea\x00lth HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("space before the method", b" GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no version", b"GET /v1/sys/health\r\n\r\n"),
    ("HTTP/1.2", b"GET /v1/sys/health HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("HTTP/1.10", b"GET /v1/sys/health HTTP/1.10\r\nHost: a\r\n\r\n"),
    ("HTTP/2.0 as text", b"GET /v1/sys/health HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("http in lower case", b"GET /v1/sys/health http/1.1\r\nHost: a\r\n\r\n"),
    ("chunks in HTTP/1.0", b"POST /v1/sys/unseal HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ("two different tokens", b"GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Token: root\r\nX-Vault-Token: s.x\r\n\r\n"),
    ("two namespaces", b"GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Namespace: root\r\nX-Vault-Namespace: x\r\n\r\n"),
    ("two content types", b"POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n"),
    ("two wrapping times", b"GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Wrap-TTL: 1m\r\nX-Vault-Wrap-TTL: 2m\r\n\r\n"),
    ("a namespace that is not ASCII", b"GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Namespace: \xff\r\n\r\n"),
    ("a wrapping time that is not ASCII", b"GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Wrap-TTL: \xff\r\n\r\n"),
];

#[test]
fn ambiguous_heads_are_refused_and_end_the_connection() {
    let server = Server::dev();
    for (name, head) in BAD_HEADS {
        // A second request behind it must not be answered.
        let request = [*head, b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let talk = talk(&server.address, &request);
        assert_eq!((talk.statuses.as_slice(), talk.is_closed), ([400].as_slice(), true), "{name}");
    }
    let many: String = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect();
    let talk_many = talk(&server.address, format!("GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes());
    assert_eq!((talk_many.statuses.as_slice(), talk_many.is_closed), ([431].as_slice(), true));
}

#[test]
fn plain_heads_are_answered_once_each() {
    let server = Server::dev();
    for (head, statuses) in [
        ("GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", [200].as_slice()),
        ("GET http://a/v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]),
        ("\r\nGET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]),
        ("GET /v1/sys/health HTTP/1.0\r\n\r\n", &[200]),
        // Pipelined requests are answered in turn; the last one closes.
        (
            "GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            &[200, 403],
        ),
        (
            "POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n{}\n\nGET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            &[400, 403],
        ),
        // A body that nobody asked for is read and passed over.
        ("GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", &[200]),
        // Nothing is upgraded.
        (
            "GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            &[200],
        ),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n", &[404]),
        ("TRACE /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[405]),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[400]),
        ("get /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[405]),
        ("HEAD /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200]),
        ("HEAD /v1/secret/data/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: root\r\nConnection: close\r\n\r\n", &[405]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
    ] {
        let talk = talk(&server.address, head.as_bytes());
        assert_eq!((talk.statuses.as_slice(), talk.is_closed), (statuses, true), "{head}");
    }
}

#[test]
fn one_request_has_one_credential() {
    let server = Server::dev();
    let two =
        |a: (&str, &str), b: (&str, &str)| server.nobody().header(a.0, a.1).header(b.0, b.1).get("sys/mounts").status;
    assert_eq!(two(("X-Vault-Token", "root"), ("Authorization", "Bearer s.other")), 400);
    assert_eq!(two(("X-Vault-Token", "s.other"), ("Authorization", "Bearer root")), 400);
    assert_eq!(two(("X-Vault-Token", "root"), ("X-Vault-Token", "s.other")), 400);
    // The control: the same one twice, and each alone.
    assert_eq!(two(("X-Vault-Token", "root"), ("Authorization", "Bearer root")), 200);
    assert_eq!(two(("X-Vault-Token", "root"), ("Authorization", "Basic dTpw")), 200);
    assert_eq!(server.nobody().header("Authorization", "Bearer root").get("sys/mounts").status, 200);
    // Elsewhere a token is no token.
    for path in ["sys/mounts?token=root", "sys/mounts?X-Vault-Token=root", "sys/mounts?client_token=root"] {
        assert_eq!(server.nobody().get(path).status, 403, "{path}");
    }
    for (name, value) in
        [("Cookie", "token=root; X-Vault-Token=root"), ("Authorization", "bearer root"), ("Authorization", "root")]
    {
        assert_eq!(server.nobody().header(name, value).get("sys/mounts").status, 403, "{name}: {value}");
    }
}

#[test]
fn bodies_have_a_limit() {
    let server = Setup::embedded().with_listener_line("max_request_size = 2000000").open();
    server.mount("kv", json!({"type": "kv"}));
    let body = |length: usize| json!({"k": "x".repeat(length)}).to_string().into_bytes();
    assert_eq!(server.root().raw("POST", "kv/a", &body(100_000)).status, 204);
    assert_eq!(server.root().raw("POST", "kv/a", &body(2_000_001)).status, 413);
    // Who is unknown gets less.
    assert_eq!(server.nobody().raw("POST", "kv/a", &body(1_100_000)).status, 413);
    // A body that says it is longer is not waited for, and one that does not say is cut off.
    let head = "POST /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n";
    assert_eq!(talk(&server.address, head.as_bytes()).statuses, [413]);
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let head = "POST /v1/kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let sent = (0..40).try_for_each(|n| stream.write_all(if n == 0 { head.as_bytes() } else { chunk.as_bytes() }));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(sent.is_err() || answer.starts_with(b"HTTP/1.1 413"), "40 MiB were taken");
}

#[test]
fn slow_clients_are_not_waited_for() {
    let server = Setup::embedded()
        .with_listener_line("http_read_header_timeout = \"1s\"")
        .with_listener_line("max_request_duration = \"1s\"")
        .open();
    let time_of = |bytes: &str| {
        let since = Instant::now();
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        (since.elapsed(), String::from_utf8_lossy(&answer).into_owned())
    };
    std::thread::scope(|scope| {
        let cut_head = scope.spawn(|| time_of("GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nX-A:"));
        let nothing = scope.spawn(|| time_of(""));
        let cut_body =
            scope.spawn(|| time_of("POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"));
        for slow in [cut_head, nothing] {
            assert!(slow.join().unwrap().0 < Duration::from_secs(5));
        }
        let (time, answer) = cut_body.join().unwrap();
        assert!(time < Duration::from_secs(5) && answer.starts_with("HTTP/1.1 503"), "{time:?} {answer}");
    });
    server.root().get("sys/mounts").ok();
}

#[test]
fn an_idle_connection_stays_longer_than_a_head_may_take() {
    let server = Setup::embedded()
        .with_listener_line("http_read_header_timeout = \"1s\"")
        .with_listener_line("http_read_timeout = \"1s\"")
        .with_listener_line("http_idle_timeout = \"4s\"")
        .open();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut buffer = [0; 4096];
    // One that is read by ourselves, and one that is hyper's and no matter of the API.
    for path in ["/v1/sys/health", "/elsewhere"] {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        assert!(stream.read(&mut buffer).unwrap() > 0, "the connection was closed");
        std::thread::sleep(Duration::from_secs(2));
    }
    let since = Instant::now();
    assert_eq!(stream.read(&mut buffer).unwrap(), 0, "nothing more was asked for");
    assert!(since.elapsed() < Duration::from_secs(10));
    // The body of a request has its own time.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_running_request_ends_before_the_server_does() {
    let mut server = Setup::embedded().open();
    server.mount("kv", json!({"type": "kv"}));
    let health = b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n";
    let split = |caller: Caller, path: &str| {
        let request = caller.request("POST", path, b"{\"k\": 1}");
        let (first, rest) = request.split_at(request.len() - 3);
        (first.to_vec(), rest.to_vec())
    };
    // That a request runs is told by its connection: the answer to what was sent in one piece with its beginning, or by the
    // server asking for its body. One is read by ourselves, the other by hyper.
    let (first, rest) = split(server.root(), "kv/a");
    let mut plain = begun(&server, &[health.as_slice(), &first].concat(), "HTTP/1.1 200");
    let (first, rest_of_other) = split(server.root().header("Expect", "100-continue"), "kv/b");
    let head = first.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let mut other = begun(&server, &first[..head], "HTTP/1.1 100");
    other.write_all(&first[head..]).unwrap();
    let mut idle = begun(&server, health, "HTTP/1.1 200");
    let unused = TcpStream::connect(&server.address).unwrap();
    server.signal("TERM");
    // It has heard when it has closed what is idle.
    idle.read_to_end(&mut Vec::new()).unwrap();
    let since = Instant::now();
    while TcpStream::connect(&server.address).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(20), "it takes new connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(server.wait(Duration::from_millis(300)).is_none(), "it did not wait for the requests");
    plain.write_all(&rest).unwrap();
    assert_eq!(last_answer(&mut plain).status, 204);
    assert!(server.wait(Duration::from_millis(50)).is_none(), "it did not wait for the other request");
    other.write_all(&rest_of_other).unwrap();
    assert_eq!(last_answer(&mut other).status, 204);
    let status = server.wait(Duration::from_secs(20)).expect("it did not stop");
    assert!(status.success());
    drop(unused);
}

/// A connection on which this was sent, and on which this has come.
fn begun(server: &Server, bytes: &[u8], awaited: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut came = vec![0; awaited.len()];
    stream.read_exact(&mut came).unwrap();
    assert_eq!(String::from_utf8_lossy(&came), awaited);
    stream
}

/// The last of the answers that come until the server closes.
fn last_answer(stream: &mut TcpStream) -> Answer {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let at = all.windows(9).rposition(|w| w == b"HTTP/1.1 ").expect("the connection ended without an answer");
    Answer::parse(&all[at..]).unwrap()
}

#[test]
fn a_unix_socket_serves_the_same() {
    let mut setup = Setup::embedded();
    setup.listeners +=
        &format!("listener \"unix\" {{ address = {:?}\n socket_mode = \"0660\" }}", setup.file("socket"));
    let server = setup.open();
    let ask = |token: &str| {
        let mut stream = UnixStream::connect(setup.path("socket")).unwrap();
        stream.write_all(&server.with(token).request("GET", "sys/mounts", b"")).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::parse(&answer).unwrap().status
    };
    assert_eq!((ask(&server.keys.root), ask("s.other")), (200, 403));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(setup.path("socket")).unwrap().permissions().mode() & 0o777, 0o660);
    // One that was left behind is replaced; one in use is not.
    let keys = server.keys.clone();
    server.kill();
    for _ in 0..5 {
        let server = setup.reopen(&keys);
        assert!(UnixStream::connect(setup.path("socket")).is_ok());
        // One that stops is gone at once, whichever event loop hears of it first.
        server.stop();
        assert!(!setup.path("socket").exists());
    }
}

#[test]
fn answers_say_that_they_are_not_to_be_kept_or_guessed() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": 1}})).ok();
    for answer in [
        server.root().get("secret/data/a").is(200),
        server.root().post("sys/policies/acl/p", json!({"policy": "path \"x\" {}"})).is(204),
        server.nobody().get("secret/data/a").is(403),
        server.root().get("none/x").is(404),
        server.root().raw("POST", "secret/data/a", b"{").is(400),
        server.nobody().get("sys/health").is(200),
        server.root().get("secret/data//a").is(307),
        server.nobody().header("X-Vault-Token", "a").header("X-Vault-Token", "b").get("x").is(400),
        server.nobody().call("OPTIONS", "x", None).is(400),
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        // For encrypted connections alone; see the tests of TLS.
        assert!(answer.header("strict-transport-security").is_none());
        assert!(answer.body.is_empty() || answer.header("content-type") == Some("application/json"));
        assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none());
    }
    // What is not JSON could be shown as a page.
    let page = server.root().get("sys/metrics?format=prometheus").is(200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}
