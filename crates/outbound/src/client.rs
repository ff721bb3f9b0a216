//! Sending.
use crate::dial::{self, Connection};
use crate::url::Origin;
use crate::{Answer, Error, Guard, Request, tls};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING, UPGRADE, USER_AGENT};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use kw_trust::Verifier;
use parking_lot::Mutex;
use rustls::ClientConfig;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a client is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    pub guard: Guard,
    /// CA certificates in PEM that are trusted in place of the system's.
    pub ca_pem: Option<String>,
    /// The most time that a call takes, from the look-up of the name to the last byte of the answer.
    pub time_max: Duration,
    /// The most bytes that the body of an answer has.
    pub answer_bytes_max: usize,
}

impl Options {
    /// The system's CA certificates, 30 seconds, 1 MiB.
    pub fn new(guard: Guard) -> Self {
        Self { guard, ca_pem: None, time_max: Duration::from_secs(30), answer_bytes_max: 1 << 20 }
    }
}

/// A guarded client. Cheap to make where it speaks plain http or was given its CA certificates; it keeps a few open connections
/// for the next request to the same place. May be shared between threads, each with a tokio runtime.
pub struct Client {
    options: Options,
    /// `None`: the system's, which are read at the first https call.
    trusted: Option<Arc<Verifier>>,
    tls: OnceLock<Arc<ClientConfig>>,
    idle: Mutex<Vec<(Origin, Connection)>>,
}

/// The most connections that a client keeps open without a request.
const IDLE_MAX: usize = 8;

impl Client {
    /// Errors: [`Error::Ca`] when `ca_pem` cannot be used.
    pub fn new(options: Options) -> Result<Self, Error> {
        let trusted = options.ca_pem.as_deref().map(tls::of_pem).transpose()?;
        Ok(Self { options, trusted, tls: OnceLock::new(), idle: Mutex::new(Vec::new()) })
    }

    /// Sends a request once and reads the whole answer. Any status is an answer; redirects are not followed. Nothing is sent
    /// again after it may have reached the peer.
    pub async fn send(&self, request: Request) -> Result<Answer, Error> {
        request.url.check(self.options.guard)?;
        tokio::time::timeout(self.options.time_max, self.exchange(request)).await.map_err(|_| Error::Time)?
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Error> {
        let origin = request.url.origin.clone();
        let mut message = Some(message(request)?);
        // A kept connection may just have been closed by the peer. The message then comes back unsent, and goes over a new one.
        while let Some(mut connection) = self.take_idle(&origin) {
            if connection.ready().await.is_err() {
                continue;
            }
            let Some(unsent) = message.take() else { break };
            match connection.try_send_request(unsent).await {
                Ok(response) => return self.finish(origin, connection, response).await,
                Err(mut error) => {
                    message = error.take_message();
                    if message.is_none() {
                        return Err(Error::Http(error.into_error().to_string()));
                    }
                }
            }
        }
        let message = message.ok_or(Error::Request("it was lost"))?;
        let tls = if origin.secure { Some(self.tls()?) } else { None };
        let mut connection = dial::open(&origin, self.options.guard, tls).await?;
        let response = connection.send_request(message).await.map_err(|e| Error::Http(e.to_string()))?;
        self.finish(origin, connection, response).await
    }

    async fn finish(
        &self,
        origin: Origin,
        connection: Connection,
        response: http::Response<Incoming>,
    ) -> Result<Answer, Error> {
        let (head, body) = response.into_parts();
        let body = read(body, self.options.answer_bytes_max).await?;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX && !connection.is_closed() {
            idle.push((origin, connection));
        }
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    fn take_idle(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|(_, connection)| !connection.is_closed());
        let at = idle.iter().position(|(o, _)| o == origin)?;
        Some(idle.swap_remove(at).1)
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let trusted = self.trusted.clone().map_or_else(tls::of_system, Ok)?;
        let config = tls::config(trusted)?;
        Ok(self.tls.get_or_init(|| config).clone())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guard", &self.options.guard).finish_non_exhaustive()
    }
}

/// The message as it goes over the wire (RFC 9112): what concerns the connection is set here and nowhere else.
fn message(request: Request) -> Result<http::Request<Full<Bytes>>, Error> {
    let Request { method, url, mut headers, body } = request;
    for ours in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(ours);
    }
    let host = HeaderValue::from_str(&url.origin.host_header()).map_err(|_| Error::Url("its host fits no header"))?;
    headers.insert(HOST, host);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("keywright"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    let target: http::Uri = url.target().parse().map_err(|_| Error::Url("its path fits no request"))?;
    let mut message = http::Request::new(Full::new(body));
    (*message.method_mut(), *message.uri_mut(), *message.headers_mut()) = (method, target, headers);
    Ok(message)
}

/// Reads a body, and gives up as soon as it is too long.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Error> {
    let mut out = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Error::Http(e.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max.saturating_sub(out.len()) {
            return Err(Error::Size(bytes_max));
        }
        out.extend_from_slice(&data);
    }
    Ok(out.freeze())
}
