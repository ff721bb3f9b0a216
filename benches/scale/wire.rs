//! A client of HTTP/1.1 that costs little: one request at a time on a connection that stays.
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection. It is made at the first request, and anew where the server has closed it.
pub struct Wire {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What is asked; `path` is what follows `/v1/`.
#[derive(Clone, Debug)]
pub struct Ask {
    pub verb: &'static str,
    pub path: String,
    pub token: String,
    pub body: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Ask {
    pub fn get(path: impl Into<String>, token: &str) -> Self {
        Self { verb: "GET", path: path.into(), token: token.to_owned(), body: String::new() }
    }

    pub fn post(path: impl Into<String>, token: &str, body: impl Into<String>) -> Self {
        Self { verb: "POST", path: path.into(), token: token.to_owned(), body: body.into() }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { verb, path, token, body } = self;
        format!(
            "{verb} /v1/{path} HTTP/1.1\r\nHost: scale\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

impl Answer {
    /// The text of a field of the answer's JSON, wherever it stands; none of those asked for holds an escape.
    pub fn text(&self, field: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("\"{field}\":\""))?;
        rest.split('"').next().map(str::to_owned)
    }

    /// The first number that follows these words.
    pub fn number_after(&self, words: &str) -> Option<u64> {
        let (_, rest) = self.body.split_once(words)?;
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// Errors: what was answered, where that is no success.
    pub fn good(self) -> io::Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(io::Error::other(format!("the server answered {}: {}", self.status, self.body)))
    }
}

impl Wire {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::new() }
    }

    /// Asks; on a new connection where the old one was closed between two requests.
    pub async fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        let bytes = ask.bytes();
        if self.stream.is_some()
            && let Ok(answer) = self.exchange(&bytes).await
        {
            return Ok(answer);
        }
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        self.exchange(&bytes).await
    }

    async fn exchange(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        let done = self.try_exchange(bytes).await;
        if done.is_err() {
            self.stream = None;
        }
        done
    }

    async fn try_exchange(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(bytes).await?;
        self.buffer.clear();
        loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = parse(&self.buffer) {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once it is there as a whole.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..end)?).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.split_once("content-length:").map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap_or("0"));
    let length: usize = length.trim().parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(Answer { status, body: String::from_utf8_lossy(body).into_owned() })
}
