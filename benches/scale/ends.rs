//! Many that end within a minute, while reads go on.
use crate::Plan;
use crate::load::{Reads, Times, send};
use crate::process::{Process, now};
use crate::wire::Ask;
use std::io;
use std::time::{Duration, Instant};

/// How long the ends take, in seconds.
const SPREAD_SECONDS: u64 = 60;

/// How many can be made in a second, at least: the first end must not come before the last is made.
const MADE_A_SECOND: u64 = 1500;

/// A stretch of time, as reads and the process saw it.
pub struct Seen {
    times: Times,
    rate: f64,
    cpu: (Duration, Duration),
}

pub async fn run(plan: &Plan, process: &Process) -> io::Result<()> {
    let before = reads_during(plan, process, tokio::time::sleep(Duration::from_secs(20))).await?;
    before.print("reads alone, 20 s");
    let first = now() + Duration::from_secs(5 + plan.ends / MADE_A_SECOND);
    make(process, plan.ends, first).await?;
    let ended = ended(process).await?;
    tokio::time::sleep(first.saturating_duration_since(now())).await;
    let seen = reads_during(plan, process, tokio::time::sleep(Duration::from_secs(SPREAD_SECONDS + 1))).await?;
    let in_time = self::ended(process).await? - ended;
    seen.print(&format!("reads while {} tokens and leases end within {SPREAD_SECONDS} s", plan.ends));
    let made = plan.ends / SPREAD_SECONDS * SPREAD_SECONDS;
    println!("{in_time} of {made} had ended a second after the last was due");
    let usual = before.cpu.0.as_secs_f64() / 20.0 * (SPREAD_SECONDS + 1) as f64;
    let cost = (seen.cpu.0.as_secs_f64() - usual) * 1e6 / in_time.max(1) as f64;
    println!("processor time: {cost:.0} us an end, beside that of the reads");
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("5 s later {} had ended; {} kB resident", self::ended(process).await? - ended, process.resident_kb());
    Ok(())
}

/// Makes tokens and leases, half and half, whose ends are spread evenly from `first` on. A lease's time is that of its mount.
async fn make(process: &Process, count: u64, first: Instant) -> io::Result<()> {
    let since = now();
    let tune = |path, seconds| Ask::post(path, &process.root, format!("{{\"default_lease_ttl\":\"{seconds}s\"}}"));
    process.ask(&Ask::post("sys/mounts/brief", &process.root, r#"{"type":"ssh"}"#)).await?.good()?;
    let role = r#"{"key_type":"otp","default_user":"u","cidr_list":"0.0.0.0/0"}"#;
    process.ask(&Ask::post("brief/roles/r", &process.root, role)).await?.good()?;
    for second in 0..SPREAD_SECONDS {
        let ttl = (first + Duration::from_secs(second)).saturating_duration_since(now()).as_secs();
        process.ask(&tune("sys/mounts/brief/tune", ttl)).await?.good()?;
        let root = process.root.clone();
        let make = move |n| match n % 2 {
            0 => Ask::post("auth/token/create", &root, format!("{{\"policies\":[\"app\"],\"ttl\":\"{ttl}s\"}}")),
            _ => Ask::post("brief/creds/r", &root, r#"{"ip":"10.0.0.1"}"#),
        };
        send(&process.address, 128, count / SPREAD_SECONDS, make, drop).await?;
    }
    eprintln!("{count} brief ones made in {:?}", since.elapsed());
    Ok(())
}

async fn ended(process: &Process) -> io::Result<u64> {
    let shown = process.ask(&Ask::get("sys/metrics?format=prometheus", &process.root)).await?.good()?;
    Ok(shown.number_after("\nkeywright_expired_total").unwrap_or(0))
}

/// Reads a secret over and over while `other` goes on.
pub async fn reads_during(plan: &Plan, process: &Process, other: impl Future<Output = ()>) -> io::Result<Seen> {
    let token = process.ask(&Ask::post("auth/token/create", &process.root, r#"{"policies":["app"]}"#)).await?.good()?;
    let token = token.text("client_token").unwrap_or_default();
    let rate = Some(plan.rate).filter(|rate| *rate > 0);
    let cpu = process.cpu();
    let reads = Reads::begin(&process.address, 32, rate, vec![Ask::get("kv/data/app", &token)]);
    other.await;
    let after = process.cpu();
    let (times, rate) = reads.end().await?;
    Ok(Seen { times, rate, cpu: (after.0 - cpu.0, after.1 - cpu.1) })
}

impl Seen {
    pub fn print(&self, what: &str) {
        let Self { times, rate, cpu } = self;
        println!(
            "{what}: {rate:.0}/s, median {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.1} ms; processor {:.1} s, first thread {:.1} s",
            times.share_ms(0.5),
            times.share_ms(0.99),
            times.share_ms(0.999),
            times.share_ms(1.0),
            cpu.0.as_secs_f64(),
            cpu.1.as_secs_f64(),
        );
    }
}
