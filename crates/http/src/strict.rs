//! Framing that two readers of HTTP/1.1 could understand in two ways never gets as far as the parser (RFC 9112, 2.2 and 6.3).
//!
//! hyper takes a line that ends in a bare LF, and drops Content-Length beside Transfer-Encoding; each is allowed by the RFC,
//! and with a proxy in front that reads it otherwise each is the beginning of request smuggling. So the bytes of heads are
//! looked at on their way in. What must not be is spoiled by a NUL, which no head may hold: the parser then refuses the
//! request with 400 and closes the connection.
use crate::watch::Watch;
use memchr::memchr;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose heads are looked at.
pub(crate) struct Strict<S> {
    inner: S,
    /// What was read of the stream already.
    before: Vec<u8>,
    framing: Framing,
    watch: Rc<Watch>,
}

impl<S> Strict<S> {
    /// `watch` hears of heads that come in parts, and of answers that nobody reads.
    pub fn new(inner: S, before: Vec<u8>, watch: Rc<Watch>) -> Self {
        Self { inner, before, framing: Framing::default(), watch }
    }
}

/// Where in a connection's bytes we are.
#[derive(Default)]
pub(crate) struct Framing {
    state: State,
    /// The beginning of a line that was cut by the end of a read.
    cut: Vec<u8>,
    head: Head,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// Chunks, whose end only the parser knows, or what follows a refusal: it is the last on its connection.
    Last,
}

#[derive(Default)]
struct Head {
    has_begun: bool,
    has_length: bool,
    has_coding: bool,
    length: u64,
}

/// The longest line of a framing header that is understood; the value has 20 digits at most.
const LINE_LEN_MAX: usize = 128;

impl Framing {
    /// Whether a head has come in part.
    pub fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head) && (self.head.has_begun || !self.cut.is_empty())
    }

    /// Looks at the next bytes of a connection, and spoils what must not be read.
    pub fn scan(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Last => return,
                State::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    taken
                }
                State::Head => self.scan_line(bytes),
            };
            bytes = bytes.split_at_mut(taken).1;
        }
    }

    /// Takes a line, or what there is of it.
    fn scan_line(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes);
            return bytes.len();
        };
        let (line, rest) = bytes.split_at_mut(end);
        let ends_head = if self.cut.is_empty() {
            self.head.takes(line)
        } else {
            self.cut.extend_from_slice(line);
            let ends_head = self.head.takes(&self.cut);
            self.cut.clear();
            ends_head
        };
        match (ends_head, rest.first_mut()) {
            (Some(true), _) => self.body_follows(),
            (None, Some(feed)) => {
                *feed = 0;
                self.state = State::Last;
            }
            _ => {}
        }
        end + 1
    }

    /// Keeps a cut line: its beginning, and its last byte, which may be the CR.
    fn keep(&mut self, bytes: &[u8]) {
        self.cut.extend_from_slice(bytes);
        if self.cut.len() > LINE_LEN_MAX {
            let last = self.cut.last().copied();
            self.cut.truncate(LINE_LEN_MAX);
            self.cut.extend(last);
        }
    }

    fn body_follows(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.state = match head {
            Head { has_coding: true, .. } => State::Last,
            Head { length: 0, .. } => State::Head,
            Head { length, .. } => State::Body(length),
        };
    }
}

impl Head {
    /// Reads a line without its LF. Whether it ends the head; `None` if it must not be.
    fn takes(&mut self, line: &[u8]) -> Option<bool> {
        let line = line.strip_suffix(b"\r")?;
        if line.is_empty() {
            // Empty lines before a request are passed over (RFC 9112, 2.2).
            return Some(self.has_begun);
        }
        self.has_begun = true;
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return Some(false);
        }
        let colon = line.iter().take(LINE_LEN_MAX).position(|b| *b == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let frames_before = self.has_length || self.has_coding;
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = length(value.strip_prefix(b":")?)?;
            self.has_length = true;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.has_coding = true;
        } else {
            return Some(false);
        }
        (!frames_before).then_some(false)
    }
}

/// Digits alone (RFC 9110, 8.6).
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if value.len() > LINE_LEN_MAX / 2 || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = if self.before.is_empty() {
            Pin::new(&mut self.inner).poll_read(cx, buf)
        } else {
            let taken = self.before.len().min(buf.remaining());
            buf.put_slice(self.before.drain(..taken).as_slice());
            Poll::Ready(Ok(()))
        };
        if let Some(fresh) = buf.filled_mut().get_mut(before..) {
            self.framing.scan(fresh);
            if self.framing.is_in_head() {
                self.watch.head_begins();
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch.writes(polled.is_pending());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch.writes(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
