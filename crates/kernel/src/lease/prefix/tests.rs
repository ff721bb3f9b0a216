use super::{STEPS_OF_REQUEST, Way, revoke_prefix};
use crate::jobs;
use crate::rows::LEASES;
use crate::tests::bed::{Bed, ROOT};
use kw_store::Page;
use serde_json::{Value, json};

async fn left(bed: &Bed) -> Vec<String> {
    bed.kernel.view(LEASES).names("lender/", Page::default()).await.unwrap()
}

#[tokio::test]
async fn many_have_ended_when_it_returns_and_are_taken_back_in_the_background() {
    let bed = Bed::at_hand().await;
    let count = STEPS_OF_REQUEST + 300;
    let mut last = String::new();
    for _ in 0..count {
        let (_, made) = bed.call("POST", "lender/lend", ROOT, Value::Null).await;
        last = made["lease_id"].as_str().unwrap().to_owned();
    }
    assert!(revoke_prefix(&bed.kernel, "lender/", Way::Soon).await.unwrap().is_none());
    let waiting = left(&bed).await.len();
    assert!((100..=300).contains(&waiting), "{waiting} are left to the background");
    assert_eq!(bed.call("POST", "sys/leases/renew", ROOT, json!({"lease_id": last})).await.0, 400);
    jobs::round(&bed.kernel).await.unwrap();
    assert!(left(&bed).await.is_empty() && bed.desk.out.lock().is_empty());
}

#[tokio::test]
async fn whoever_waits_finds_all_gone() {
    let bed = Bed::at_hand().await;
    for _ in 0..STEPS_OF_REQUEST + 100 {
        bed.call("POST", "lender/lend", ROOT, Value::Null).await;
    }
    assert!(revoke_prefix(&bed.kernel, "lender/", Way::Now).await.unwrap().is_none());
    assert!(left(&bed).await.is_empty() && bed.desk.out.lock().is_empty());
}
