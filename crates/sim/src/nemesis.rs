//! What is done to the nodes while the clients work.
use crate::link::Sort;
use crate::node::Node;
use crate::scene::Scene;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

const NANOS: i64 = 1_000_000_000;

/// Longer than what has to be renewed, and shorter than what does not.
const NIGHT_SECONDS: i64 = 7 * 3600;

/// Strikes again and again until the clients are done. Every stroke is over when it returns.
pub async fn strike(scene: Rc<Scene>) {
    let dice = scene.dice.fork(7);
    // In half of the runs there is one.
    let night_at = dice.below(2 * u64::from(scene.plan.faults.strokes)) as u32;
    for stroke in 0..scene.plan.faults.strokes {
        sleep(Duration::from_millis(dice.between(200, 6000))).await;
        let Some(node) = dice.pick(&scene.nodes) else { return };
        if scene.is_over() {
            return;
        }
        if stroke == night_at {
            night(&scene);
        }
        match dice.below(10) {
            0..4 => kill(&scene, node).await,
            4..6 => pause(&scene, node).await,
            6..8 if scene.plan.sort == Sort::Shared => cut(&scene, node).await,
            _ => jump(&scene, node),
        }
    }
}

/// Kills a node at whatever it is doing some steps from now, and starts it again after a while.
async fn kill(scene: &Scene, node: &Rc<Node>) {
    let steps = scene.dice.below(60) as u32;
    if let Some(life) = node.alive() {
        life.gate.light(steps);
    }
    sleep(Duration::from_millis(scene.dice.below(3000))).await;
    node.kill();
    scene.note_fault(node, format!("killed, within {steps} steps"));
    sleep(Duration::from_millis(scene.dice.below(2000))).await;
    node.start(&scene.holder);
    scene.note_fault(node, "started".to_owned());
}

/// Stops a process for a while: sometimes for so long that others take what it was doing for abandoned.
async fn pause(scene: &Scene, node: &Rc<Node>) {
    let Some(life) = node.alive() else { return };
    let length = if scene.dice.permille(250) { scene.dice.between(121_000, 200_000) } else { scene.dice.below(5000) };
    scene.note_fault(node, format!("paused for {length} ms"));
    life.gate.pause(true);
    if length > 100_000 {
        // Nobody waits that long: the clocks move on, that of the sleeper too.
        sleep(Duration::from_millis(scene.dice.between(500, 3000))).await;
        for other in &scene.nodes {
            other.clock.jump(i64::try_from(length).unwrap_or(0) * 1_000_000);
        }
        sleep(Duration::from_millis(scene.dice.between(2000, 8000))).await;
    } else {
        sleep(Duration::from_millis(length)).await;
    }
    life.gate.pause(false);
    scene.note_fault(node, "goes on".to_owned());
}

async fn cut(scene: &Scene, node: &Rc<Node>) {
    let length = scene.dice.below(8000);
    scene.note_fault(node, format!("cut off for {length} ms"));
    node.cut(true);
    sleep(Duration::from_millis(length)).await;
    node.cut(false);
    scene.note_fault(node, "joined again".to_owned());
}

/// All sleep, so that much ends meanwhile that nobody has renewed.
fn night(scene: &Scene) {
    for node in &scene.nodes {
        node.clock.jump(NIGHT_SECONDS * NANOS);
        scene.note_fault(node, "a night has passed".to_owned());
    }
}

fn jump(scene: &Scene, node: &Rc<Node>) {
    let dice = &scene.dice;
    let size = match dice.below(3) {
        0 => dice.below(2 * NANOS as u64),
        1 => dice.below(60 * NANOS as u64),
        _ => dice.below(1000 * NANOS as u64),
    };
    let size = i64::try_from(size).unwrap_or(0);
    let by = if dice.permille(500) { size } else { -size };
    node.clock.jump(by);
    scene.note_fault(node, format!("its clock jumps by {} s", by as f64 / NANOS as f64));
}
