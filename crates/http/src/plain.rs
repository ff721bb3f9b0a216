//! The usual requests of HTTP/1.1, read and answered without a detour.
//!
//! Nearly every request is plain: a line, headers of visible ASCII, maybe a short body whose length is told. To have it made
//! into a library's values and back costs as much as all that is done with it. So plain requests are read here; **whatever is
//! not plain goes to hyper**, with every byte of it, and the connection stays there. Nothing is refused here for its form, and
//! nothing is taken here that two readers could understand in two ways: chunks, a bare LF, a header that is folded or given
//! twice, another version, another target than a path.
use crate::convert::Service;
use crate::frame::{Frame, Framed, Headers, request, split_at_first};
use crate::line::Line;
use crate::watch::Watch;
use bytes::Bytes;
use kw_kernel::Settled;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that is hyper's from now on, with what was read of its next request.
pub(crate) struct Other<S> {
    pub stream: S,
    pub bytes: Vec<u8>,
}

/// Bytes that are read at once.
pub(crate) const READ_LEN: usize = 2048;

/// A larger buffer is given back after a request.
const KEPT_LEN_MAX: usize = 16 * 1024;

/// Serves a connection until it ends, or until its next request is not plain. `stopping` turns true when no further request is
/// to be taken.
pub(crate) async fn serve<S>(stream: S, service: &Service, watch: &Watch, stopping: &Cell<bool>) -> Option<Other<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (mut input, mut headers) = (Vec::new(), Headers::default());
    let line = Rc::new(Line::new(stream, service.kernel.clone(), service.is_secure));
    loop {
        let framed = match headers.frame(&input) {
            Frame::Plain(framed) => framed,
            Frame::Other => return Line::give_up(line, input),
            Frame::Cut => {
                if !input.is_empty() {
                    watch.head_begins();
                }
                if line.goes_on(&mut input, stopping).await {
                    continue;
                }
                return None;
            }
        };
        let whole = framed.len();
        let has_body = input.len() < whole;
        let done = {
            // Pinned here: it is large, and would be moved otherwise.
            let settling = pin!(async {
                while input.len() < whole {
                    if !line.reads(&mut input).await {
                        return Done::Gone;
                    }
                }
                watch.body_arrived();
                settle(service, &input, &framed, &headers).await.map_or(Done::Other, Done::Settled)
            });
            watch.in_time(has_body, settling).await
        };
        let is_last = framed.is_last || stopping.get() || done.is_err();
        match done {
            Ok(Done::Settled(Settled { answer, release })) => {
                forget(&mut input, whole);
                line.hold(answer, release, is_last).await;
            }
            Ok(Done::Other) => return Line::give_up(line, input),
            Ok(Done::Gone) => return None,
            Err(overdue) => line.set(overdue.refusal().answer(), is_last),
        }
        if line.is_sent(&mut input, watch, stopping).await.is_err() || is_last {
            line.end().await;
            return None;
        }
    }
}

/// What came of a request.
enum Done {
    Settled(Settled),
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

/// Forgets a request that is done.
fn forget(input: &mut Vec<u8>, len: usize) {
    input.drain(..len.min(input.len()));
    shrink(input);
}

/// Gives a large buffer back.
pub(crate) fn shrink(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_LEN_MAX {
        buffer.shrink_to(READ_LEN);
    }
}
