//! The ceiling: a bare hyper server that answers a fixed body. What a request costs before anything of ours happens.
//!
//! `ceiling PORT` serves until it is killed; `benches/README.md` says how it is used.
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

/// As long as the answer to a read of a small secret.
const BODY_LEN: usize = 400;

fn main() -> io::Result<()> {
    let port: u16 =
        std::env::args().nth(1).and_then(|p| p.parse().ok()).ok_or_else(|| io::Error::other("usage: ceiling PORT"))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(port))
}

async fn serve(port: u16) -> io::Result<()> {
    let body = Bytes::from(format!(r#"{{"data":"{}"}}"#, "x".repeat(BODY_LEN - 11)));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        spawn_local(async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                response
                    .headers_mut()
                    .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
                async move { Ok::<_, Infallible>(response) }
            });
            // A client that goes away is no error here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
