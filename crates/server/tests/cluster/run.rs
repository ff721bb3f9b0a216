//! One run from its beginning to the judgement.
use crate::backing::Backing;
use crate::chance::Dice;
use crate::client::Client;
use crate::end;
use crate::nemesis::{Strokes, strike};
use crate::nodes::Node;
use crate::record::{Record, wall_nanos};
use crate::scene::Scene;
use kw_sim::check::{Rules, check};
use kw_sim::history::{Event, History};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NODES: u32 = 3;
const CLIENTS: u32 = 6;

/// Runs the cluster for `KW_CLUSTER_SECONDS` (a minute where real programs are required, else 20 seconds) by the draws of
/// `KW_CLUSTER_SEED` (else another seed each time). Panics with everything that was wrong.
pub fn run(backing: Backing) {
    let length = Duration::from_secs(number("KW_CLUSTER_SECONDS").unwrap_or(if is_required() { 60 } else { 20 }));
    let seed = number("KW_CLUSTER_SEED").unwrap_or_else(|| wall_nanos().unsigned_abs() % 1_000_000);
    println!("{}: {length:?}, KW_CLUSTER_SEED={seed}", backing.name());
    let mut dice = Dice::new(seed);
    let nodes = (1..=NODES).map(|number| Node::new(number, &backing)).collect();
    let scene = Scene::found(nodes, Record::epochs_max(length));
    let strokes = std::thread::scope(|scope| {
        for number in 1..=CLIENTS {
            let client = Client::new(number, &scene, Dice::new(seed ^ (u64::from(number) << 32)));
            scope.spawn(|| client.run());
        }
        let _over = Over(&scene.is_over);
        strike(&scene, &backing, &mut dice, length)
    });
    let mut wrong = strokes.complaints.clone();
    if wrong.is_empty() {
        wrong.extend(end::look(&scene));
    }
    conclude(&backing, &scene, &strokes, wrong);
}

/// Ends the clients, also where the faults panic.
struct Over<'s>(&'s AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Judges what happened and says so.
fn conclude(backing: &Backing, scene: &Scene, strokes: &Strokes, mut wrong: Vec<String>) {
    let since = Instant::now();
    let histories = scene.record.histories();
    let mut anomalies = 0;
    for history in &histories {
        for anomaly in check(history, Rules { failures_max: 5 }) {
            anomalies += 1;
            wrong.push(format!("{anomaly}\n{}", shown(history, &anomaly.operations)));
        }
    }
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let tally = &scene.record.tally;
    println!(
        "{}: operations ok {}, refused {}, unknown {} (and {} that found no node); faults {}; anomalies {anomalies}; judged in {:.1?}",
        backing.name(),
        count(&tally.ok),
        count(&tally.refused),
        count(&tally.unknown),
        count(&tally.unsent),
        strokes.count(),
        since.elapsed()
    );
    print!("{}", strokes.told());
    if !wrong.is_empty() {
        let file = keep(backing, &histories);
        for node in &scene.nodes {
            println!("== node {}\n{}", node.number, node.log_end());
        }
        panic!("the whole history is in {file}\n{}", wrong.join("\n"));
    }
}

/// The operations of an anomaly, and what was done meanwhile.
fn shown(history: &History, operations: &[u64]) -> String {
    let is_shown = |event: &&Event| match event {
        Event::Operation(operation) => operations.contains(&operation.id),
        Event::Fault { .. } => true,
        _ => false,
    };
    let events = history.events.iter().filter(is_shown).cloned().collect();
    History { events }.to_lines().unwrap()
}

/// Writes the history beside the build.
fn keep(backing: &Backing, histories: &[History]) -> String {
    let file = format!("{}/cluster-{}-{}.jsonl", env!("CARGO_TARGET_TMPDIR"), backing.name(), std::process::id());
    let lines: String = histories.iter().map(|history| history.to_lines().unwrap()).collect();
    std::fs::write(&file, lines).unwrap();
    file
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn is_required() -> bool {
    std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1")
}
