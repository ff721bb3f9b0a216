use super::Claim;
use crate::rows::SETTINGS;
use crate::tests::bed::Bed;
use futures_util::future::join_all;
use kw_types::{FaultKind, Ttl};

const TTL: Ttl = Ttl::from_seconds(60);

#[tokio::test]
async fn of_many_one_takes_it() {
    for seed in 0..20 {
        let bed = Bed::new(seed).await;
        let holders: Vec<String> = (0..8).map(|n| format!("node-{n}")).collect();
        let taken = join_all(holders.iter().map(|holder| Claim::take(&bed.kernel, "work", holder, TTL))).await;
        assert_eq!(taken.into_iter().filter(|t| t.as_ref().unwrap().is_some()).count(), 1, "seed {seed}");
    }
}

#[tokio::test]
async fn whoever_lost_it_writes_nothing_more() {
    let bed = Bed::new(1).await;
    let write = async |claim: &Claim, text: &str| {
        bed.kernel
            .transact(async |txn| {
                claim.check(txn).await?;
                txn.rescoped(SETTINGS).put("effect", text)
            })
            .await
    };
    let slow = Claim::take(&bed.kernel, "work", "slow", TTL).await.unwrap().unwrap();
    write(&slow, "slow").await.unwrap();
    assert!(Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().is_none());
    bed.advance(50);
    slow.keep(&bed.kernel, TTL).await.unwrap();
    bed.advance(50);
    assert!(Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().is_none(), "it was kept");
    bed.advance(59);
    assert!(Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().is_none(), "its time is not over");
    bed.advance(1);
    let quick = Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().unwrap();
    write(&quick, "quick").await.unwrap();
    for lost in [write(&slow, "late").await, slow.keep(&bed.kernel, TTL).await, slow.release(&bed.kernel).await] {
        assert_eq!(lost.unwrap_err().kind(), FaultKind::Unavailable);
    }
    assert_eq!(bed.kernel.view(SETTINGS).get::<String>("effect").await.unwrap().as_deref(), Some("quick"));
    quick.release(&bed.kernel).await.unwrap();
    let again = Claim::take(&bed.kernel, "work", "third", TTL).await.unwrap().unwrap();
    assert_eq!(again.fence, 3, "the fence never goes back");
}

#[tokio::test]
async fn a_holder_whose_clock_was_ahead_keeps_nobody_waiting_after_his_death() {
    let bed = Bed::new(3).await;
    Claim::take(&bed.kernel, "work", "ahead", TTL).await.unwrap().unwrap();
    bed.turn_back(100_000);
    assert!(Claim::take(&bed.kernel, "work", "right", TTL).await.unwrap().is_none(), "he may be alive");
    bed.advance(60);
    assert!(Claim::take(&bed.kernel, "work", "right", TTL).await.unwrap().is_some());
}

#[tokio::test]
async fn a_clock_that_goes_back_only_makes_the_wait_longer() {
    let bed = Bed::new(4).await;
    Claim::take(&bed.kernel, "work", "first", TTL).await.unwrap().unwrap();
    assert!(Claim::take(&bed.kernel, "work", "second", TTL).await.unwrap().is_none());
    bed.turn_back(1000);
    assert!(Claim::take(&bed.kernel, "work", "second", TTL).await.unwrap().is_none());
    bed.advance(60);
    assert!(Claim::take(&bed.kernel, "work", "second", TTL).await.unwrap().is_some());
}

/// The claim is lost after it was checked and before the commit.
#[tokio::test]
async fn the_fence_is_checked_at_the_commit() {
    let bed = Bed::new(2).await;
    let slow = Claim::take(&bed.kernel, "work", "slow", TTL).await.unwrap().unwrap();
    let core = bed.kernel.txn();
    let txn = core.scoped("");
    slow.check(txn).await.unwrap();
    txn.rescoped(SETTINGS).put("effect", "slow").unwrap();
    assert!(Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().is_none());
    bed.advance(60);
    Claim::take(&bed.kernel, "work", "quick", TTL).await.unwrap().unwrap();
    assert_eq!(core.commit().await, Err(kw_store::StoreError::Conflict));
}
