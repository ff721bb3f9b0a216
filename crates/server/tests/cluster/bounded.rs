//! `consistency = "bounded"`: a read may be a second old, and then need not ask the store.
use crate::nodes::Node;
use crate::proxy::Line;
use crate::support::Caller;
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What is read may be this old.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

const PATH: &str = "secret/data/bounded";

/// Two nodes: the first writes, the second reads.
pub fn run(nodes: &[Node]) {
    let [writer, reader] = nodes else { panic!("two nodes") };
    writer.start();
    let root = writer.found();
    let write = Caller::new(&writer.address().unwrap()).token(&root);
    write.post("sys/mounts/secret", json!({"type": "kv", "options": {"version": "2"}})).ok();
    write.post(PATH, json!({"data": {"count": 0}})).ok();
    reader.start();
    until("the second node opens", || reader.is_healthy());
    let read = Caller::new(&reader.address().unwrap()).token(&root);
    for count in 1..=10 {
        write.post(PATH, json!({"data": {"count": count}})).ok();
        let acknowledged = Instant::now();
        until("the write is read", || {
            let asked = acknowledged.elapsed();
            let is_new = count_of(&read) == Some(count);
            assert!(is_new || asked <= AGE_MAX, "a read that began {asked:?} after the write was acknowledged");
            is_new
        });
    }
    serves_without_the_store(reader, &read);
}

/// For a moment; then it refuses, until the store is there again.
fn serves_without_the_store(reader: &Node, read: &Caller) {
    let mut was_served = false;
    // A machine that is slow may need more than a second for the first try.
    for _ in 0..20 {
        until("it serves", || count_of(read).is_some());
        reader.proxy.set(Line::Cut);
        // The line is cut by then.
        sleep(AGE_MAX / 4);
        was_served |= count_of(read).is_some();
        until("it refuses", || count_of(read).is_none());
        reader.proxy.set(Line::Open);
        if was_served {
            break;
        }
    }
    assert!(was_served, "no read was answered without the store");
    until("it serves again", || count_of(read).is_some());
}

/// `None` when the node refuses.
fn count_of(read: &Caller) -> Option<i64> {
    let answer = read.try_raw("GET", PATH, b"").ok().filter(|answer| answer.status == 200)?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["data"]["data"]["count"].as_i64()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited too long until {what}");
        sleep(Duration::from_millis(10));
    }
}
