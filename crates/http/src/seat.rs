//! Which event loops take connections: no more of them than there are processors.
use rustix::thread::sched_getaffinity;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How often a loop without a processor looks whether there is one again.
const AGAIN: Duration = Duration::from_secs(1);

/// The place of an event loop among those of the process.
///
/// What a process may run on can change while it runs (`taskset`, a container that is resized). Two loops on one processor share
/// it by slices of time: each waits for milliseconds with its requests read, and half as many share an audit write.
#[derive(Clone, Copy, Debug)]
pub struct Seat(usize);

impl Seat {
    /// Of a loop that takes connections whatever there is to run on.
    pub const FIRST: Self = Self(0);

    /// Of a loop that takes connections while its thread may run on more than `before` processors.
    pub fn after(before: usize) -> Self {
        Self(before)
    }

    fn has_processor(self) -> bool {
        // Where it cannot be told, all go on.
        self.0 == 0 || sched_getaffinity(None).map_or(true, |set| set.count() as usize > self.0)
    }

    /// Accepts by `poll_accept` as soon as there is a connection, and a processor.
    pub(crate) async fn accept<T>(
        self,
        mut poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let mut pause: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            while !self.has_processor() {
                ready!(pause.get_or_insert_with(|| Box::pin(sleep(AGAIN))).as_mut().poll(cx));
                pause = None;
            }
            poll_accept(cx)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
