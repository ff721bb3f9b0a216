use super::role::matches;
use super::{TokenEntry, drain_revoking, revoke_entry, revoke_orphan};
use crate::jobs;
use crate::rows::{CHILDREN, EXPIRY, LEASES, REVOKING, TOKENS};
use crate::tests::bed::{Bed, ROOT, ident};
use futures_util::future::{join, join_all};
use kw_store::Page;
use serde_json::{Value, json};

/// The seeds of the races: each is another order of events.
const SEEDS: std::ops::Range<u64> = 0..40;

fn child_of_root() -> Value {
    json!({"policies": ["root"], "ttl": "1h"})
}

#[tokio::test]
async fn a_token_with_n_uses_is_good_for_n_requests() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h", "num_uses": 5})).await;
        let tries = join_all((0..20).map(|_| bed.lives(&token))).await;
        assert_eq!(tries.iter().filter(|lived| **lived).count(), 5, "seed {seed}");
        assert!(!bed.kernel.view(TOKENS).exists(ident(&token)).await.unwrap());
    }
}

#[tokio::test]
async fn the_last_use_is_shown_as_such() {
    let bed = Bed::new(1).await;
    let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "1h", "num_uses": 2})).await;
    for uses in [1, -1] {
        let (_, shown) = bed.call("GET", "auth/token/lookup-self", &token, Value::Null).await;
        assert_eq!(shown["data"]["num_uses"], uses);
    }
    assert!(!bed.lives(&token).await);
}

#[tokio::test]
async fn no_child_survives_its_parent_whoever_is_first() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let parent = bed.token(ROOT, child_of_root()).await;
        let makers = join_all((0..8).map(|_| bed.call("POST", "auth/token/create", &parent, child_of_root())));
        let (made, (status, _)) =
            join(makers, bed.call("POST", "auth/token/revoke", ROOT, json!({"token": parent}))).await;
        assert_eq!(status, 204);
        for (_, answer) in made.iter().filter(|(status, _)| *status == 200) {
            let child = answer["auth"]["client_token"].as_str().unwrap();
            assert!(!bed.lives(child).await, "seed {seed}");
        }
        jobs::round(&bed.kernel).await.unwrap();
        let left = bed.kernel.view(TOKENS).names("", Page::default()).await.unwrap();
        assert_eq!(left.len(), 1, "only root is left; seed {seed}");
        for prefix in [CHILDREN, EXPIRY, REVOKING] {
            let left = bed.kernel.view(prefix).names("", Page::default()).await.unwrap();
            assert!(left.is_empty(), "{prefix}: {left:?}; seed {seed}");
        }
        assert_eq!(bed.kernel.view(LEASES).names("", Page::default()).await.unwrap().len(), 1);
    }
}

/// A line of tokens, each the child of the one before.
async fn line(bed: &Bed, len: usize) -> Vec<String> {
    let mut line = vec![bed.token(ROOT, child_of_root()).await];
    while line.len() < len {
        let next = bed.token(&line[line.len() - 1], child_of_root()).await;
        line.push(next);
    }
    line
}

async fn entry(bed: &Bed, token: &str) -> Option<TokenEntry> {
    bed.kernel.view(TOKENS).get(ident(token)).await.unwrap()
}

#[tokio::test]
async fn a_descendant_is_refused_before_the_queue_comes_to_it() {
    let bed = Bed::new(2).await;
    let line = line(&bed, 6).await;
    for token in &line {
        assert!(bed.lives(token).await);
    }
    let batch = bed.token(&line[5], json!({"policies": ["default"], "type": "batch"})).await;
    assert!(bed.lives(&batch).await);
    let first = entry(&bed, &line[0]).await.unwrap();
    let ended = bed.kernel.transact(async |txn| {
        revoke_entry(txn, &first);
        Ok(())
    });
    ended.await.unwrap();
    assert!(entry(&bed, &line[5]).await.is_some(), "nobody has worked the queue off yet");
    for token in line.iter().chain([&batch]) {
        assert!(!bed.lives(token).await);
    }
    let (status, _) = bed.call("POST", "auth/token/lookup", ROOT, json!({"token": line[3]})).await;
    assert_eq!(status, 403);
    assert!(drain_revoking(&bed.kernel, 100).await.unwrap());
    assert!(entry(&bed, &line[5]).await.is_none());
}

#[tokio::test]
async fn a_descendant_is_refused_when_an_ancestors_time_is_up() {
    let bed = Bed::new(3).await;
    let short = bed.token(ROOT, json!({"policies": ["root"], "ttl": "10s"})).await;
    let child = bed.token(&short, child_of_root()).await;
    assert!(bed.lives(&child).await);
    bed.advance(11);
    assert!(!bed.lives(&child).await);
}

#[tokio::test]
async fn a_line_of_tokens_has_an_end() {
    let bed = Bed::new(4).await;
    let line = line(&bed, usize::try_from(super::line::GENERATIONS_MAX).unwrap()).await;
    let last = line.last().unwrap();
    assert!(bed.lives(last).await);
    assert_eq!(bed.call("POST", "auth/token/create", last, child_of_root()).await.0, 400);
    assert_eq!(bed.call("POST", "auth/token/create-orphan", last, child_of_root()).await.0, 200);
}

#[tokio::test]
async fn revoke_orphan_ends_one_and_keeps_all_below() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let line = line(&bed, 4).await;
        assert!(bed.lives(&line[3]).await);
        let makers = join_all((0..6).map(|_| bed.call("POST", "auth/token/create", &line[1], child_of_root())));
        let watchers = join_all((0..6).map(|_| bed.lives(&line[3])));
        let ending = revoke_orphan(&bed.kernel, ident(&line[1]));
        let (made, (seen, ended)) = join(makers, join(watchers, ending)).await;
        assert!(ended.unwrap());
        assert!(seen.iter().all(|lived| *lived), "the grandchild was refused on the way; seed {seed}");
        assert!(!bed.lives(&line[1]).await && bed.lives(&line[2]).await && bed.lives(&line[3]).await);
        assert!(entry(&bed, &line[2]).await.unwrap().parent.is_none());
        for (_, answer) in made.iter().filter(|(status, _)| *status == 200) {
            assert!(bed.lives(answer["auth"]["client_token"].as_str().unwrap()).await, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_being_orphaned_from_is_dead_and_its_children_are_not() {
    let bed = Bed::new(5).await;
    let line = line(&bed, 3).await;
    let mut middle = entry(&bed, &line[1]).await.unwrap();
    middle.is_spent = true;
    bed.kernel.transact(async |txn| txn.rescoped(TOKENS).put(ident(&line[1]), &middle)).await.unwrap();
    assert!(!bed.lives(&line[1]).await);
    // Being asked while it is spent must not end it: that is for the one who spent it.
    assert!(entry(&bed, &line[1]).await.is_some());
    assert!(bed.lives(&line[2]).await);
}

#[tokio::test]
async fn a_child_gets_no_more_than_its_parent_has() {
    let bed = Bed::new(6).await;
    let policy = json!({"policy": "path \"auth/token/*\" { capabilities = [\"create\", \"update\"] }"});
    assert_eq!(bed.call("POST", "sys/policies/acl/maker", ROOT, policy).await.0, 204);
    let maker = bed.token(ROOT, json!({"policies": ["maker"], "ttl": "1h"})).await;
    let refused = [
        json!({"policies": ["root"]}),
        json!({"policies": [" ROOT "]}),
        json!({"policies": ["other"]}),
        json!({"policies": ["response-wrapping"]}),
        json!({"no_parent": true}),
        json!({"period": "1h"}),
        json!({"id": "mine"}),
        json!({"entity_alias": "ann"}),
    ];
    for body in refused {
        assert_eq!(bed.call("POST", "auth/token/create", &maker, body.clone()).await.0, 400, "{body}");
    }
    let (_, made) = bed.call("POST", "auth/token/create", &maker, json!({"policies": ["maker"]})).await;
    assert_eq!(made["auth"]["policies"], json!(["default", "maker"]));
    // Sudo on the path lets give what one does not have, but not root.
    let policy = json!({"policy": "path \"auth/token/create\" { capabilities = [\"update\", \"sudo\"] }"});
    assert_eq!(bed.call("POST", "sys/policies/acl/maker", ROOT, policy).await.0, 204);
    assert_eq!(bed.call("POST", "auth/token/create", &maker, json!({"policies": ["other"]})).await.0, 200);
    assert_eq!(bed.call("POST", "auth/token/create", &maker, json!({"policies": ["root"]})).await.0, 400);
}

#[tokio::test]
async fn a_roles_bound_holds_for_renewals_though_it_is_not_shown() {
    let bed = Bed::new(7).await;
    let role = json!({"token_explicit_max_ttl": "1h", "orphan": true});
    assert_eq!(bed.call("POST", "auth/token/roles/r", ROOT, role).await.0, 204);
    let (_, made) = bed.call("POST", "auth/token/create/r", ROOT, json!({"policies": ["root"], "ttl": "30m"})).await;
    let token = made["auth"]["client_token"].as_str().unwrap();
    bed.advance(1200);
    let (_, renewed) = bed.call("POST", "auth/token/renew-self", token, json!({"increment": "5h"})).await;
    assert_eq!(renewed["auth"]["lease_duration"], 2400);
    assert_eq!(bed.call("DELETE", "auth/token/roles/r", ROOT, Value::Null).await.0, 204);
    assert_eq!(bed.call("POST", "auth/token/renew-self", token, json!({})).await.0, 400);
}

#[test]
fn globs_match_as_vaults_do() {
    for (glob, text, fits) in [
        ("*", "anything", true),
        ("a*", "abc", true),
        ("a*", "ba", false),
        ("*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "ab", false),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "a1c", false),
        ("ab*ba", "aba", false),
        ("abc", "abc", true),
        ("abc", "abcd", false),
    ] {
        assert_eq!(matches(glob, text), fits, "{glob} {text}");
    }
}

#[tokio::test]
async fn a_token_that_has_expired_by_this_nodes_clock_alone_is_revoked_all_the_same() {
    for by_accessor in [false, true] {
        let bed = Bed::new(1).await;
        let (_, made) = bed.call("POST", "auth/token/create", ROOT, json!({"ttl": "60s"})).await;
        let (text, accessor) = (made["auth"]["client_token"].clone(), made["auth"]["accessor"].clone());
        bed.advance(100);
        let (path, body) = match by_accessor {
            true => ("auth/token/revoke-accessor", json!({"accessor": accessor})),
            false => ("auth/token/revoke", json!({"token": text})),
        };
        assert_eq!(bed.call("POST", path, ROOT, body).await.0, 204);
        bed.turn_back(100);
        assert!(!bed.lives(text.as_str().unwrap()).await, "a node whose clock is behind would take it");
    }
}

/// It cannot be ended, so nobody is told that it was, also where its time is up by a clock that is ahead of others.
#[tokio::test]
async fn a_batch_token_is_not_revoked_by_its_time_being_up_here() {
    let bed = Bed::new(1).await;
    let token = bed.token(ROOT, json!({"type": "batch", "ttl": "10s", "policies": ["default"]})).await;
    bed.advance(20);
    assert!(!bed.lives(&token).await);
    assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": token})).await.0, 400);
    bed.turn_back(20);
    assert!(bed.lives(&token).await);
    assert_eq!(bed.call("POST", "auth/token/revoke", ROOT, json!({"token": "b.nothing"})).await.0, 204);
}
