//! A store whose process is killed.
use crate::{Batch, Layer, Revision, Store, StoreError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes so many commits of another store and then no more. What it took stays there, for whoever comes after.
pub struct Dying {
    inner: Arc<dyn Store>,
    commits_left: AtomicUsize,
    is_shared: bool,
}

impl Dying {
    /// `is_shared`: what [`Store::is_shared`] answers, whatever the other store is.
    pub fn after(commits: usize, inner: Arc<dyn Store>, is_shared: bool) -> Self {
        Self { inner, commits_left: AtomicUsize::new(commits), is_shared }
    }

    /// Takes so many commits more.
    pub fn revive(&self, commits: usize) {
        self.commits_left.store(commits, Ordering::Relaxed);
    }
}

impl Layer for Dying {
    fn inner(&self) -> &dyn Store {
        self.inner.as_ref()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        let left = self.commits_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.inner.commit(batch),
            Err(_) => async { Err(StoreError::Unavailable("killed".to_owned())) }.boxed(),
        }
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}
