//! All leases of a mount: listed, counted, revoked, while reads go on.
use crate::Plan;
use crate::ends::reads_during;
use crate::load::send;
use crate::process::{Process, now};
use crate::wire::Ask;
use std::cell::RefCell;
use std::io;
use std::time::Duration;

pub async fn run(plan: &Plan, process: &Process) -> io::Result<()> {
    let root = process.root.clone();
    process.ask(&Ask::post("sys/mounts/many", &root, r#"{"type":"ssh"}"#)).await?.good()?;
    let role = r#"{"key_type":"otp","default_user":"u","cidr_list":"0.0.0.0/0"}"#;
    process.ask(&Ask::post("many/roles/r", &root, role)).await?.good()?;
    let make = move |_| Ask::post("many/creds/r", &root, r#"{"ip":"10.0.0.1"}"#);
    send(&process.address, 128, plan.prefix, make, drop).await?;
    reads_during(plan, process, tokio::time::sleep(Duration::from_secs(10))).await?.print("reads alone, 10 s");
    let failure = RefCell::new(None);
    for (what, verb, path) in [
        ("a page of the list", "LIST", "sys/leases/lookup/many/creds/r?limit=1000"),
        ("the whole list", "LIST", "sys/leases/lookup/many/creds/r"),
        ("the count", "GET", "sys/leases/count?type=irrevocable"),
        ("tidy", "POST", "sys/leases/tidy"),
        ("revoke-prefix", "POST", "sys/leases/revoke-prefix/many"),
    ] {
        let work = async {
            if let Err(error) = one(process, plan.prefix, what, verb, path).await {
                failure.replace(Some(error));
            }
        };
        reads_during(plan, process, work).await?.print(&format!("reads during {what}"));
    }
    failure.take().map_or(Ok(()), Err)
}

async fn one(process: &Process, count: u64, what: &str, verb: &'static str, path: &str) -> io::Result<()> {
    let since = now();
    let ask = Ask { verb, path: path.to_owned(), token: process.root.clone(), body: String::new() };
    let answer = process.ask(&ask).await?;
    println!(
        "{what}: {} in {:.0} ms, {} bytes; {} kB resident",
        answer.status,
        since.elapsed().as_secs_f64() * 1000.0,
        answer.body.len(),
        process.resident_kb()
    );
    if what != "revoke-prefix" {
        return Ok(());
    }
    let rest = Ask { verb: "LIST", path: "sys/leases/lookup/many/creds/r?limit=1".into(), ..ask };
    while process.ask(&rest).await?.status == 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("all {count} leases of the mount were gone after {:.1} s", since.elapsed().as_secs_f64());
    Ok(())
}
