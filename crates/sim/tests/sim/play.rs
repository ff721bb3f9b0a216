//! Plays plans, and says how to repeat what failed.
use kw_sim::check::{Anomaly, Rules, check};
use kw_sim::history::{Event, History};
use kw_sim::{FAILURES_MAX, Plan, simulate};
use std::fmt::Write;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// One run, on a thread of its own: what the kernel keeps for a thread must not pass from one run to the next.
pub fn play(plan: Plan) -> History {
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, simulate(plan, folder.path())).unwrap()
    };
    std::thread::spawn(run).join().unwrap()
}

pub fn judge(history: &History) -> Vec<Anomaly> {
    check(history, Rules { failures_max: FAILURES_MAX as usize })
}

/// What a failed run tells its reader.
pub fn report(plan: &Plan, history: &History, anomalies: &[Anomaly]) -> String {
    let mut out = format!("seed {}: {} promises broken\n", plan.seed, anomalies.len());
    for anomaly in anomalies {
        let _ = writeln!(out, "  {anomaly}");
    }
    let _ = writeln!(
        out,
        "again: KW_SIM_SEEDS={0}..{1} cargo test -p kw-sim seeds -- --nocapture",
        plan.seed,
        plan.seed + 1
    );
    let _ = writeln!(out, "{plan:?}");
    let wanted = |event: &&Event| match event {
        Event::Operation(operation) => anomalies.iter().any(|a| a.operations.contains(&operation.id)),
        Event::Lent { .. } | Event::TakenBack { .. } => anomalies.iter().any(|a| a.rule.starts_with("lease")),
        Event::Fault { .. } | Event::Settled { .. } => true,
    };
    for event in history.events.iter().filter(wanted) {
        let _ = writeln!(out, "  {}", serde_json::to_string(event).unwrap());
    }
    out
}
