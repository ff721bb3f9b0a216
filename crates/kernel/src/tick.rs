//! One audit write for all answers of a turn of the event loop.
//!
//! A line is appended to a buffer of the thread; the first to do so queues a flusher behind the tasks that are ready now. When
//! it runs, it writes all lines at once and releases all answers. So the cost of a write is shared, and no answer leaves
//! before its lines are written.
use kw_audit::Device;
use kw_types::{Fault, FaultKind};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use tokio::task::unconstrained;

/// Is told when lines are written. It must not wait then, and lives on the same event loop.
pub trait Outlet {
    /// Whether at least one device took the lines.
    fn told(self: Rc<Self>, are_written: bool);
}

enum Waiting {
    Task(Waker),
    Outlet(Rc<dyn Outlet>),
}

#[derive(Default)]
struct Turn {
    /// By device; they are few.
    lines: Vec<(Arc<Device>, Vec<u8>)>,
    waiting: Vec<Waiting>,
    /// Whether somebody waits for it who writes to the store then.
    leads_to_commits: bool,
    /// Whether at least one device took the lines; `None` until written.
    written: Option<bool>,
}

impl Turn {
    /// Whether to wait for one more trip through the event loop's queue before the lines are written.
    ///
    /// A commit is shared by those who come to it together. A few reads are better answered now: their clients go on while the
    /// next are read. Where there are many, clients are busy anyway, and a larger write costs less for each line.
    fn is_worth_a_trip(&self) -> bool {
        self.leads_to_commits || self.waiting.len() > FEW
    }
}

thread_local! {
    static OPEN: RefCell<Option<Rc<RefCell<Turn>>>> = const { RefCell::new(None) };
    /// Empty buffers of former turns: growing a fresh one to the size of a busy turn costs more than the write.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer larger than this is given back rather than kept.
const SPARE_LEN_MAX: usize = 1024 * 1024;

/// Answers that wait for one write, up to which they are better released at once.
const FEW: usize = 48;

/// Lines that were appended; to be waited for.
///
/// Of the two lines of a request the second is seldom in another turn than the first.
#[must_use]
pub(crate) struct Pending {
    turn: Option<Rc<RefCell<Turn>>>,
    also: Option<Rc<RefCell<Turn>>>,
}

/// Appends lines for some devices. `render` is called once for each, with its place in `devices` and the buffer to append to.
pub(crate) fn append(devices: &[Arc<Device>], render: impl Fn(usize, &Device, &mut Vec<u8>)) -> Pending {
    if devices.is_empty() {
        return Pending::none();
    }
    let turn = OPEN.with_borrow_mut(|open| open.get_or_insert_with(begin).clone());
    let mut state = turn.borrow_mut();
    for (at, device) in devices.iter().enumerate() {
        let known = state.lines.iter().position(|(known, _)| Arc::ptr_eq(known, device));
        let place = known.unwrap_or_else(|| {
            state.lines.push((device.clone(), SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()));
            state.lines.len() - 1
        });
        if let Some((_, buffer)) = state.lines.get_mut(place) {
            render(at, device, buffer);
        }
    }
    drop(state);
    Pending { turn: Some(turn), also: None }
}

fn begin() -> Rc<RefCell<Turn>> {
    let turn = Rc::new(RefCell::new(Turn::default()));
    let flushed = turn.clone();
    // Without a budget: outlets are as many as connections, and each of them does a little work.
    tokio::task::spawn_local(unconstrained(async move {
        if flushed.borrow().is_worth_a_trip() {
            tokio::task::yield_now().await;
        }
        let (waiting, are_written) = flush(&flushed);
        for waiting in waiting {
            match waiting {
                Waiting::Task(waker) => waker.wake(),
                Waiting::Outlet(outlet) => outlet.told(are_written),
            }
        }
    }));
    turn
}

/// Gives who is to be told, and what.
fn flush(turn: &Rc<RefCell<Turn>>) -> (Vec<Waiting>, bool) {
    OPEN.with_borrow_mut(|open| {
        if open.as_ref().is_some_and(|o| Rc::ptr_eq(o, turn)) {
            *open = None;
        }
    });
    let mut state = turn.borrow_mut();
    let mut any = false;
    for (device, lines) in &state.lines {
        if lines.is_empty() {
            any = true;
            continue;
        }
        match device.write(lines) {
            Ok(()) => any = true,
            Err(error) => tracing::error!(device = device.config.path, %error, "an audit device cannot be written"),
        }
    }
    state.written = Some(any);
    for (_, mut lines) in std::mem::take(&mut state.lines) {
        lines.clear();
        if lines.capacity() <= SPARE_LEN_MAX {
            SPARE.with_borrow_mut(|spare| spare.push(lines));
        }
    }
    (std::mem::take(&mut state.waiting), any)
}

impl Pending {
    /// Nothing to wait for.
    pub(crate) fn none() -> Self {
        Self { turn: None, also: None }
    }

    /// Lines that were appended before these, to be waited for too.
    pub(crate) fn and(self, before: Self) -> Self {
        let is_same = |turn: &Rc<_>| self.turn.as_ref().is_some_and(|own| Rc::ptr_eq(own, turn));
        Self { also: before.turn.filter(|turn| !is_same(turn)), ..self }
    }

    /// As [`Pending::written`], for a request that may write to the store then.
    pub(crate) async fn written_before_commit(self) -> Result<(), Fault> {
        if let Some(turn) = &self.turn {
            turn.borrow_mut().leads_to_commits = true;
        }
        self.written().await
    }

    /// Has an outlet told when the lines are written. Errors: they are to be waited for, since they are of two turns or of one that
    /// is over.
    pub(crate) fn tell(self, outlet: Rc<dyn Outlet>) -> Result<(), Self> {
        let is_open = |turn: &Rc<RefCell<Turn>>| turn.borrow().written.is_none();
        match &self.turn {
            Some(turn) if self.also.is_none() && is_open(turn) => {
                turn.borrow_mut().waiting.push(Waiting::Outlet(outlet));
                Ok(())
            }
            _ => Err(self),
        }
    }

    /// Waits until the lines are written. Errors: 500 when no device took them.
    pub(crate) async fn written(self) -> Result<(), Fault> {
        let mut are_written = true;
        for turn in [self.turn, self.also].into_iter().flatten() {
            are_written &= is_written(&turn).await;
        }
        if are_written { Ok(()) } else { Err(unwritten()) }
    }
}

/// What is told instead of an answer whose lines no device took.
pub(crate) fn unwritten() -> Fault {
    Fault::new(FaultKind::Internal, "failed to audit the request: no audit device could be written")
}

async fn is_written(turn: &Rc<RefCell<Turn>>) -> bool {
    poll_fn(|cx| {
        let mut state = turn.borrow_mut();
        match state.written {
            Some(is_written) => Poll::Ready(is_written),
            None => {
                state.waiting.push(Waiting::Task(cx.waker().clone()));
                Poll::Pending
            }
        }
    })
    .await
}
