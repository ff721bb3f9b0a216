//! A connection's stream, and the answer that is on its way out.
//!
//! An answer waits until its audit lines are written. Whoever writes them for all answers of a turn lets them leave, one after the
//! other: a task that was woken only to write would cost as much again as its writing. Meanwhile the task has begun to wait for the
//! next request.
use crate::plain::{Other, READ_LEN, shrink};
use crate::render::render;
use crate::watch::Watch;
use kw_kernel::{Answer, Kernel, Outlet, Release};
use kw_types::Buffer;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// A longer body is written from where it is. To copy a short one behind its head costs less than to hand over two pieces.
const COPIED_LEN_MAX: usize = 4096;

/// The stream is the task's that serves the connection, and for a moment that of who releases its answer.
pub(crate) struct Line<S> {
    stream: RefCell<S>,
    output: RefCell<Outgoing>,
    state: Cell<State>,
    /// Whether the task is to be woken when the answer is sent, though it waits for the next request.
    is_awaited: Cell<bool>,
    task: RefCell<Waker>,
    kernel: Arc<Kernel>,
    is_secure: bool,
}

/// Of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It must not leave yet.
    Held,
    /// The client does not take it all at once; the task goes on with it.
    Leaving,
    /// It is gone, or there is none.
    Sent,
    /// It could not be written.
    Lost,
}

/// What is to be written.
#[derive(Default)]
struct Outgoing {
    status: u16,
    /// A head, and a short body behind it.
    text: Vec<u8>,
    long_body: Buffer,
    /// So many bytes of both are written.
    written: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Line<S> {
    pub fn new(stream: S, kernel: Arc<Kernel>, is_secure: bool) -> Self {
        Self {
            stream: RefCell::new(stream),
            output: RefCell::default(),
            state: Cell::new(State::Sent),
            is_awaited: Cell::new(false),
            task: RefCell::new(Waker::noop().clone()),
            kernel,
            is_secure,
        }
    }

    /// The stream for who serves the connection from now on, with what was read of its next request.
    pub fn give_up(line: Rc<Self>, bytes: Vec<u8>) -> Option<Other<S>> {
        Rc::into_inner(line).map(|line| Other { stream: line.stream.into_inner(), bytes })
    }

    /// Takes an answer that leaves when it is released.
    pub async fn hold(self: &Rc<Self>, answer: Answer, release: Release, is_last: bool) {
        self.set(answer, is_last);
        self.state.set(State::Held);
        // After the last answer the task has to end the connection, and waits for no request.
        let release = if is_last { Err(release) } else { release.tell(self.clone()) };
        if let Err(release) = release {
            if let Err(refusal) = release.given(&self.kernel).await {
                self.set(refusal, is_last);
            }
            self.state.set(State::Leaving);
        }
    }

    /// Takes an answer that may leave.
    pub fn set(&self, answer: Answer, is_last: bool) {
        self.output.borrow_mut().set(answer, self.is_secure, is_last);
        self.state.set(State::Leaving);
    }

    /// Waits until the answer is written. May return much later, with the first bytes of the next request.
    pub async fn is_sent(&self, input: &mut Vec<u8>, watch: &Watch, stopping: &Cell<bool>) -> io::Result<()> {
        poll_fn(|cx| match self.state.get() {
            State::Held => {
                let mut task = self.task.borrow_mut();
                if !task.will_wake(cx.waker()) {
                    task.clone_from(cx.waker());
                }
                drop(task);
                // What comes next is waited for already.
                let comes = stopping.get() || !input.is_empty() || self.poll_reads(cx, input).is_ready();
                self.is_awaited.set(comes);
                Poll::Pending
            }
            State::Leaving => {
                let polled = self.poll_send(cx);
                watch.writes(polled.is_pending());
                polled
            }
            State::Sent => Poll::Ready(Ok(())),
            State::Lost => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        })
        .await
    }

    /// Waits for the next bytes of a head. Whether there are any; not where none was begun and no request is to be taken.
    pub async fn goes_on(&self, input: &mut Vec<u8>, stopping: &Cell<bool>) -> bool {
        let is_idle = input.is_empty();
        poll_fn(|cx| if is_idle && stopping.get() { Poll::Ready(false) } else { self.poll_reads(cx, input) }).await
    }

    /// Reads what there is. Whether there was anything.
    pub async fn reads(&self, input: &mut Vec<u8>) -> bool {
        poll_fn(|cx| self.poll_reads(cx, input)).await
    }

    pub async fn end(&self) {
        // Whether the client hears of the end is its own concern.
        let _ = poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)).await;
    }

    fn poll_reads(&self, cx: &mut Context<'_>, input: &mut Vec<u8>) -> Poll<bool> {
        input.reserve(READ_LEN);
        let mut stream = self.stream.borrow_mut();
        let reading = pin!(stream.read_buf(input));
        reading.poll(cx).map(|read| matches!(read, Ok(1..)))
    }

    fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = ready!(self.output.borrow_mut().poll_write(cx, &mut *self.stream.borrow_mut()));
        self.state.set(if sent.is_ok() { State::Sent } else { State::Lost });
        Poll::Ready(sent)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Outlet for Line<S> {
    fn told(self: Rc<Self>, are_written: bool) {
        let status = self.output.borrow().status;
        if let Err(refusal) = self.kernel.released(status, are_written) {
            self.set(refusal, false);
        }
        let task = self.task.borrow();
        self.state.set(State::Leaving);
        let is_sent = self.poll_send(&mut Context::from_waker(&task));
        if !matches!(is_sent, Poll::Ready(Ok(()))) || self.is_awaited.get() {
            task.wake_by_ref();
        }
    }
}

impl Outgoing {
    fn set(&mut self, answer: Answer, is_secure: bool, is_last: bool) {
        self.forget();
        render(&answer, is_secure, is_last, &mut self.text);
        self.status = answer.status;
        if answer.body.len() <= COPIED_LEN_MAX {
            self.text.extend_from_slice(&answer.body);
        } else {
            self.long_body = answer.body;
        }
    }

    fn poll_write<S: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<()>> {
        while self.written < self.text.len() + self.long_body.len() {
            let text = self.text.get(self.written..).unwrap_or_default();
            let body = self.long_body.get(self.written.saturating_sub(self.text.len())..).unwrap_or_default();
            let stream = Pin::new(&mut *stream);
            let written = if body.is_empty() {
                ready!(stream.poll_write(cx, text))?
            } else {
                ready!(stream.poll_write_vectored(cx, &[IoSlice::new(text), IoSlice::new(body)]))?
            };
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.forget();
        Poll::Ready(Ok(()))
    }

    fn forget(&mut self) {
        self.written = 0;
        self.text.clear();
        shrink(&mut self.text);
        self.long_body = Buffer::default();
    }
}

#[cfg(test)]
mod tests;
