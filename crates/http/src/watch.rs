//! How long the parts of a connection may take: one timer for each connection, which a request that is in time never touches.
use crate::convert::Refusal;
use crate::rules::Limits;
use http::StatusCode;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// What an HTTP/1 connection is doing, and since when.
pub(crate) struct Watch {
    limits: Limits,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// The request that is running has had its time. Whoever runs it answers so.
    is_overdue: Cell<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The head of a request has begun to arrive, or the first one is waited for.
    Head,
    /// A body is arriving.
    Body,
    /// A handler runs.
    Handler,
    /// The client does not take its answer.
    Stalled,
    /// Between requests.
    Idle,
}

/// Why a request that was running is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Its body did not arrive.
    Body,
    /// Its handler did not end.
    Handler,
}

impl Overdue {
    /// What the client is told.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Body => Refusal(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within http_read_timeout"),
            Self::Handler => {
                Refusal(StatusCode::SERVICE_UNAVAILABLE, "the request took longer than max_request_duration")
            }
        }
    }
}

/// The longest sleep of a timer: where nothing is limited.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

impl Watch {
    /// Of a connection that was accepted now.
    pub fn new(limits: Limits) -> Self {
        let (phase, since) = (Cell::new(Phase::Head), Cell::new(Instant::now()));
        Self { limits, phase, since, is_overdue: Cell::new(false) }
    }

    /// A head has come in part.
    pub fn head_begins(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// The answer could not be written on, or it could again.
    pub fn writes(&self, is_stalled: bool) {
        match (is_stalled, self.phase.get()) {
            (true, Phase::Idle) => self.enter(Phase::Stalled),
            (false, Phase::Stalled) => self.enter(Phase::Idle),
            _ => {}
        }
    }

    /// Runs a request. Errors: it took too long.
    pub async fn in_time<T>(&self, has_body: bool, answered: impl Future<Output = T>) -> Result<T, Overdue> {
        let mut answered = pin!(answered);
        self.is_overdue.set(false);
        self.enter(if has_body { Phase::Body } else { Phase::Handler });
        let done = poll_fn(|cx| match answered.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if self.is_overdue.get() => Poll::Ready(Err(self.overdue())),
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.enter(Phase::Idle);
        done
    }

    /// The body is here; the time of the request runs on.
    pub fn body_arrived(&self) {
        self.phase.set(Phase::Handler);
    }

    fn overdue(&self) -> Overdue {
        match (self.phase.get(), self.limits.read_time) {
            (Phase::Body, Some(limit)) if self.since.get().elapsed() >= limit => Overdue::Body,
            _ => Overdue::Handler,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    /// How long what the connection does now may take.
    fn limit(&self) -> Option<Duration> {
        let limits = &self.limits;
        match self.phase.get() {
            Phase::Head => limits.header_time,
            Phase::Body => limits.read_time.into_iter().chain(limits.request_time).min(),
            Phase::Handler => limits.request_time,
            Phase::Stalled => limits.write_time.or(limits.idle_time),
            Phase::Idle => limits.idle_time,
        }
    }
}

/// The timer of a connection.
pub(crate) struct Guard<'w> {
    watch: &'w Watch,
    timer: Pin<Box<Sleep>>,
    /// The timer knows the connection's task, which stays the same.
    is_set: bool,
    /// Whatever begins after the timer was set ends no sooner than this.
    shortest: Duration,
}

impl<'w> Guard<'w> {
    pub fn new(watch: &'w Watch) -> Self {
        let Limits { header_time, read_time, write_time, request_time, idle_time, .. } = watch.limits;
        let limits = [header_time, read_time, write_time, request_time, idle_time];
        let shortest = limits.into_iter().flatten().min().unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        Self { watch, timer: Box::pin(sleep_until(Instant::now() + shortest)), is_set: false, shortest }
    }

    /// Ready when the connection is to be closed. A request that is overdue is told so; poll the connection after this.
    ///
    /// The timer is set for the shortest limit from when it was looked at last. So it need not be set anew when something
    /// begins: it comes first, and then is set for what is left.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_set && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let left = self.watch.limit().map(|limit| limit.saturating_sub(now - self.watch.since.get()));
            let sleep = match left {
                Some(Duration::ZERO) if matches!(self.watch.phase.get(), Phase::Body | Phase::Handler) => {
                    self.watch.is_overdue.set(true);
                    self.shortest
                }
                Some(Duration::ZERO) => return Poll::Ready(()),
                Some(left) => left.min(self.shortest),
                None => self.shortest,
            };
            self.timer.as_mut().reset(now + sleep);
        }
        self.is_set = true;
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
