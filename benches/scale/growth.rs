//! Starts and memory, by how many tokens and leases there are.
use crate::Plan;
use crate::load::{Reads, send};
use crate::process::{Process, bytes_of, now};
use crate::wire::Ask;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// How many of what was made are kept, to be asked for later.
const KEPT: usize = 2000;

/// Half are tokens, children of the root token, and half are leases of one-time passwords.
pub async fn run(plan: &Plan) -> io::Result<Process> {
    let mut process = plan.setup.found().await?;
    println!(
        "| tokens and leases | store | start until it listens | until a secret is read | after a kill | resident after the start | after traffic |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut there = 0;
    for size in &plan.sizes {
        let since = now();
        let kept = fill(&process, size.saturating_sub(there)).await?;
        eprintln!("{} made in {:?}, {} kB resident", size - there, since.elapsed(), process.resident_kb());
        there = *size;
        process = restart(plan, process, there, kept).await?;
    }
    Ok(process)
}

async fn fill(process: &Process, count: u64) -> io::Result<Vec<Ask>> {
    let (root, kept) = (process.root.clone(), Rc::new(RefCell::new(Vec::new())));
    let make = move |n| match n % 2 {
        0 => Ask::post("auth/token/create", &root, r#"{"policies":["app"],"ttl":"700h"}"#),
        _ => Ask::post("ssh/creds/r", &root, r#"{"ip":"10.0.0.1"}"#),
    };
    let (keep, root) = (kept.clone(), process.root.clone());
    let every = (count / KEPT as u64).max(1) | 1;
    let mut seen = 0;
    let take = move |answer: crate::wire::Answer| {
        seen += 1;
        if seen % every != 0 {
            return;
        }
        let lease = answer.text("lease_id").filter(|id| !id.is_empty());
        let ask = match (lease, answer.text("client_token")) {
            (Some(id), _) => Ask::post("sys/leases/lookup", &root, format!("{{\"lease_id\":\"{id}\"}}")),
            (None, Some(token)) => Ask::get("kv/data/app", &token),
            (None, None) => return,
        };
        keep.borrow_mut().push(ask);
    };
    send(&process.address, 128, count, make, take).await?;
    Ok(kept.take())
}

async fn restart(plan: &Plan, process: Process, size: u64, kept: Vec<Ask>) -> io::Result<Process> {
    let (share, root) = process.keys();
    process.kill()?;
    let (process, killed) = plan.setup.start(&share, &root).await?;
    process.stop().await?;
    let (process, started) = plan.setup.start(&share, &root).await?;
    let rested = process.resident_kb();
    let reads = Reads::begin(&process.address, 32, None, kept);
    tokio::time::sleep(Duration::from_secs(5)).await;
    reads.end().await?;
    println!(
        "| {size} | {} MB | {:.0} ms | {:.0} ms | {:.0} ms | {:.1} MB | {:.1} MB |",
        bytes_of(&plan.setup.folder.join("data")) >> 20,
        started.listens.as_secs_f64() * 1000.0,
        started.reads.as_secs_f64() * 1000.0,
        killed.reads.as_secs_f64() * 1000.0,
        rested as f64 / 1024.0,
        process.resident_kb() as f64 / 1024.0,
    );
    Ok(process)
}
