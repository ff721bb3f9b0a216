use super::{Way, revoke_prefix};
use crate::jobs;
use crate::rows::{EXPIRY, IRREVOCABLE, LEASES, TOKEN_LEASES};
use crate::tests::bed::{Bed, ROOT, ident};
use futures_util::future::join;
use kw_store::Page;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

async fn lend(bed: &Bed, token: &str) -> (u16, Value) {
    bed.call("POST", "lender/lend", token, Value::Null).await
}

async fn leases(bed: &Bed) -> Vec<String> {
    bed.kernel.view(LEASES).names("lender/", Page::default()).await.unwrap()
}

/// The maker is at work while this runs, and goes on afterwards.
async fn meanwhile(bed: &Bed, token: &str, work: impl AsyncFnOnce()) -> (u16, Value) {
    bed.desk.places.forget_permits(usize::MAX);
    let maker = lend(bed, token);
    let other = async {
        while leases(bed).await.is_empty() {
            tokio::task::yield_now().await;
        }
        work().await;
        assert!(bed.desk.out.lock().is_empty());
        bed.desk.places.add_permits(1);
    };
    join(maker, other).await.0
}

async fn nothing_is_left(bed: &Bed) {
    assert!(bed.desk.out.lock().is_empty(), "a credential stays behind that no lease knows of");
    assert!(leases(bed).await.is_empty());
    assert!(bed.kernel.view(TOKEN_LEASES).names("", Page::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_credential_that_is_made_while_its_token_ends_is_taken_back() {
    for seed in 0..20 {
        let bed = Bed::new(seed).await;
        let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h"})).await;
        let made = meanwhile(&bed, &token, async || {
            assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": token})).await.0, 204);
        })
        .await;
        assert_eq!(made.0, 403);
        nothing_is_left(&bed).await;
    }
}

#[tokio::test]
async fn a_credential_that_is_made_while_its_prefix_is_revoked_is_taken_back() {
    let bed = Bed::new(1).await;
    let made = meanwhile(&bed, ROOT, async || {
        assert!(revoke_prefix(&bed.kernel, "lender/", Way::Force).await.unwrap().is_none());
        jobs::round(&bed.kernel).await.unwrap();
    })
    .await;
    assert_eq!(made.0, 403);
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn a_credential_whose_maker_died_is_taken_back_soon() {
    let bed = Bed::new(2).await;
    bed.desk.places.forget_permits(usize::MAX);
    {
        let maker = lend(&bed, ROOT);
        tokio::pin!(maker);
        while leases(&bed).await.is_empty() {
            assert!(futures_util::poll!(maker.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    bed.desk.out.lock().push(0);
    bed.advance(100);
    jobs::round(&bed.kernel).await.unwrap();
    assert_eq!(leases(&bed).await.len(), 1, "the maker may still be at work");
    bed.advance(30);
    jobs::round(&bed.kernel).await.unwrap();
    assert!(bed.desk.out.lock().is_empty());
    assert_eq!(leases(&bed).await.len(), 1, "the maker may have slept, and make it now");
    bed.desk.out.lock().push(0);
    bed.advance(130);
    jobs::round(&bed.kernel).await.unwrap();
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn a_maker_who_was_taken_for_dead_takes_back_what_he_makes() {
    for seconds in [130, 1000] {
        let bed = Bed::new(7).await;
        let made = meanwhile(&bed, ROOT, async || {
            for _ in 0..2 {
                bed.advance(seconds);
                jobs::round(&bed.kernel).await.unwrap();
            }
            assert!(leases(&bed).await.is_empty());
        })
        .await;
        assert_eq!(made.0, 403);
        nothing_is_left(&bed).await;
    }
}

#[tokio::test]
async fn a_revoked_lease_that_resists_cannot_be_renewed_and_ends_irrevocable() {
    let bed = Bed::new(3).await;
    let (_, made) = lend(&bed, ROOT).await;
    let id = json!({"lease_id": made["lease_id"]});
    bed.desk.is_broken.store(true, Ordering::SeqCst);
    let sync = json!({"lease_id": made["lease_id"], "sync": true});
    assert_eq!(bed.call("POST", "sys/leases/revoke", ROOT, sync).await.0, 503);
    assert_eq!(bed.call("POST", "sys/leases/renew", ROOT, id.clone()).await.0, 200, "nothing has changed");
    assert_eq!(bed.call("POST", "sys/leases/revoke", ROOT, id.clone()).await.0, 204);
    assert_eq!(bed.call("POST", "sys/leases/renew", ROOT, id.clone()).await.0, 400);
    for _ in 0..8 {
        bed.advance(3600);
        jobs::round(&bed.kernel).await.unwrap();
    }
    assert_eq!(bed.kernel.view(IRREVOCABLE).names("", Page::default()).await.unwrap().len(), 1);
    assert!(bed.kernel.view(EXPIRY).names("", Page::default()).await.unwrap().is_empty());
    bed.desk.is_broken.store(false, Ordering::SeqCst);
    assert_eq!(bed.call("POST", "sys/leases/revoke", ROOT, id).await.0, 204);
    assert!(bed.kernel.view(IRREVOCABLE).names("", Page::default()).await.unwrap().is_empty());
    nothing_is_left(&bed).await;
}

#[tokio::test]
async fn a_prefix_ends_what_is_below_it_and_nothing_beside() {
    let bed = Bed::new(4).await;
    let below = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h"})).await;
    let (_, loan) = lend(&bed, &below).await;
    assert_eq!(loan["lease_duration"], 600);
    let (_, beside) = bed.call("POST", "auth/token/create-orphan", ROOT, json!({})).await;
    let beside = beside["auth"]["client_token"].as_str().unwrap();
    bed.desk.is_broken.store(true, Ordering::SeqCst);
    assert!(revoke_prefix(&bed.kernel, "lender", Way::Now).await.unwrap().is_some());
    assert_eq!(leases(&bed).await.len(), 1);
    assert!(revoke_prefix(&bed.kernel, "lender", Way::Force).await.unwrap().is_none());
    assert!(leases(&bed).await.is_empty());
    let id = format!("auth/token/create/{}", ident(&below));
    assert!(revoke_prefix(&bed.kernel, &id, Way::Now).await.unwrap().is_none());
    assert!(!bed.lives(&below).await && bed.lives(beside).await);
    assert!(revoke_prefix(&bed.kernel, "auth/token/create-orphan/", Way::Now).await.unwrap().is_none());
    assert!(!bed.lives(beside).await && bed.lives(ROOT).await);
}

#[tokio::test]
async fn a_renewal_stays_within_the_leases_bounds() {
    let bed = Bed::new(5).await;
    let (_, made) = lend(&bed, ROOT).await;
    let renew = async |increment: u64| {
        let body = json!({"lease_id": made["lease_id"], "increment": increment});
        bed.call("POST", "sys/leases/renew", ROOT, body).await.1["lease_duration"].clone()
    };
    assert_eq!(renew(60).await, 60);
    assert_eq!(renew(0).await, 600);
    bed.advance(500);
    assert_eq!(renew(36_000).await, 3100);
}

#[tokio::test]
async fn a_batch_tokens_lease_ends_with_its_parent() {
    let bed = Bed::new(6).await;
    let policy = json!({"policy": "path \"lender/*\" { capabilities = [\"update\"] }"});
    assert_eq!(bed.call("POST", "sys/policies/acl/lend", ROOT, policy).await.0, 204);
    let parent = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h"})).await;
    let batch = bed.token(&parent, json!({"policies": ["lend"], "type": "batch", "ttl": "100s"})).await;
    let (status, made) = lend(&bed, &batch).await;
    assert_eq!((status, &made["lease_duration"]), (200, &json!(100)));
    assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": parent})).await.0, 204);
    nothing_is_left(&bed).await;
}
