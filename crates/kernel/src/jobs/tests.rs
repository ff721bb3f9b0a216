use super::ends_of_leases;
use crate::tests::bed::{Bed, ROOT};
use futures_util::future::{join, select};
use kw_store::suite::Dying;
use serde_json::Value;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LOANS: u64 = 50;

/// So long both nodes run, in real time that costs nothing and that their clocks go along with.
async fn for_a_while(bed: &Bed, nodes: impl Future<Output = ((), ())>) {
    let done = async {
        while !bed.desk.out.lock().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bed.advance(1);
        }
        // Whoever would ask again has the time for it.
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    select(pin!(done), pin!(nodes)).await;
}

async fn lend(bed: &Bed) {
    for _ in 0..LOANS {
        assert_eq!(bed.call("POST", "lender/lend", ROOT, Value::Null).await.0, 200);
    }
    bed.advance(3600 * 24 * 40);
}

#[tokio::test(start_paused = true)]
async fn peers_are_asked_by_one_node_and_by_the_next_when_that_stops() {
    let bed = Bed::new(1).await;
    let shared = || Arc::new(Dying::after(usize::MAX, bed.store.clone(), true));
    let (a, b) = (bed.beside_on(shared()).await, bed.beside_on(shared()).await);
    lend(&bed).await;
    for_a_while(&bed, join(ends_of_leases(&a.kernel), ends_of_leases(&b.kernel))).await;
    assert_eq!((bed.desk.out.lock().len(), bed.desk.brought.load(Ordering::SeqCst)), (0, LOANS));
    // Whoever had the turn is gone; the other has it as soon as that one's time is up.
    lend(&bed).await;
    for_a_while(&bed, join(ends_of_leases(&b.kernel), std::future::pending())).await;
    lend(&bed).await;
    for_a_while(&bed, join(ends_of_leases(&a.kernel), std::future::pending())).await;
    assert_eq!((bed.desk.out.lock().len(), bed.desk.brought.load(Ordering::SeqCst)), (0, 3 * LOANS));
}
