//! One run from its plan to its history.
use crate::chance::Dice;
use crate::client::Client;
use crate::clock::NodeClock;
use crate::desk::{Desk, LOAN_MAX_SECONDS};
use crate::flaw::Flaw;
use crate::founding::found;
use crate::history::{History, Phase};
use crate::ledger::Ledger;
use crate::link::Net;
use crate::log::Log;
use crate::nemesis;
use crate::node::Node;
use crate::plan::Plan;
use crate::request::Ask;
use crate::scene::Scene;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Runs a plan. `folder` is an empty folder for the audit logs.
///
/// It must run in a `LocalSet`, on a runtime of one thread whose time is paused, and as the only one of its thread: the same
/// plan then gives the same history. Errors: the installation that all runs begin with could not be made.
pub async fn simulate(plan: Plan, folder: &Path) -> Result<History, String> {
    let founded = found().await?;
    let dice = Dice::new(plan.seed);
    let ledger = Arc::new(Ledger::new(founded.rows.clone(), founded.revision));
    let nodes: Vec<Rc<Node>> =
        (1..=plan.nodes).map(|number| Rc::new(node(number, &plan, &ledger, &dice, folder))).collect();
    let desk = Desk::open(dice.fork(100), plan.faults.trouble);
    let scene = Rc::new(Scene::new(plan, founded, nodes, desk, dice));
    for node in &scene.nodes {
        node.start(&scene.holder);
    }
    let late = (scene.plan.flaw == Flaw::AuditAfterAnswer).then(|| tokio::task::spawn_local(copy_late(scene.clone())));
    sleep(Duration::from_secs(1)).await;
    // With some flaws a node never gets there.
    for _ in 0..100 {
        if scene.nodes.iter().all(|node| node.alive().is_some_and(|life| !life.kernel.is_sealed())) {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let mut tasks: Vec<JoinHandle<()>> = vec![tokio::task::spawn_local(nemesis::strike(scene.clone()))];
    let client = |number| tokio::task::spawn_local(Client::new(number, scene.clone()).run());
    tasks.extend((1..=scene.plan.clients).map(client));
    for task in tasks {
        task.await.map_err(|error| error.to_string())?;
    }
    if let Some(late) = late {
        late.abort();
        let _ = late.await;
    }
    settle(&scene, &ledger).await;
    Rc::into_inner(scene).map(Scene::into_history).ok_or_else(|| "somebody still works".to_owned())
}

fn node(number: u32, plan: &Plan, ledger: &Arc<Ledger>, dice: &Dice, folder: &Path) -> Node {
    let dice = dice.fork(1000 + u64::from(number));
    let faults = &plan.faults;
    let net = Net {
        is_cut: AtomicBool::new(false),
        is_healed: AtomicBool::new(false),
        latency_ms: faults.latency_ms,
        lost_replies: faults.lost_replies,
        news_ms: faults.news_ms,
    };
    let skew = i64::try_from(dice.below(faults.skew_seconds * 1_000_000_000 + 1)).unwrap_or(0);
    Node {
        number,
        clock: Arc::new(NodeClock::new(skew)),
        net: Arc::new(net),
        log: Log::new(folder.join(format!("audit-{number}.log"))),
        ledger: ledger.clone(),
        sort: plan.sort,
        flaw: plan.flaw,
        dice,
        life: std::cell::RefCell::default(),
    }
}

/// Lines come to the log when they like: the flaw [`Flaw::AuditAfterAnswer`].
async fn copy_late(scene: Rc<Scene>) {
    loop {
        sleep(Duration::from_millis(scene.dice.between(20, 300))).await;
        scene.nodes.iter().for_each(|node| node.log.read());
    }
}

/// Heals everything and looks whether what had to be taken back is: first what was revoked, then, when every lease has come to
/// its end, the rest.
async fn settle(scene: &Scene, ledger: &Ledger) {
    // Requests that nobody waits for any more come to their end.
    sleep(Duration::from_secs(8)).await;
    // What was made while a clock was ahead ends by that clock.
    let latest = scene.nodes.iter().map(|node| node.clock.furthest_nanos()).max().unwrap_or(0);
    // One node is enough to clear up after all.
    let Some((node, others)) = scene.nodes.split_first() else { return };
    others.iter().for_each(|node| node.kill());
    node.cut(false);
    node.net.is_healed.store(true, Ordering::Relaxed);
    node.clock.jump(latest - node.clock.offset_nanos());
    match node.alive() {
        Some(life) => life.gate.pause(false),
        None => node.start(&scene.holder),
    }
    let wait = async |seconds: u64| {
        node.clock.jump(i64::try_from(seconds).unwrap_or(0) * 1_000_000_000);
        // Some rounds of the jobs, whenever they get the processor. The jump costs the node its turn at the leases, which it notices
        // after five seconds; and the desk may take four to take one back.
        sleep(Duration::from_secs(20)).await;
    };
    let lease_rows = || ledger.range(b"lease/lender/", b"lease/lender0", usize::MAX).len();
    // A maker may take 120 s, what he left is revoked again 120 s later, and a try that failed is repeated after 10 s, then
    // after 20 s. If it failed on a node whose clock was behind, it is found when the walk begins anew, after 300 s.
    for seconds in [300, 130, 20, 30] {
        wait(seconds).await;
    }
    scene.note_settled(Phase::Revoked, lease_rows(), 0);
    for seconds in [LOAN_MAX_SECONDS, 40, 130, 80] {
        wait(seconds).await;
    }
    scene.note_settled(Phase::Expired, lease_rows(), stray_rows(node, scene, ledger).await);
    node.kill();
    // What was dropped is seen off by the event loop before the thread ends.
    sleep(Duration::from_secs(1)).await;
}

/// Rows of engines that are not mounted any more.
async fn stray_rows(node: &Rc<Node>, scene: &Scene, ledger: &Ledger) -> usize {
    let Some(life) = node.alive() else { return 0 };
    let mut mounted = BTreeSet::new();
    for path in ["sys/mounts", "sys/auth"] {
        let answer = life.kernel.handle(&Ask::new("GET", path).by(&scene.founded.root).received()).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let mounts = body["data"].as_object().into_iter().flat_map(|mounts| mounts.values());
        mounted.extend(mounts.filter_map(|mount| mount["uuid"].as_str().map(str::to_owned)));
    }
    // Whoever cannot say what is mounted cannot say what is not.
    if mounted.is_empty() {
        return 0;
    }
    let rows = ledger.range(b"m/", b"m0", usize::MAX);
    let uuid =
        |key: &[u8]| key.split(|byte| *byte == b'/').nth(1).map(|uuid| String::from_utf8_lossy(uuid).into_owned());
    rows.iter().filter(|(key, _)| uuid(key).is_none_or(|uuid| !mounted.contains(&uuid))).count()
}
