use super::take_use;
use crate::jobs;
use crate::rows::{EXPIRY, REVOKING, TOKENS};
use crate::tests::bed::{Bed, ROOT, ident};
use crate::token::TokenEntry;
use kw_store::{Page, Txn};
use serde_json::{Value, json};

/// A token that has lent something, and whose last use was spent by a request that never came to its end.
async fn left_behind(bed: &Bed) -> String {
    let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "20h", "num_uses": 2})).await;
    assert_eq!(bed.call("POST", "lender/lend", &token, Value::Null).await.0, 200);
    bed.kernel.transact(async |txn| take_use(txn, ident(&token), bed.kernel.now()).await).await.unwrap();
    assert!(!bed.lives(&token).await);
    assert_eq!(bed.desk.out.lock().len(), 1);
    token
}

async fn nothing_is_left(bed: &Bed) {
    assert!(bed.desk.out.lock().is_empty());
    assert_eq!(bed.kernel.view(TOKENS).names("", Page::default()).await.unwrap().len(), 1, "root alone");
    assert!(bed.kernel.view(EXPIRY).names("", Page::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_its_last_request_has_left_behind_can_be_revoked() {
    let bed = Bed::new(1).await;
    let token = left_behind(&bed).await;
    assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": token})).await.0, 204);
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn its_time_is_up_when_the_last_request_must_be_done() {
    let bed = Bed::new(2).await;
    left_behind(&bed).await;
    jobs::round(&bed.kernel).await.unwrap();
    assert_eq!(bed.desk.out.lock().len(), 1, "the request may still be at it");
    bed.advance(121);
    for _ in 0..2 {
        jobs::round(&bed.kernel).await.unwrap();
    }
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn the_request_with_the_last_use_sees_the_time_that_the_token_had() {
    let bed = Bed::new(3).await;
    let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "20h", "num_uses": 1})).await;
    let (_, shown) = bed.call("GET", "auth/token/lookup-self", &token, Value::Null).await;
    assert_eq!(shown["data"]["ttl"], 20 * 3600);
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn children_that_are_to_live_on_do_so_when_their_parent_is_revoked_meanwhile() {
    let bed = Bed::new(4).await;
    let parent = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h"})).await;
    let child = bed.token(&parent, json!({"policies": ["root"], "ttl": "1h"})).await;
    // It was revoked without its children, and the node died before they were cut loose.
    let mut going: TokenEntry = bed.kernel.view(TOKENS).get(ident(&parent)).await.unwrap().unwrap();
    going.is_spent = true;
    let mark = async |txn: Txn<'_>| {
        txn.rescoped(REVOKING).put_bytes(ident(&parent), "keeps children");
        txn.rescoped(TOKENS).put(ident(&parent), &going)
    };
    bed.kernel.transact(mark).await.unwrap();
    assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": parent})).await.0, 204);
    assert!(bed.lives(&child).await);
    assert!(!bed.lives(&parent).await);
}
