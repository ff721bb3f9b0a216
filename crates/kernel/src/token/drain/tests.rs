use super::{Clearing, count_revoking};
use crate::jobs;
use crate::rows::{CHILDREN, EXPIRY, LEASES, REVOKING, TOKENS};
use crate::tests::bed::{Bed, ROOT, ident};
use futures_util::future::{join, join_all};
use kw_store::Page;
use serde_json::{Value, json};

fn child() -> Value {
    json!({"policies": ["root"], "ttl": "1h"})
}

/// A root, some children, and some of theirs.
async fn tree(bed: &Bed, branches: usize, leaves: usize) -> (String, Vec<String>) {
    let top = bed.token(ROOT, child()).await;
    let mut all = Vec::new();
    for _ in 0..branches {
        let branch = bed.token(&top, child()).await;
        for _ in 0..leaves {
            all.push(bed.token(&branch, child()).await);
        }
        all.push(branch);
    }
    (top, all)
}

async fn count(bed: &Bed, prefix: &str) -> usize {
    bed.kernel.view(prefix).names("", Page::default()).await.unwrap().len()
}

async fn only_root_is_left(bed: &Bed, seed: u64) {
    for (prefix, left) in [(TOKENS, 1), (LEASES, 1), (CHILDREN, 0), (EXPIRY, 0), (REVOKING, 0)] {
        assert_eq!(count(bed, prefix).await, left, "{prefix}, seed {seed}");
    }
}

#[tokio::test]
async fn a_large_tree_is_dead_at_once_and_goes_step_by_step_in_few_commits() {
    let bed = Bed::at_hand().await;
    let (top, all) = tree(&bed, 6, 200).await;
    assert_eq!(bed.call("POST", "lender/lend", &all[500], Value::Null).await.0, 200);
    let entry = bed.kernel.view(TOKENS).get(ident(&top)).await.unwrap().unwrap();
    let ended = bed.kernel.transact(async |txn| {
        super::revoke_entry(txn, &entry);
        Ok(())
    });
    ended.await.unwrap();
    for token in all.iter().step_by(50) {
        assert!(!bed.lives(token).await);
    }
    let (before, mut clearing, mut rounds, mut most) = (bed.revision(), Clearing::default(), 0, 0);
    while !clearing.go_on(&bed.kernel, 200).await.unwrap() && count_revoking(&bed.kernel).await.unwrap() > 0 {
        most = most.max(count_revoking(&bed.kernel).await.unwrap());
        rounds += 1;
        assert!(rounds < 50);
    }
    assert!(rounds >= 5, "one round did it all");
    assert!(most >= 100, "the queue shows what is left: {most}");
    assert!(bed.revision() - before < 150, "{} commits for 1207 tokens", bed.revision() - before);
    jobs::round(&bed.kernel).await.unwrap();
    only_root_is_left(&bed, 0).await;
    assert!(bed.desk.out.lock().is_empty());
}

#[tokio::test]
async fn what_the_jobs_find_of_leases_is_left_to_the_expiry_job() {
    let bed = Bed::new(3).await;
    let (top, all) = tree(&bed, 2, 2).await;
    let (_, made) = bed.call("POST", "lender/lend", &all[0], Value::Null).await;
    *bed.desk.silent.lock() = "lender/".to_owned();
    let entry = bed.kernel.view(TOKENS).get(ident(&top)).await.unwrap().unwrap();
    let ended = bed.kernel.transact(async |txn| {
        super::revoke_entry(txn, &entry);
        Ok(())
    });
    ended.await.unwrap();
    assert!(super::drain_revoking(&bed.kernel, 1000).await.unwrap(), "the queue waited for a peer");
    let id = json!({"lease_id": made["lease_id"]});
    assert_eq!(bed.call("POST", "sys/leases/renew", ROOT, id).await.0, 400);
    bed.desk.silent.lock().clear();
    jobs::round(&bed.kernel).await.unwrap();
    assert!(bed.desk.out.lock().is_empty());
    only_root_is_left(&bed, 3).await;
}

/// Several nodes make children, of the root and of its descendants, while it is revoked on one of them; a few of them work the
/// queue off at the same time.
#[tokio::test]
async fn no_child_survives_whatever_node_it_is_made_on() {
    for seed in 0..25 {
        let bed = Bed::new(seed).await;
        let nodes = [bed.beside(seed + 1).await, bed.beside(seed + 2).await];
        let (top, all) = tree(&bed, 2, 2).await;
        let makers = nodes.iter().chain([&bed]).flat_map(|node| {
            all.iter().chain([&top]).map(move |by| async move {
                let mut made = Vec::new();
                for _ in 0..3 {
                    let (status, answer) = node.call("POST", "auth/token/create", by, child()).await;
                    if status != 200 {
                        break;
                    }
                    made.push(answer["auth"]["client_token"].as_str().unwrap().to_owned());
                }
                made
            })
        });
        let revoke = async {
            for _ in 0..seed * 20 {
                tokio::task::yield_now().await;
            }
            assert_eq!(nodes[0].call("POST", "auth/token/revoke", ROOT, json!({"token": top})).await.0, 204);
            // From here on all are refused, on every node.
            for node in nodes.iter().chain([&bed]) {
                for token in &all {
                    assert!(!node.lives(token).await, "seed {seed}");
                }
            }
        };
        let jobs_of = |node| async move {
            for _ in 0..4 {
                jobs::round(node).await.unwrap();
            }
        };
        let jobs = join(jobs_of(&nodes[1].kernel), jobs_of(&bed.kernel));
        let (made, _) = join(join_all(makers), join(revoke, jobs)).await;
        for token in made.iter().flatten() {
            assert!(!bed.lives(token).await, "seed {seed}");
        }
        for _ in 0..2 {
            jobs::round(&bed.kernel).await.unwrap();
        }
        only_root_is_left(&bed, seed).await;
    }
}
