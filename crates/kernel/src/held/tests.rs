use super::Held;
use crate::jobs;
use crate::tests::bed::{Bed, ROOT};
use kw_store::{Batch, Write};
use serde_json::{Value, json};

async fn lend(bed: &Bed, token: &str) -> String {
    let (status, made) = bed.call("POST", "lender/lend", token, Value::Null).await;
    assert_eq!(status, 200, "{made}");
    made["lease_id"].as_str().unwrap().to_owned()
}

/// As a restore leaves it.
async fn hold(bed: &Bed) {
    let (key, value) = Held::row(bed.kernel.now()).unwrap();
    let writes = vec![Write { key, value: Some(value) }];
    bed.kernel.store.commit(Batch { writes, ..Batch::default() }).await.unwrap();
}

async fn held(bed: &Bed) -> (bool, u64) {
    let (status, answer) = bed.call("GET", "sys/leases/held", ROOT, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    (answer["data"]["held"].as_bool().unwrap(), answer["data"]["waiting"].as_u64().unwrap())
}

async fn seal_status_tells(bed: &Bed) -> bool {
    bed.call("GET", "sys/seal-status", "", Value::Null).await.1["revocations_held"] == json!(true)
}

fn out(bed: &Bed) -> Vec<u64> {
    bed.desk.out.lock().clone()
}

async fn rounds(bed: &Bed) {
    for _ in 0..3 {
        jobs::round(&bed.kernel).await.unwrap();
        bed.advance(130);
    }
    jobs::round(&bed.kernel).await.unwrap();
}

#[tokio::test]
async fn a_copy_takes_nothing_back_until_it_is_released() {
    let bed = Bed::new(1).await;
    let token = bed.token(ROOT, json!({"policies": ["root"], "ttl": "5m"})).await;
    // One whose time comes, one whose token ends, one that is asked back.
    lend(&bed, ROOT).await;
    lend(&bed, &token).await;
    let asked = lend(&bed, ROOT).await;
    hold(&bed).await;
    assert_eq!(held(&bed).await, (true, 0));
    assert!(seal_status_tells(&bed).await);
    bed.advance(1);
    // What the copy itself gives out is its own.
    let own = lend(&bed, ROOT).await;
    assert_eq!(bed.call("POST", "sys/leases/revoke", ROOT, json!({"lease_id": own, "sync": true})).await.0, 204);
    assert_eq!(out(&bed).len(), 3);
    let sync = json!({"lease_id": asked, "sync": true});
    assert_eq!(bed.call("POST", "sys/leases/revoke", ROOT, sync).await.0, 503);
    assert_eq!(bed.call("POST", "sys/leases/renew", ROOT, json!({"lease_id": asked})).await.0, 400);
    bed.advance(400);
    rounds(&bed).await;
    assert!(!bed.lives(&token).await, "tokens expire as ever");
    bed.advance(600);
    rounds(&bed).await;
    assert_eq!((out(&bed).len(), held(&bed).await), (3, (true, 3)));

    assert_eq!(bed.call("POST", "sys/leases/release", ROOT, Value::Null).await.0, 204);
    rounds(&bed).await;
    assert_eq!((out(&bed).len(), held(&bed).await), (0, (false, 0)));
    assert!(!seal_status_tells(&bed).await);
    let (status, again) = bed.call("POST", "sys/leases/release", ROOT, Value::Null).await;
    assert_eq!((status, again["warnings"][0].as_str()), (200, Some("nothing was held")));
}

#[tokio::test]
async fn releasing_wants_sudo_and_a_prefix_is_held_too() {
    let bed = Bed::new(2).await;
    lend(&bed, ROOT).await;
    hold(&bed).await;
    assert_eq!(bed.call("POST", "sys/leases/revoke-prefix/lender", ROOT, Value::Null).await.0, 204);
    assert_eq!(bed.call("POST", "sys/leases/revoke-force/lender", ROOT, Value::Null).await.0, 204);
    assert_eq!((out(&bed).len(), held(&bed).await), (1, (true, 1)));
    let token = bed.token(ROOT, json!({"policies": ["default"], "ttl": "5m"})).await;
    assert_eq!(bed.call("POST", "sys/leases/release", &token, Value::Null).await.0, 403);
    assert_eq!(bed.call("POST", "sys/leases/release", ROOT, Value::Null).await.0, 204);
    rounds(&bed).await;
    assert!(out(&bed).is_empty());
}
