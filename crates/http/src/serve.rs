//! Accepting connections and serving them on one event loop.
use crate::convert::{receive, refuse, respond};
use crate::listen::Bound;
use crate::rules::Rules;
use crate::strict::Strict;
use crate::tls::TlsReload;
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
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
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// A socket with its TLS and rules.
pub struct Listener {
    pub bound: Bound,
    pub tls: Option<Arc<TlsReload>>,
    pub rules: Arc<Rules>,
}

/// Turns true when the server is to stop: no new connections, those that are open end after the request that is running.
pub type Shutdown = watch::Receiver<bool>;

/// Serves a listener until `shutdown`, then waits until the last connection is closed. Must run on a `LocalRuntime`, or within a `LocalSet`.
///
/// Errors: the socket cannot be handed to the event loop.
pub async fn serve(listener: Listener, kernel: Arc<Kernel>, mut shutdown: Shutdown) -> io::Result<()> {
    let Listener { bound, tls, rules } = listener;
    let socket = Socket::new(bound)?;
    let stopping = shutdown.clone();
    let open = Rc::new(Cell::new(0_usize));
    loop {
        let (stream, remote) = tokio::select! {
            accepted = socket.accept() => match accepted {
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
        let connection = Connection { kernel, rules, remote, shutdown, timer: Cell::default() };
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

    async fn accept(&self) -> io::Result<(Accepted, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Accepted::Tcp(stream), Some(remote)))
            }
            Self::Unix(listener, _) => Ok((Accepted::Unix(listener.accept().await?.0), None)),
        }
    }
}

enum Accepted {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

struct Connection {
    kernel: Arc<Kernel>,
    rules: Arc<Rules>,
    remote: Option<SocketAddr>,
    shutdown: Shutdown,
    /// That of a former request.
    timer: Cell<Option<Pin<Box<Sleep>>>>,
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

    async fn encrypted(self, stream: impl Stream + 'static, tls: &TlsReload) {
        let acceptor = tokio_rustls::TlsAcceptor::from(tls.current());
        match tokio::time::timeout(self.rules.limits.header_time, acceptor.accept(stream)).await {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => self.http2(stream).await,
            Ok(Ok(stream)) => self.http1(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn http1(mut self, stream: impl Stream + 'static) {
        let shutdown = self.shutdown.clone();
        let mut builder = http1::Builder::new();
        // Some clients look headers up by their exact case.
        builder.title_case_headers(true);
        // A client may close its sending side and wait for the answer. Besides, a server that watches for that has to have a
        // second read buffer at hand for every request.
        builder.half_close(true);
        builder.timer(TokioTimer::new()).header_read_timeout(self.rules.limits.header_time).max_buf_size(64 * 1024);
        let this = Rc::new(self.take());
        let service = service_fn(move |request| this.clone().answer(request));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Strict::new(stream)), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = stopped(shutdown) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }

    async fn http2(mut self, stream: impl Stream + 'static) {
        let shutdown = self.shutdown.clone();
        let mut builder = http2::Builder::new(LocalExec);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .max_pending_accept_reset_streams(100)
            .max_header_list_size(64 * 1024);
        let this = Rc::new(self.take());
        let service = service_fn(move |request| this.clone().answer(request));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = stopped(shutdown) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }

    fn take(&mut self) -> Self {
        Self {
            kernel: self.kernel.clone(),
            rules: self.rules.clone(),
            remote: self.remote,
            shutdown: self.shutdown.clone(),
            timer: Cell::default(),
        }
    }

    async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let is_head = request.method() == Method::HEAD;
        // What follows chunks was not looked at by `Strict`, so a request with chunks is the last on its connection.
        let is_last = request.headers().contains_key(TRANSFER_ENCODING);
        if let Some(response) = outside_api(&request) {
            return Ok(response);
        }
        let answered = async {
            match receive(request, self.remote, &self.rules).await {
                Ok((received, map)) => {
                    let response = respond(self.kernel.handle(received).await, map, is_head);
                    if is_last { closing(response) } else { response }
                }
                Err(refusal) => closing(refuse(refusal.0, refusal.1)),
            }
        };
        Ok(self.in_time(pin!(answered)).await.unwrap_or_else(|| {
            closing(refuse(StatusCode::SERVICE_UNAVAILABLE, "the request took longer than max_request_duration"))
        }))
    }

    /// `None` when it took too long. A timer that was made for one request serves the next: to put it off costs much less than
    /// to make one.
    async fn in_time<T>(&self, mut answered: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let end = Instant::now() + self.rules.limits.request_time;
        let mut timer = self.timer.take().unwrap_or_else(|| Box::pin(sleep_until(end)));
        timer.as_mut().reset(end);
        let done = poll_fn(|cx| match answered.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
        })
        .await;
        self.timer.set(Some(timer));
        done
    }
}

/// Ends an HTTP/1 connection with this answer. (HTTP/2 has no such header; it is not sent there.)
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn stopped(mut shutdown: Shutdown) {
    // An error means that the sender is gone, which is a stop too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// What is not the API.
fn outside_api(request: &Request<Incoming>) -> Option<Response<Full<Bytes>>> {
    let path = request.uri().path();
    if request.method() == Method::OPTIONS {
        return Some(refuse(StatusCode::BAD_REQUEST, "OPTIONS is not supported"));
    }
    if path.starts_with("/v1/") {
        return None;
    }
    if path == "/" {
        let mut response = refuse(StatusCode::TEMPORARY_REDIRECT, "");
        response.headers_mut().insert("location", HeaderValue::from_static("/ui/"));
        return Some(response);
    }
    Some(refuse(StatusCode::NOT_FOUND, ""))
}

/// Runs HTTP/2 streams on the same event loop.
#[derive(Clone, Copy)]
struct LocalExec;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExec {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
