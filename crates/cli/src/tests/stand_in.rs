//! A server that answers by a table, and a call of the program against it.
use crate::{Environment, Terminal, run};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Answers by method and path; what is not in the table is 404.
pub struct StandIn {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Table = Vec<(String, u16, String)>;

impl StandIn {
    pub fn start(table: &[(&str, u16, &str)]) -> Self {
        let table: Table = table.iter().map(|(line, status, body)| ((*line).into(), *status, (*body).into())).collect();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, Arc::new(table), kept));
        });
        Self { address, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().pop().expect("nothing was asked")
    }
}

async fn serve(listener: std::net::TcpListener, table: Arc<Table>, asked: Arc<Mutex<Vec<Asked>>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (table, asked) = (table.clone(), asked.clone());
        let answer = service_fn(move |request: hyper::Request<Incoming>| {
            let (table, asked) = (table.clone(), asked.clone());
            async move { Ok::<_, Infallible>(reply(request, &table, &asked).await) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn reply(
    request: hyper::Request<Incoming>,
    table: &Table,
    asked: &Mutex<Vec<Asked>>,
) -> hyper::Response<Full<Bytes>> {
    let line = format!("{} {}", request.method(), request.uri());
    let text = |v: &hyper::header::HeaderValue| v.to_str().unwrap().to_owned();
    let headers = request.headers().iter().map(|(n, v)| (n.to_string(), text(v))).collect();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let found = table.iter().find(|(known, ..)| *known == line).map(|(_, status, body)| (*status, body.clone()));
    asked.lock().unwrap().push(Asked { headers, body });
    let (status, body) = found.unwrap_or((404, r#"{"errors":[]}"#.to_owned()));
    hyper::Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap()
}

/// What a call left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A call of the program.
pub struct Program {
    pub name: &'static str,
    pub env: Vec<(String, String)>,
    pub input: String,
}

impl Program {
    /// With a token, for this server.
    pub fn new(server: &StandIn) -> Self {
        let env = [("VAULT_ADDR", server.address.as_str()), ("VAULT_TOKEN", "s.test")];
        Self { name: "vault", env: env.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(), input: String::new() }
    }

    /// Without a server, a token or a home.
    pub fn alone() -> Self {
        Self { name: "keywright", env: Vec::new(), input: String::new() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    /// Words are split at spaces.
    pub fn run(&self, words: &str) -> Outcome {
        self.run_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Outcome {
        let args: Vec<String> = std::iter::once(self.name).chain(words.iter().copied()).map(str::to_owned).collect();
        let env: Environment = self.env.iter().cloned().collect();
        let (mut input, mut output, mut errors) = (self.input.as_bytes(), Vec::new(), Vec::new());
        let mut terminal = Terminal { input: &mut input, output: &mut output, errors: &mut errors, interactive: false };
        let code = run(&args, &env, &mut terminal);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code, out: text(output), err: text(errors) }
    }
}
