//! A blocking HTTP/1.1 client of one request per connection, which adds nothing that the test does not ask for.
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// No answer may take longer than this.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Who asks where: an address, a token and further headers.
#[derive(Clone)]
pub struct Caller {
    address: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), headers: Vec::new() }
    }

    pub fn token(&self, token: &str) -> Self {
        self.header("X-Vault-Token", token)
    }

    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub fn list(&self, path: &str) -> Answer {
        self.call("LIST", path, None)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(&body))
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.header("Content-Type", "application/merge-patch+json").call("PATCH", path, Some(&body))
    }

    /// `path` is what follows `/v1/`, as it is to stand in the request line.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.raw(method, path, body.map(Value::to_string).unwrap_or_default().as_bytes())
    }

    /// As [`Caller::call`], with any bytes for a body.
    pub fn raw(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.try_raw(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// As [`Caller::raw`]; an error where the server does not answer, for tests that kill it.
    pub fn try_raw(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        stream.set_nodelay(true)?;
        // A server that refuses a body before it has come closes; what it said is still to be read.
        let sent = stream.write_all(&self.request(method, path, body));
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        if bytes.is_empty() {
            sent.and(read.map(drop))?;
        }
        Answer::parse(&bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// As [`Caller::call`]; `None` where the server does not answer.
    pub fn try_call(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        self.try_raw(method, path, body.to_string().as_bytes()).ok()
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut head = format!("{method} /v1/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

impl Answer {
    /// Reads one whole answer; `None` if it is cut.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let body = bytes[end + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
            .collect();
        let answer = Self { status, headers, body };
        let length = answer.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(answer.body.len());
        // Answers to HEAD tell a length and have no body.
        (answer.body.len() == length || answer.body.is_empty()).then_some(answer)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body; null if it is none or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// A text of the answer by its JSON pointer.
    pub fn at(&self, pointer: &str) -> String {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {} {}", self.status, self.text())).to_owned()
    }

    /// The token of a login or of `auth/token/create`.
    pub fn client_token(&self) -> String {
        self.at("/auth/client_token")
    }

    /// Fails unless it went well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "want 2xx, got {} {}", self.status, self.text());
        self
    }

    /// Fails unless the status is this.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails unless the status is one of these.
    #[track_caller]
    pub fn one_of(self, statuses: &[u16]) -> Self {
        assert!(statuses.contains(&self.status), "want one of {statuses:?}, got {} {}", self.status, self.text());
        self
    }
}
