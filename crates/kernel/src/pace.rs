//! Long work beside requests. A store at hand answers without waiting, so that a loop over its rows never lets go of the event
//! loop by itself; it has to do so on purpose.
use std::future::Future;

/// How many rows are read, opened and changed before requests go on: together about a tenth of a millisecond.
pub(crate) const SLICE: usize = 8;

/// How many changes of tokens or leases are one commit.
pub(crate) const BATCH: usize = 64;

/// Lets all requests that wait go first.
pub(crate) fn give_way() -> impl Future<Output = ()> {
    tokio::task::yield_now()
}
