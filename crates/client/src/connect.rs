//! Opening a connection.
use crate::Address;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// A connection that can carry one request at a time.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// Connects, and drives the connection in a task until it closes. Errors: a text for a person.
pub(crate) async fn open(
    address: &Address,
    tls: &Arc<ClientConfig>,
    server_name: Option<&str>,
) -> Result<Connection, String> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await;
            speak_http(stream.map_err(|e| format!("dial unix {}: {}", path.display(), reason(&e)))?).await
        }
        Address::Tcp { tls: secure, host, port, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await;
            let stream = stream.map_err(|e| format!("dial tcp {host}:{port}: connect: {}", reason(&e)))?;
            // Requests are small and answered one by one: waiting to fill a packet only costs time.
            let _best_effort = stream.set_nodelay(true);
            if !secure {
                return speak_http(stream).await;
            }
            let name = server_name.unwrap_or(host).to_owned();
            let name = ServerName::try_from(name).map_err(|_| "the TLS server name is not valid".to_owned())?;
            let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
            speak_http(stream.map_err(|e| format!("tls: {e}"))?).await
        }
    }
}

async fn speak_http<S>(stream: S) -> Result<Connection, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        // The sender's side reports a broken connection to whoever waits for the answer.
        let _reported_to_the_sender = connection.await;
    });
    Ok(sender)
}

/// The system's text without Rust's `(os error N)`, which is how other clients word it.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((plain, _)) => plain.to_lowercase(),
        None => text,
    }
}
