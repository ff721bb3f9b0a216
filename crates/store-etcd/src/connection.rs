//! One HTTP/2 connection to one member of the cluster, and calls on it.
use crate::address::Member;
use crate::error::too_slow;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, future, stream};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kw_store::StoreError;
use prost::Message;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

/// When nothing has come in for so long while a call is open (and the watch always is), the peer is asked for a sign of
/// life. etcd hangs up on those who ask more often than each 5 seconds, or while no call is open.
const PING_AFTER: Duration = Duration::from_secs(6);

/// How long the sign of life may take.
const PING_MAX: Duration = Duration::from_secs(3);

/// The largest answer, in bytes: a full page of the largest rows.
const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A connection that calls share.
pub(crate) struct Connection {
    line: Line,
    origin: Uri,
    token: Option<MetadataValue<Ascii>>,
    broken: watch::Sender<bool>,
}

impl Connection {
    /// Connects and greets; asks nothing yet.
    pub async fn open(member: &Member, tls: &TlsConnector) -> Result<Self, StoreError> {
        let failed = |e: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("etcd at {}:{}: {e}", member.host, member.port))
        };
        let stream = TcpStream::connect((member.host.as_str(), member.port)).await.map_err(|e| failed(&e))?;
        stream.set_nodelay(true).map_err(|e| failed(&e))?;
        let broken = watch::Sender::new(false);
        let shaken = match &member.name {
            None => shake_hands(stream, &broken).await,
            Some(name) => {
                let stream = tls.connect(name.clone(), stream).await.map_err(|e| failed(&e))?;
                shake_hands(stream, &broken).await
            }
        };
        let line = Line(shaken.map_err(|e| failed(&e))?);
        Ok(Self { line, origin: member.origin.clone(), token: None, broken })
    }

    /// From now on every call shows this token.
    pub fn log_in(&mut self, token: &str) -> Result<(), StoreError> {
        let mut token: MetadataValue<Ascii> =
            token.parse().map_err(|_| StoreError::Unavailable("etcd gave a token that cannot be shown".to_owned()))?;
        token.set_sensitive(true);
        self.token = Some(token);
        Ok(())
    }

    /// Whether new calls should go elsewhere.
    pub fn is_broken(&self) -> bool {
        *self.broken.borrow() || self.line.0.is_closed()
    }

    /// Sends new calls elsewhere, and ends those that [`Connection::read`] made.
    pub fn give_up(&self) {
        self.broken.send_replace(true);
    }

    /// Returns when new calls should go elsewhere.
    pub async fn until_broken(&self) {
        // An error is impossible while we hold the sender, and would mean the same.
        let _ = self.broken.subscribe().wait_for(|broken| *broken).await;
    }

    /// A call that may be made again elsewhere, and so ends when the connection is given up.
    pub async fn read<M, R>(&self, path: &'static str, message: M, time: Duration) -> Result<R, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        tokio::select! {
            answer = self.call(path, message, time) => answer,
            () = self.until_broken() => Err(Status::unavailable("the connection to etcd was given up")),
        }
    }

    /// One message there and one back, in this time or not at all.
    pub async fn call<M, R>(&self, path: &'static str, message: M, time: Duration) -> Result<R, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let mut client = self.client();
        let mut request = self.request(message);
        request.set_timeout(time);
        let work = async {
            client.ready().await.map_err(|e| Status::from_error(Box::new(e)))?;
            client.unary(request, PathAndQuery::from_static(path), ProstCodec::default()).await
        };
        let answer = timeout(time, work).await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        answer.map(tonic::Response::into_inner)
    }

    /// Sends one message, keeps the stream open, and returns what comes back.
    pub async fn subscribe<M, R>(&self, path: &'static str, message: M, time: Duration) -> Result<Streaming<R>, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let mut client = self.client();
        let messages = stream::once(future::ready(message)).chain(stream::pending());
        let request = self.request(messages);
        let work = async {
            client.ready().await.map_err(|e| Status::from_error(Box::new(e)))?;
            client.streaming(request, PathAndQuery::from_static(path), ProstCodec::default()).await
        };
        let answer = timeout(time, work).await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        answer.map(tonic::Response::into_inner)
    }

    fn client(&self) -> Grpc<Line> {
        let client = Grpc::with_origin(self.line.clone(), self.origin.clone());
        client.max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        // A member that is cut off from the others says so at once, instead of letting us wait.
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }
}

async fn shake_hands<T>(stream: T, broken: &watch::Sender<bool>) -> Result<SendRequest<Body>, hyper::Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(PING_AFTER).keep_alive_timeout(PING_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let broken = broken.clone();
    tokio::spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!("a connection to etcd ended: {e}");
        }
        broken.send_replace(true);
    });
    Ok(sender)
}

/// What gRPC runs on.
#[derive(Clone)]
struct Line(SendRequest<Body>);

impl GrpcService<Body> for Line {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Response<Incoming>, hyper::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.send_request(request).boxed()
    }
}

/// An answer to the whole in this time, or an error.
pub(crate) async fn in_time<T>(
    time: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(time, work).await.unwrap_or_else(|_| Err(too_slow()))
}
