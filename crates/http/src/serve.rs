//! Accepting connections and serving them on one event loop.
use crate::convert::{Refusal, Service, answer, respond};
use crate::listen::Bound;
use crate::mistaken::{self, FirstBytes};
use crate::pieces::Pieces;
use crate::plain::{self, Other};
use crate::rules::Rules;
use crate::seat::Seat;
use crate::strict::Strict;
use crate::tls::TlsReload;
use crate::watch::{Guard, Overdue, Watch};
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kw_kernel::Kernel;
use socket2::SockRef;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Shutdown as Direction, SocketAddr};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A socket with its TLS and rules.
pub struct Listener {
    pub bound: Bound,
    pub tls: Option<Arc<TlsReload>>,
    pub rules: Arc<Rules>,
}

/// Turns true when the server is to stop: no new connections, those that are open end after the request that is running.
pub type Shutdown = watch::Receiver<bool>;

/// Serves a listener until `shutdown`, then waits until the last connection is closed. Must run on a `LocalRuntime`, or within a
/// `LocalSet`; `seat` is the place of this event loop among those that serve the same listener.
///
/// Errors: the socket cannot be handed to the event loop.
pub async fn serve(listener: Listener, kernel: Arc<Kernel>, mut shutdown: Shutdown, seat: Seat) -> io::Result<()> {
    let Listener { bound, tls, rules } = listener;
    let socket = Socket::new(bound)?;
    let stopping = shutdown.clone();
    let open = Rc::new(Cell::new(0_usize));
    loop {
        let (stream, remote) = tokio::select! {
            accepted = socket.accept(seat) => match accepted {
                Ok(accepted) => accepted,
                // Another event loop was told first, and closed the socket for all.
                Err(_) if *stopping.borrow() => break,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be closed rather than spin.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = shutdown.wait_for(|stop| *stop) => break,
        };
        if open.get() >= rules.limits.connections_max {
            continue;
        }
        open.set(open.get() + 1);
        let (kernel, rules, shutdown) = (kernel.clone(), rules.clone(), shutdown.clone());
        let service = Service { kernel, rules, is_secure: tls.is_some(), remote };
        let connection = Connection { service, shutdown };
        let (tls, open) = (tls.clone(), open.clone());
        tokio::task::spawn_local(async move {
            connection.run(stream, tls).await;
            open.set(open.get() - 1);
        });
    }
    socket.stop();
    while open.get() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// Bytes both ways, whatever carries them.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Socket {
    fn new(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)?),
            Bound::Unix(listener, path) => Self::Unix(UnixListener::from_std(listener)?, path),
        })
    }

    /// Whoever connects from now on is refused at once, by whatever handle of the socket: to be left waiting in its queue until
    /// the process ends would look like a server that hangs.
    ///
    /// A unix socket loses its name instead: one that is shut down says that it is ready and never gives a connection, on which
    /// another event loop that waits for one would spin.
    fn stop(&self) {
        let stopped = match self {
            Self::Tcp(listener) => SockRef::from(listener).shutdown(Direction::Both),
            Self::Unix(_, path) => std::fs::remove_file(path),
        };
        match stopped {
            // Another event loop was first.
            Err(error) if !matches!(error.kind(), ErrorKind::NotConnected | ErrorKind::NotFound) => {
                tracing::warn!(%error, "a listener could not be closed before the process ends");
            }
            _ => {}
        }
    }

    async fn accept(&self, seat: Seat) -> io::Result<(Accepted, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = seat.accept(|cx| listener.poll_accept(cx)).await?;
                stream.set_nodelay(true)?;
                Ok((Accepted::Tcp(stream), Some(remote)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = seat.accept(|cx| listener.poll_accept(cx)).await?;
                Ok((Accepted::Unix(stream), None))
            }
        }
    }
}

enum Accepted {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

struct Connection {
    service: Service,
    shutdown: Shutdown,
}

impl Connection {
    async fn run(self, stream: Accepted, tls: Option<Arc<TlsReload>>) {
        match (stream, tls) {
            (Accepted::Tcp(stream), None) => self.http1(stream).await,
            (Accepted::Unix(stream), None) => self.http1(stream).await,
            (Accepted::Tcp(stream), Some(tls)) => self.encrypted(stream, &tls).await,
            (Accepted::Unix(stream), Some(tls)) => self.encrypted(stream, &tls).await,
        }
    }

    async fn encrypted(self, stream: impl Stream + FirstBytes + 'static, tls: &TlsReload) {
        // Boxed, so that a connection keeps no room for its handshake.
        let Some(stream) = Box::pin(handshake(stream, tls, self.service.rules.limits.header_time)).await else {
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            Box::pin(self.http2(stream)).await;
        } else {
            self.http1(stream).await;
        }
    }

    async fn http1(self, stream: impl Stream + 'static) {
        let Self { service, shutdown } = self;
        let watch = Rc::new(Watch::new(service.rules.limits));
        let (mut guard, mut stopped, stopping) = (Guard::new(&watch), Stopped::new(shutdown), Cell::new(false));
        // Where proxies tell the origin of requests, more than plain heads has to be understood.
        let mut rest = Some(Other { stream, bytes: Vec::new() });
        if service.rules.forwarded.authorized.is_empty()
            && let Some(Other { stream, .. }) = rest.take()
        {
            let mut plain = pin!(plain::serve(stream, &service, &watch, &stopping));
            rest = poll_fn(|cx| {
                if guard.poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                if stopped.poll(cx).is_ready() {
                    stopping.set(true);
                }
                plain.as_mut().poll(cx)
            })
            .await;
        }
        if let Some(rest) = rest {
            // Boxed, so that a plain connection has no room for this in it.
            Box::pin(by_hyper(rest, &service, &watch, guard, stopped, stopping.get())).await;
        }
    }

    async fn http2(self, stream: impl Stream + 'static) {
        let Self { service, shutdown } = self;
        let mut builder = http2::Builder::new(LocalExec);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .max_pending_accept_reset_streams(100)
            .max_header_list_size(64 * 1024);
        let service = Rc::new(service);
        let one = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(at_once(&service, request).await) }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), one));
        let mut stopped = Stopped::new(shutdown);
        let ended = poll_fn(|cx| {
            if stopped.poll(cx).is_ready() {
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }
}

/// `None`: it came to nothing, which the log says.
///
/// Boxed: the state of TLS is large, and whoever is handed it by value has room for it of its own. What is looked at for each
/// request would lie pages apart then.
async fn handshake<S: Stream + FirstBytes>(
    stream: S,
    tls: &TlsReload,
    limit: Option<Duration>,
) -> Option<Box<TlsStream<Pieces<S>>>> {
    let acceptor = TlsAcceptor::from(tls.current());
    let accepted = async {
        if stream.are_of_http().await {
            mistaken::refuse(stream).await;
            return Ok(None);
        }
        acceptor.accept(Pieces(stream)).await.map(Some)
    };
    match limited(limit, accepted).await {
        Some(Ok(Some(stream))) => return Some(Box::new(stream)),
        Some(Ok(None)) => tracing::debug!("a client sent plain HTTP to a listener of TLS"),
        Some(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        None => tracing::debug!("a TLS handshake took too long"),
    }
    None
}

/// Serves what is not plain, and whatever follows it on its connection.
async fn by_hyper<S: Stream>(
    rest: Other<S>,
    service: &Service,
    watch: &Rc<Watch>,
    mut guard: Guard<'_>,
    mut stopped: Stopped,
    stopping: bool,
) {
    let mut builder = http1::Builder::new();
    // Some clients look headers up by their exact case.
    builder.title_case_headers(true);
    // A client may close its sending side and wait for the answer. Besides, a server that watches for that has to have a
    // second read buffer at hand for every request.
    builder.half_close(true).max_buf_size(64 * 1024);
    let stream = TokioIo::new(Strict::new(rest.stream, rest.bytes, watch.clone()));
    let one = service_fn(async move |request| Ok::<_, Infallible>(in_turn(service, watch, request).await));
    let mut connection = pin!(builder.serve_connection(stream, one));
    if stopping {
        connection.as_mut().graceful_shutdown();
    }
    let ended = poll_fn(|cx| {
        if guard.poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if stopped.poll(cx).is_ready() {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// A request of HTTP/1: the connection's only one for now, so its watch is the connection's.
async fn in_turn(service: &Service, watch: &Watch, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = request.method() == Method::HEAD;
    let (parts, body) = request.into_parts();
    let (has_body, is_secure) = (!body.is_end_stream(), service.is_secure);
    let closing = |refusal: Refusal| closing(respond(refusal.answer(), is_secure, is_head));
    match watch.in_time(has_body, answer(&parts, body, service, || watch.body_arrived())).await {
        Ok(Ok((answer, false))) => respond(answer, is_secure, is_head),
        Ok(Ok((answer, true))) => self::closing(respond(answer, is_secure, is_head)),
        Ok(Err(refusal)) => closing(refusal),
        Err(overdue) => closing(overdue.refusal()),
    }
}

/// A request of HTTP/2, beside others on its connection.
async fn at_once(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = request.method() == Method::HEAD;
    let (parts, body) = request.into_parts();
    let answer = match limited(service.rules.limits.request_time, answer(&parts, body, service, || {})).await {
        Some(Ok((answer, _))) => answer,
        Some(Err(refusal)) => refusal.answer(),
        None => Overdue::Handler.refusal().answer(),
    };
    respond(answer, service.is_secure, is_head)
}

/// `None` when it took too long.
async fn limited<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// Ends an HTTP/1 connection with this answer. (HTTP/2 has no such header; it is not sent there.)
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Tells a connection once that the server is to stop.
struct Stopped {
    news: Shutdown,
    /// `None` once it was told.
    waiting: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// The sender knows the connection's task, which stays the same.
    is_set: bool,
}

impl Stopped {
    fn new(news: Shutdown) -> Self {
        let mut waited_for = news.clone();
        let waiting = async move {
            // An error means that the sender is gone, which is a stop too.
            let _ = waited_for.wait_for(|stop| *stop).await;
        };
        Self { news, waiting: Some(Box::pin(waiting)), is_set: false }
    }

    /// Ready once, when the server is to stop. Costs next to nothing while there is no news.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        if self.is_set && matches!(self.news.has_changed(), Ok(false)) {
            return Poll::Pending;
        }
        self.is_set = true;
        let told = waiting.as_mut().poll(cx);
        if told.is_ready() {
            self.waiting = None;
        }
        told
    }
}

/// Runs HTTP/2 streams on the same event loop.
#[derive(Clone, Copy)]
struct LocalExec;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExec {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
