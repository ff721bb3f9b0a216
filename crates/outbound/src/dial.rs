//! Opening a connection to an address that was checked.
use crate::url::Origin;
use crate::{Class, Error, Guard};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// A connection that carries one request at a time.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// The most bytes of a status line with its headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Resolves, checks, dials, and drives the connection in a task until it closes. `tls` is `Some` for https.
pub(crate) async fn open(origin: &Origin, guard: Guard, tls: Option<Arc<ClientConfig>>) -> Result<Connection, Error> {
    let stream = connect(&addresses(origin, guard).await?).await?;
    // Requests are small and answered one by one: waiting to fill a packet only costs time.
    let _best_effort = stream.set_nodelay(true);
    let Some(tls) = tls else { return speak_http(stream).await };
    let name = ServerName::try_from(origin.host.clone()).map_err(|_| Error::Url("its host is no name for TLS"))?;
    speak_http(TlsConnector::from(tls).connect(name, stream).await.map_err(|e| Error::Tls(e.to_string()))?).await
}

/// The addresses of the host that may be dialled.
async fn addresses(origin: &Origin, guard: Guard) -> Result<Vec<SocketAddr>, Error> {
    let found: Vec<SocketAddr> =
        lookup_host((origin.host.as_str(), origin.port)).await.map_err(|_| Error::Resolve)?.collect();
    let first = *found.first().ok_or(Error::Resolve)?;
    let allowed: Vec<_> = found.into_iter().filter(|a| guard.allows(a.ip())).collect();
    if allowed.is_empty() { Err(Error::Refused(Class::of(first.ip()))) } else { Ok(allowed) }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = Error::Resolve;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Error::Connect(error.kind()),
        }
    }
    Err(last)
}

async fn speak_http<S>(stream: S) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream));
    let (sender, connection) = builder.await.map_err(|e| Error::Http(e.to_string()))?;
    tokio::spawn(async move {
        // The sender's side reports a broken connection to whoever waits for the answer.
        let _reported_to_the_sender = connection.await;
    });
    Ok(sender)
}
