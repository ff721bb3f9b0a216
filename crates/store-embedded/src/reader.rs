//! Reads that may take long, on a thread of their own: listings, which step over all that was deleted, and many rows at once, which
//! may have to come from the disk. Whoever answers requests goes on meanwhile. Single rows are read where they are asked for, since
//! nearly always that takes a few microseconds.
use crate::overlay::Overlay;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use kw_store::StoreError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&Overlay) + Send>;

pub(crate) struct Reader {
    overlay: Arc<Overlay>,
    /// Started with the first work.
    thread: Mutex<Option<(Sender<Work>, JoinHandle<()>)>>,
}

impl Reader {
    pub fn new(overlay: Arc<Overlay>) -> Self {
        Self { overlay, thread: Mutex::default() }
    }

    /// Does it on the thread, in the order of asking; where no thread can be had, here and now.
    pub fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Overlay) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            *thread = start(self.overlay.clone());
        }
        let Some((works, _)) = thread.as_ref() else { return ready(work(&self.overlay)).boxed() };
        let (answer, answered) = oneshot::channel();
        // Who does not wait any more needs no answer, and a thread that ended is told below.
        let _ = works.send(Box::new(move |overlay| drop(answer.send(work(overlay)))));
        answered.map(|told| told.unwrap_or_else(|_| Err(StoreError::Unavailable("it is closing".to_owned())))).boxed()
    }

    /// Waits until what was asked for is read, and ends the thread.
    pub fn end(&self) {
        if let Some((works, thread)) = self.thread.lock().take() {
            drop(works);
            // It does not panic; if it did, its message has been printed, and there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn start(overlay: Arc<Overlay>) -> Option<(Sender<Work>, JoinHandle<()>)> {
    let (works, asked) = channel::<Work>();
    let read = move || asked.into_iter().for_each(|work| work(&overlay));
    match std::thread::Builder::new().name("store-read".to_owned()).spawn(read) {
        Ok(thread) => Some((works, thread)),
        Err(error) => {
            tracing::warn!(%error, "listings hold up requests: no thread could be started for them");
            None
        }
    }
}
