use crate::jobs;
use crate::lease::{LeaseRow, Walk, end_soon, expire_tokens, get, revoke_due};
use crate::rows::{EXPIRY, LEASES, TOKENS, expiry};
use crate::tests::bed::{Bed, ROOT, ident};
use crate::token::TokenEntry;
use futures_util::future::{join, select};
use kw_store::Page;
use serde_json::{Value, json};
use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

async fn names(bed: &Bed, prefix: &str) -> Vec<String> {
    bed.kernel.view(prefix).names("", Page::default()).await.unwrap()
}

/// What expires has its row in the index, and each row of the index has what it is of.
async fn the_index_is_right(bed: &Bed, seed: u64) {
    let mut wanted = Vec::new();
    for name in names(bed, TOKENS).await {
        let entry: TokenEntry = bed.kernel.view(TOKENS).get(&name).await.unwrap().unwrap();
        wanted.extend(entry.expires.map(|end| expiry(end, 't', &name)));
    }
    for name in names(bed, LEASES).await {
        if let Some(row) = get(bed.kernel.view(""), &name).await.unwrap() {
            wanted.push(expiry(row.expires, 'l', &name));
        }
    }
    wanted.sort();
    assert_eq!(names(bed, EXPIRY).await, wanted, "seed {seed}");
}

async fn lend(bed: &Bed, path: &str) -> String {
    let (status, made) = bed.call("POST", &format!("{path}lend"), ROOT, Value::Null).await;
    assert_eq!(status, 200, "{made}");
    made["lease_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_forgotten_when_the_clock_jumps_back_meanwhile() {
    let mut ended = 0;
    for seed in 0..60 {
        let bed = Bed::new(seed).await;
        for _ in 0..3 {
            bed.token(ROOT, json!({"ttl": "600s"})).await;
            lend(&bed, "lender/").await;
        }
        bed.advance(700);
        let jump = async {
            for _ in 0..seed * 7 {
                tokio::task::yield_now().await;
            }
            bed.turn_back(700);
        };
        join(jump, async { jobs::round(&bed.kernel).await.unwrap() }).await;
        the_index_is_right(&bed, seed).await;
        ended += 4 - names(&bed, TOKENS).await.len();
        bed.advance(700);
        jobs::round(&bed.kernel).await.unwrap();
        assert_eq!(names(&bed, TOKENS).await.len(), 1, "only root is left; seed {seed}");
        assert!(bed.desk.out.lock().is_empty(), "seed {seed}");
        assert!(names(&bed, EXPIRY).await.is_empty(), "seed {seed}");
    }
    assert!((1..180).contains(&ended), "the jump was always too early or too late: {ended}");
}

#[tokio::test]
async fn a_renewal_meanwhile_is_not_undone() {
    for seed in 0..40 {
        let bed = Bed::new(seed).await;
        let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "60s"})).await;
        bed.advance(59);
        let renew = bed.call("POST", "auth/token/renew-self", &token, json!({"increment": "1h"}));
        let late = async {
            bed.advance(2);
            jobs::round(&bed.kernel).await.unwrap();
        };
        let ((status, _), ()) = join(renew, late).await;
        assert_eq!(status == 200, bed.lives(&token).await, "seed {seed}");
        the_index_is_right(&bed, seed).await;
    }
}

#[tokio::test]
async fn strays_go_and_what_they_hid_comes_back() {
    let bed = Bed::new(1).await;
    let token = bed.token(ROOT, json!({"ttl": "1h"})).await;
    let lease = lend(&bed, "lender/").await;
    let row: LeaseRow = get(bed.kernel.view(""), &lease).await.unwrap().unwrap();
    let early = bed.kernel.now();
    let done = bed.kernel.transact(async |txn| {
        let index = txn.rescoped(EXPIRY);
        for (kind, id) in [('t', ident(&token)), ('t', "nobody"), ('l', lease.as_str()), ('l', "no/such/lease")] {
            index.put_bytes(&expiry(early, kind, id), "");
        }
        index.delete(&expiry(row.expires, 'l', &lease));
        Ok(())
    });
    done.await.unwrap();
    bed.advance(1);
    jobs::round(&bed.kernel).await.unwrap();
    the_index_is_right(&bed, 1).await;
    assert!(bed.lives(&token).await && get(bed.kernel.view(""), &lease).await.unwrap().is_some());
}

#[tokio::test]
async fn many_ends_are_few_commits_and_requests_go_on_between_them() {
    let bed = Bed::at_hand().await;
    for _ in 0..300 {
        bed.token(ROOT, json!({"ttl": "60s"})).await;
    }
    bed.advance(61);
    let before = bed.revision();
    let turns = Cell::new(0);
    let requests = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    let mut walk = Walk::default();
    select(pin!(requests), pin!(async { expire_tokens(&bed.kernel, &mut walk, 1000).await.unwrap() })).await;
    assert_eq!(names(&bed, TOKENS).await.len(), 1);
    assert!(bed.revision() - before <= 10, "{} commits", bed.revision() - before);
    assert!(turns.get() >= 300 / 10, "requests had {} turns", turns.get());
}

#[tokio::test]
async fn a_round_ends_no_more_than_it_was_asked_for_and_the_next_goes_on() {
    let bed = Bed::at_hand().await;
    for _ in 0..400 {
        bed.token(ROOT, json!({"ttl": "60s"})).await;
    }
    bed.advance(61);
    let mut walk = Walk::default();
    expire_tokens(&bed.kernel, &mut walk, 100).await.unwrap();
    let left = names(&bed, TOKENS).await.len();
    assert!((200..=301).contains(&left), "{left}");
    while names(&bed, TOKENS).await.len() > 1 {
        let left = names(&bed, TOKENS).await.len();
        expire_tokens(&bed.kernel, &mut walk, 100).await.unwrap();
        assert!(names(&bed, TOKENS).await.len() < left);
    }
}

#[tokio::test]
async fn what_another_node_puts_behind_the_walk_is_found() {
    let bed = Bed::at_hand().await;
    bed.token(ROOT, json!({"ttl": "60s"})).await;
    bed.advance(100);
    let mut walk = Walk::default();
    expire_tokens(&bed.kernel, &mut walk, 100).await.unwrap();
    assert_eq!(names(&bed, TOKENS).await.len(), 1);
    // That node's clock is 90 seconds behind.
    bed.turn_back(90);
    bed.token(ROOT, json!({"ttl": "10s"})).await;
    bed.advance(90);
    expire_tokens(&bed.kernel, &mut walk, 100).await.unwrap();
    bed.advance(301);
    expire_tokens(&bed.kernel, &mut walk, 100).await.unwrap();
    assert_eq!(names(&bed, TOKENS).await.len(), 1);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_holds_up_its_own_mount_alone() {
    let bed = Bed::at_hand().await;
    let silent = json!({"type": "lender"});
    assert_eq!(bed.call("POST", "sys/mounts/a-silent", ROOT, silent).await.0, 204);
    for _ in 0..400 {
        lend(&bed, "a-silent/").await;
    }
    bed.advance(1);
    for _ in 0..100 {
        lend(&bed, "lender/").await;
    }
    let token = bed.token(ROOT, json!({"ttl": "60s"})).await;
    *bed.desk.silent.lock() = "a-silent/".to_owned();
    bed.advance(700);
    let others_are_done = async {
        while !names_below(&bed, "lender/").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (mut walk, mut other) = (Walk::default(), Walk::default());
    {
        let revoking = pin!(revoke_due(&bed.kernel, &mut walk, 4096));
        let others = pin!(others_are_done);
        let either = select(others, revoking);
        assert!(tokio::time::timeout(Duration::from_secs(30), either).await.is_ok(), "the other mount's leases wait");
    }
    expire_tokens(&bed.kernel, &mut other, 100).await.unwrap();
    assert!(!bed.kernel.view(TOKENS).exists(ident(&token)).await.unwrap());
    assert_eq!(names_below(&bed, "a-silent/").await.len(), 400);
    bed.desk.silent.lock().clear();
    revoke_due(&bed.kernel, &mut Walk::default(), 4096).await.unwrap();
    assert!(bed.desk.out.lock().is_empty());
    the_index_is_right(&bed, 0).await;
}

async fn names_below(bed: &Bed, folder: &str) -> Vec<String> {
    bed.kernel.view(LEASES).names(folder, Page::default()).await.unwrap()
}

#[tokio::test]
async fn several_nodes_end_the_same_once() {
    for seed in 0..10 {
        let bed = Bed::new(seed).await;
        let beside = bed.beside(seed + 1000).await;
        for _ in 0..10 {
            bed.token(ROOT, json!({"ttl": "600s"})).await;
            lend(&bed, "lender/").await;
        }
        bed.advance(700);
        let done = join(jobs::round(&bed.kernel), jobs::round(&beside.kernel)).await;
        assert!(done.0.is_ok() && done.1.is_ok());
        the_index_is_right(&bed, seed).await;
        assert!(bed.desk.out.lock().is_empty() && names(&bed, TOKENS).await.len() == 1);
    }
}

/// A request has ended it on a node whose clock is behind; the node that takes credentials back has passed that moment.
#[tokio::test]
async fn what_a_slow_clock_ends_is_taken_back_at_once() {
    let bed = Bed::new(1).await;
    let mut walk = Walk::default();
    lend(&bed, "lender/").await;
    bed.advance(700);
    let id = lend(&bed, "lender/").await;
    revoke_due(&bed.kernel, &mut walk, usize::MAX).await.unwrap();
    assert_eq!(bed.desk.out.lock().len(), 1, "the time of the second is not up");
    bed.turn_back(150);
    bed.kernel.transact(async |txn| end_soon(&bed.kernel, txn, std::slice::from_ref(&id)).await).await.unwrap();
    bed.advance(150);
    revoke_due(&bed.kernel, &mut walk, usize::MAX).await.unwrap();
    assert!(bed.desk.out.lock().is_empty());
    the_index_is_right(&bed, 1).await;
}
