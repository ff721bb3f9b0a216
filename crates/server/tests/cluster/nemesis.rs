//! What goes wrong, one thing after the other; after each the service must come back by itself.
use crate::backing::Backing;
use crate::chance::Dice;
use crate::etcd::Member;
use crate::nodes::Node;
use crate::postgres::Postgres;
use crate::proxy::Line;
use crate::scene::Scene;
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than all that nodes and stores wait for; what does not serve by then will not.
const RETURN_TIME: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillNode,
    KillTwoNodes,
    KillAllNodes,
    StopNode,
    CutLine,
    SilenceLine,
    KillMember,
    StopMember,
    CrashDatabase,
    RestartDatabase,
}

const OF_ETCD: [Fault; 8] = [
    Fault::KillMember,
    Fault::KillNode,
    Fault::StopNode,
    Fault::CutLine,
    Fault::StopMember,
    Fault::SilenceLine,
    Fault::KillTwoNodes,
    Fault::KillAllNodes,
];

const OF_POSTGRES: [Fault; 8] = [
    Fault::CrashDatabase,
    Fault::KillNode,
    Fault::StopNode,
    Fault::CutLine,
    Fault::RestartDatabase,
    Fault::SilenceLine,
    Fault::KillTwoNodes,
    Fault::KillAllNodes,
];

/// What was done, and what did not come back.
#[derive(Default)]
pub struct Strokes {
    /// How often, and the longest time from the healing until every node had served again.
    done: BTreeMap<Fault, (u32, Duration)>,
    pub complaints: Vec<String>,
}

impl Strokes {
    pub fn count(&self) -> u32 {
        self.done.values().map(|(times, _)| times).sum()
    }

    /// One line for each kind of fault.
    pub fn told(&self) -> String {
        let line = |(fault, (times, longest)): (&Fault, &(u32, Duration))| {
            format!("  {fault:?}: {times} times; all nodes served again within {longest:.1?}\n")
        };
        self.done.iter().map(line).collect()
    }
}

/// Makes things go wrong until the time is over, each kind once before any comes again.
pub fn strike(scene: &Scene, backing: &Backing, dice: &mut Dice, length: Duration) -> Strokes {
    let (until, mut strokes) = (Instant::now() + length, Strokes::default());
    let all = if matches!(backing, Backing::Etcd(_)) { &OF_ETCD } else { &OF_POSTGRES };
    let longest = (length / 8).clamp(Duration::from_secs(2), Duration::from_secs(8));
    for fault in all.iter().cycle() {
        sleep(Duration::from_millis(dice.between(300, 1500)));
        if Instant::now() >= until {
            break;
        }
        let lasts = Duration::from_millis(dice.between(1000, longest.as_millis() as u64));
        strike_once(scene, backing, dice, *fault, lasts, &mut strokes);
        if !strokes.complaints.is_empty() {
            break;
        }
    }
    strokes
}

fn strike_once(
    scene: &Scene,
    backing: &Backing,
    dice: &mut Dice,
    fault: Fault,
    lasts: Duration,
    strokes: &mut Strokes,
) {
    let from = dice.between(0, scene.nodes.len() as u64) as usize;
    // This one first, and the others after it.
    let nodes: Vec<&Node> = scene.nodes.iter().cycle().skip(from).take(scene.nodes.len()).collect();
    let number = if matches!(fault, Fault::KillMember | Fault::StopMember) { 0 } else { nodes[0].number };
    scene.record.note_fault(number, &format!("{fault:?} for {lasts:?}"));
    match (fault, backing) {
        (Fault::KillNode, _) => kill(&nodes[..1], lasts),
        (Fault::KillTwoNodes, _) => kill(&nodes[..2], lasts),
        (Fault::KillAllNodes, _) => kill(&nodes, Duration::ZERO),
        (Fault::StopNode, _) => {
            nodes[0].signal("STOP");
            sleep(lasts);
            nodes[0].signal("CONT");
        }
        (Fault::CutLine, _) => block(nodes[0], Line::Cut, lasts),
        (Fault::SilenceLine, _) => block(nodes[0], Line::Silent, lasts),
        (Fault::KillMember | Fault::StopMember, Backing::Etcd(members)) => {
            let member = dice.pick(members).unwrap();
            without_member(scene, member, fault, lasts, strokes);
        }
        (_, Backing::Postgres(database)) => without_database(database, fault, lasts),
        (_, Backing::Etcd(_)) => {}
    }
    scene.record.note_fault(number, &format!("{fault:?} is over"));
    let took = await_service(scene, &format!("after {fault:?}"), strokes);
    let (times, longest) = strokes.done.entry(fault).or_default();
    (*times, *longest) = (*times + 1, took.max(*longest));
}

fn kill(nodes: &[&Node], lasts: Duration) {
    nodes.iter().for_each(|node| node.kill());
    sleep(lasts);
    nodes.iter().for_each(|node| node.start());
}

fn block(node: &Node, line: Line, lasts: Duration) {
    node.proxy.set(line);
    sleep(lasts);
    node.proxy.set(Line::Open);
}

/// Service goes on while one member is away: every node must serve meanwhile.
fn without_member(scene: &Scene, member: &Member, fault: Fault, lasts: Duration, strokes: &mut Strokes) {
    let is_killed = fault == Fault::KillMember;
    if is_killed {
        member.kill()
    } else {
        member.signal("STOP")
    }
    await_service(scene, &format!("during {fault:?}"), strokes);
    sleep(lasts);
    if is_killed { member.run() } else { member.signal("CONT") }
}

fn without_database(database: &Postgres, fault: Fault, lasts: Duration) {
    database.stop(if fault == Fault::CrashDatabase { "immediate" } else { "fast" });
    sleep(lasts);
    database.begin();
}

/// Waits until every node has done something that began from now on.
fn await_service(scene: &Scene, when: &str, strokes: &mut Strokes) -> Duration {
    let (since, tick) = (Instant::now(), scene.record.tick());
    while !scene.record.all_served_since(tick) {
        if since.elapsed() > RETURN_TIME {
            let silent = scene.record.silent_since(tick);
            strokes.complaints.push(format!("{when}: the nodes {silent:?} did not serve within {RETURN_TIME:?}"));
            break;
        }
        sleep(Duration::from_millis(20));
    }
    since.elapsed()
}
