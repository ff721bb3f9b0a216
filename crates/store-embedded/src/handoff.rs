//! How batches come to the committer and answers go back: by the batch in both directions.
//!
//! On a tokio runtime the commits of one turn of the event loop are handed over together by a task (the pump) that is queued
//! behind the requests that made them, and answers wake that task alone, which then wakes the requests on its own thread. A
//! wake across threads for each request would cost more than the work.
use kw_store::{Batch, Revision, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::runtime;

pub(crate) type Outcome = Result<Revision, StoreError>;

/// A batch on its way, with the place for its answer.
pub(crate) struct Pending {
    pub batch: Batch,
    pub slot: Arc<Slot>,
}

/// Where an answer is put and who waits for it.
pub(crate) struct Slot {
    state: Mutex<SlotState>,
    hub: Option<Arc<Hub>>,
}

#[derive(Default)]
struct SlotState {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Slot {
    pub fn new(hub: Option<Arc<Hub>>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), hub })
    }

    /// The answer, if it is there; else the waker is kept for it.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.state.lock();
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn fill(&self, outcome: Outcome) -> Option<Waker> {
        let mut state = self.state.lock();
        state.outcome = Some(outcome);
        state.waker.take()
    }
}

/// Puts all answers in place first, then wakes: one wake for each event loop.
pub(crate) fn answer(outcomes: Vec<(Arc<Slot>, Outcome)>) {
    let mut by_hub: Vec<(Arc<Hub>, Vec<Waker>)> = Vec::new();
    let mut direct = Vec::new();
    for (slot, outcome) in outcomes {
        let Some(waker) = slot.fill(outcome) else { continue };
        let Some(hub) = &slot.hub else {
            direct.push(waker);
            continue;
        };
        match by_hub.iter_mut().find(|(known, _)| Arc::ptr_eq(known, hub)) {
            Some((_, wakers)) => wakers.push(waker),
            None => by_hub.push((hub.clone(), vec![waker])),
        }
    }
    for (hub, wakers) in by_hub {
        hub.deliver(wakers);
    }
    direct.into_iter().for_each(Waker::wake);
}

/// What waits for the committer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
    hubs: Mutex<Vec<(runtime::Id, Arc<Hub>)>>,
}

#[derive(Default)]
struct QueueState {
    pending: VecDeque<Pending>,
    closing: bool,
}

impl Queue {
    /// Hands batches over; those that come after closing are answered at once.
    pub fn submit(&self, batches: impl IntoIterator<Item = Pending>) {
        let mut state = self.state.lock();
        if state.closing {
            drop(state);
            let closed = || Err(StoreError::Unavailable("it is closing".to_owned()));
            answer(batches.into_iter().map(|p| (p.slot, closed())).collect());
            return;
        }
        let idle = state.pending.is_empty();
        state.pending.extend(batches);
        if idle {
            self.filled.notify_one();
        }
    }

    /// Waits until something is there and takes all of it. `false`: the queue is closed and empty.
    pub fn take(&self, into: &mut VecDeque<Pending>) -> bool {
        let mut state = self.state.lock();
        while into.is_empty() && state.pending.is_empty() && !state.closing {
            self.filled.wait(&mut state);
        }
        into.append(&mut state.pending);
        !into.is_empty()
    }

    /// What is queued is still worked off, nothing more is taken.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.filled.notify_one();
        let hubs = std::mem::take(&mut *self.hubs.lock());
        for (_, hub) in hubs {
            self.submit(hub.stop());
        }
    }

    /// The hub of the runtime that this is called on; `None` outside of one.
    pub fn hub(self: &Arc<Self>) -> Option<Arc<Hub>> {
        let runtime = runtime::Handle::try_current().ok()?;
        let id = runtime.id();
        let mut hubs = self.hubs.lock();
        if let Some((_, hub)) = hubs.iter().find(|(known, _)| *known == id) {
            return Some(hub.clone());
        }
        if self.state.lock().closing {
            return None;
        }
        let hub = Arc::new(Hub::default());
        hubs.push((id, hub.clone()));
        drop(hubs);
        runtime.spawn(Pump { queue: self.clone(), hub: hub.clone(), id });
        Some(hub)
    }
}

/// What goes between one event loop and the committer.
#[derive(Default)]
pub(crate) struct Hub {
    state: Mutex<HubState>,
}

#[derive(Default)]
struct HubState {
    outbox: Vec<Pending>,
    inbox: Vec<Waker>,
    pump: Option<Waker>,
    stopped: bool,
}

impl Hub {
    /// Leaves a batch for the pump to take along; gives it back if there is no pump any more.
    pub fn leave(&self, pending: Pending) -> Option<Pending> {
        let mut state = self.state.lock();
        if state.stopped {
            return Some(pending);
        }
        state.outbox.push(pending);
        let pump = if state.outbox.len() == 1 { state.pump.take() } else { None };
        drop(state);
        if let Some(pump) = pump {
            pump.wake();
        }
        None
    }

    fn deliver(&self, mut wakers: Vec<Waker>) {
        let mut state = self.state.lock();
        if state.stopped {
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            return;
        }
        state.inbox.append(&mut wakers);
        let pump = state.pump.take();
        drop(state);
        if let Some(pump) = pump {
            pump.wake();
        }
    }

    /// Ends the pump. Whoever waits is woken; what was left is given back.
    fn stop(&self) -> Vec<Pending> {
        let mut state = self.state.lock();
        state.stopped = true;
        let inbox = std::mem::take(&mut state.inbox);
        let outbox = std::mem::take(&mut state.outbox);
        let pump = state.pump.take();
        drop(state);
        inbox.into_iter().chain(pump).for_each(Waker::wake);
        outbox
    }
}

/// The task that carries batches out and wakes in. It ends with the queue or with its runtime.
struct Pump {
    queue: Arc<Queue>,
    hub: Arc<Hub>,
    id: runtime::Id,
}

impl Future for Pump {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.hub.state.lock();
        let outbox = std::mem::take(&mut state.outbox);
        let inbox = std::mem::take(&mut state.inbox);
        let stopped = state.stopped;
        state.pump = Some(cx.waker().clone());
        drop(state);
        if !outbox.is_empty() {
            self.queue.submit(outbox);
        }
        inbox.into_iter().for_each(Waker::wake);
        if stopped { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.queue.hubs.lock().retain(|(id, _)| *id != self.id);
        self.queue.submit(self.hub.stop());
    }
}

/// The future of one commit. Nothing is handed over before the first poll; dropped after it, the commit goes on.
pub(crate) struct Commit<'a> {
    queue: &'a Arc<Queue>,
    state: State,
}

enum State {
    New(Batch),
    Sent(Arc<Slot>),
}

impl<'a> Commit<'a> {
    pub fn new(queue: &'a Arc<Queue>, batch: Batch) -> Self {
        Self { queue, state: State::New(batch) }
    }
}

impl Future for Commit<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let batch = match &mut self.state {
            State::Sent(slot) => return slot.poll(cx),
            State::New(batch) => std::mem::take(batch),
        };
        let hub = self.queue.hub();
        let slot = Slot::new(hub.clone());
        // The waker is in place before anybody can answer, so no answer is missed.
        if let Poll::Ready(outcome) = slot.poll(cx) {
            return Poll::Ready(outcome);
        }
        self.state = State::Sent(slot.clone());
        let pending = Pending { batch, slot };
        let left = match hub {
            Some(hub) => hub.leave(pending),
            None => Some(pending),
        };
        if left.is_some() {
            self.queue.submit(left);
        }
        Poll::Pending
    }
}
