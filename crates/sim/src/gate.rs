//! What stands between a node's work and the event loop: here a node is paused, and here it dies.
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Whether the work of one life of a node goes on.
#[derive(Default)]
pub struct Gate {
    is_dead: Cell<bool>,
    is_paused: Cell<bool>,
    /// So many more steps until it dies by itself.
    fuse: Cell<Option<u32>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    pub fn is_dead(&self) -> bool {
        self.is_dead.get()
    }

    /// From now on nothing is done; what was under way is dropped where it stands.
    pub fn die(&self) {
        self.is_dead.set(true);
        self.wake();
    }

    /// Dies after so many steps of whatever work, so at whatever `await` that is.
    pub fn light(&self, steps: u32) {
        self.fuse.set(Some(steps));
    }

    pub fn pause(&self, paused: bool) {
        self.is_paused.set(paused);
        if !paused {
            self.wake();
        }
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    fn burn(&self) {
        match self.fuse.get() {
            Some(0) => self.die(),
            left => self.fuse.set(left.map(|steps| steps - 1)),
        }
    }
}

/// Work that goes through a gate. Gives nothing when the node died first, or when the work was given up after its number of
/// steps, as for a client that went away.
pub struct Gated<F> {
    work: Option<Pin<Box<F>>>,
    gate: Rc<Gate>,
    steps_left: Option<u32>,
    is_enlisted: bool,
}

impl<F: Future> Gated<F> {
    pub fn new(gate: Rc<Gate>, steps_left: Option<u32>, work: F) -> Self {
        Self { work: Some(Box::pin(work)), gate, steps_left, is_enlisted: false }
    }

    fn give_up(&mut self) -> Poll<Option<F::Output>> {
        self.work = None;
        Poll::Ready(None)
    }
}

impl<F: Future> Future for Gated<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.gate.burn();
        if self.gate.is_dead() || self.steps_left == Some(0) {
            return self.give_up();
        }
        if self.gate.is_paused.get() || !self.is_enlisted {
            // It is woken at the end of the pause, and when the node dies.
            self.gate.waiting.borrow_mut().push(cx.waker().clone());
            self.is_enlisted = true;
        }
        if self.gate.is_paused.get() {
            return Poll::Pending;
        }
        self.steps_left = self.steps_left.map(|steps| steps - 1);
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        match work.as_mut().poll(cx) {
            Poll::Ready(done) => {
                self.work = None;
                Poll::Ready(Some(done))
            }
            Poll::Pending if self.gate.is_dead() => self.give_up(),
            Poll::Pending => Poll::Pending,
        }
    }
}
