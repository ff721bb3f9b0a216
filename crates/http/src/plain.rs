//! The usual requests of HTTP/1.1, read and answered without a detour.
//!
//! Nearly every request is plain: a line, headers of visible ASCII, maybe a short body whose length is told. To have it made
//! into a library's values and back costs as much as all that is done with it. So plain requests are read here; **whatever is
//! not plain goes to hyper**, with every byte of it, and the connection stays there. Nothing is refused here for its form, and
//! nothing is taken here that two readers could understand in two ways: chunks, a bare LF, a header that is folded or given
//! twice, another version, another target than a path.
use crate::convert::Service;
use crate::frame::{Frame, Framed, Headers, request, split_at_first};
use crate::render::render;
use crate::watch::Watch;
use bytes::Bytes;
use kw_kernel::{Answer, Settled};
use kw_types::Buffer;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A connection that is hyper's from now on, with what was read of its next request.
pub(crate) struct Other<S> {
    pub stream: S,
    pub bytes: Vec<u8>,
}

/// Bytes that are read at once.
const READ_LEN: usize = 2048;

/// A longer body is written from where it is. To copy a short one behind its head costs less than to hand over two pieces.
const COPIED_LEN_MAX: usize = 4096;

/// A larger buffer is given back after a request.
const KEPT_LEN_MAX: usize = 16 * 1024;

/// Serves a connection until it ends, or until its next request is not plain. `stopping` turns true when no further request is
/// to be taken.
pub(crate) async fn serve<S>(stream: S, service: &Service, watch: &Watch, stopping: &Cell<bool>) -> Option<Other<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = Line { stream, input: Vec::new(), output: Outgoing::default() };
    let mut headers = Headers::default();
    loop {
        let framed = match headers.frame(&line.input) {
            Frame::Plain(framed) => framed,
            Frame::Other => return Some(Other { stream: line.stream, bytes: line.input }),
            Frame::Cut => {
                if !line.input.is_empty() {
                    watch.head_begins();
                }
                if line.goes_on(stopping).await {
                    continue;
                }
                return None;
            }
        };
        let whole = framed.len();
        let has_body = line.input.len() < whole;
        let answered = {
            // Pinned here: it is large, and would be moved otherwise.
            let answering = pin!(async {
                while line.input.len() < whole {
                    if !line.reads().await {
                        return Done::Gone;
                    }
                }
                watch.body_arrived();
                let settled = settle(service, &line.input, &framed, &headers).await;
                let Some(Settled { answer, release }) = settled else { return Done::Other };
                let is_last = framed.is_last || stopping.get();
                // Made ready before the wait, while all of it is at hand.
                line.output.set(answer, service.is_secure, is_last);
                if let Err(refusal) = release.given(&service.kernel).await {
                    line.output.set(refusal, service.is_secure, is_last);
                }
                Done::Answer { is_last }
            });
            watch.in_time(has_body, answering).await
        };
        let is_last = match answered {
            Ok(Done::Answer { is_last }) => is_last,
            Ok(Done::Other) => return Some(Other { stream: line.stream, bytes: line.input }),
            Ok(Done::Gone) => return None,
            Err(overdue) => {
                line.output.set(overdue.refusal().answer(), service.is_secure, true);
                true
            }
        };
        if line.write(watch).await.is_err() || is_last {
            line.end().await;
            return None;
        }
        line.forget(whole);
    }
}

/// What came of a request.
enum Done {
    /// It is ready to leave.
    Answer { is_last: bool },
    /// It was not plain after all.
    Other,
    /// The client left in the middle of it.
    Gone,
}

/// `None`: it is not plain.
async fn settle(service: &Service, bytes: &[u8], framed: &Framed, headers: &Headers) -> Option<Settled> {
    let (method, target, head) = request(bytes.get(..framed.line)?, headers)?;
    if service.rules.needs_request_header && !head.is_meant {
        return None;
    }
    let (path, query) = split_at_first(b'?', target).unwrap_or((target, ""));
    let body = Bytes::copy_from_slice(bytes.get(framed.head..framed.len())?);
    let mut received = head.into_received(service.remote, service.rules.edge, body);
    (received.method, received.raw_path, received.query) = (method, path, query);
    Some(service.kernel.settle(&received).await)
}

/// What is to be written, or is being written.
#[derive(Default)]
struct Outgoing {
    /// A head, and a short body behind it.
    text: Vec<u8>,
    long_body: Buffer,
}

impl Outgoing {
    fn set(&mut self, answer: Answer, is_secure: bool, is_last: bool) {
        self.text.clear();
        render(&answer, is_secure, is_last, &mut self.text);
        let is_short = answer.body.len() <= COPIED_LEN_MAX;
        if is_short {
            self.text.extend_from_slice(&answer.body);
        }
        self.long_body = if is_short { Buffer::default() } else { answer.body };
    }
}

/// A connection with what was read and not used, and what is to be written.
struct Line<S> {
    stream: S,
    input: Vec<u8>,
    output: Outgoing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Waits for the next bytes of a head. Whether there are any; not where none was begun and no request is to be taken.
    async fn goes_on(&mut self, stopping: &Cell<bool>) -> bool {
        let is_idle = self.input.is_empty();
        let mut reading = pin!(self.reads());
        poll_fn(|cx| if is_idle && stopping.get() { Poll::Ready(false) } else { reading.as_mut().poll(cx) }).await
    }

    /// Reads what there is. Whether there was anything.
    async fn reads(&mut self) -> bool {
        self.input.reserve(READ_LEN);
        matches!(self.stream.read_buf(&mut self.input).await, Ok(1..))
    }

    /// Writes what was made ready.
    async fn write(&mut self, watch: &Watch) -> io::Result<()> {
        let Self { stream, output, .. } = self;
        let body = std::mem::take(&mut output.long_body);
        let (mut head, mut body) = (output.text.as_slice(), body.as_slice());
        poll_fn(|cx| {
            while !(head.is_empty() && body.is_empty()) {
                let stream = Pin::new(&mut *stream);
                let polled = if body.is_empty() {
                    stream.poll_write(cx, head)
                } else {
                    stream.poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)])
                };
                watch.writes(polled.is_pending());
                let written = ready!(polled)?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                let of_body = written.saturating_sub(head.len());
                head = head.get(written..).unwrap_or_default();
                body = body.get(of_body..).unwrap_or_default();
            }
            Pin::new(&mut *stream).poll_flush(cx)
        })
        .await
    }

    /// Forgets a request that is done.
    fn forget(&mut self, len: usize) {
        self.input.drain(..len.min(self.input.len()));
        for buffer in [&mut self.input, &mut self.output.text] {
            if buffer.capacity() > KEPT_LEN_MAX {
                buffer.shrink_to(READ_LEN);
            }
        }
    }

    async fn end(&mut self) {
        // Whether the client hears of the end is its own concern.
        let _ = self.stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
