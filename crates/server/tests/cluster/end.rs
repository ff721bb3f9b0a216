//! When everything is healed: every node serves, all say the same, and nothing that was acknowledged is missing.
use crate::client::{DOCUMENTS, document_read, policy_use, seen};
use crate::nodes::Node;
use crate::scene::{Ask, Scene, Token, Who};
use kw_sim::history::{Action, Seen};
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

const HEALING_TIME: Duration = Duration::from_secs(60);

/// What the clients left on its way comes to its end: a server gives nothing longer than this under these faults.
const REST: Duration = Duration::from_secs(6);

/// Looks at the last epochs: enough that each kind of thing is among them.
const EPOCHS: usize = 6;

/// Asks every node for everything, as client 0, and records it for the checkers too. Gives what is wrong.
pub fn look(scene: &Scene) -> Vec<String> {
    let mut wrong = Vec::new();
    let since = Instant::now();
    for node in &scene.nodes {
        while !node.is_healthy() {
            if since.elapsed() > HEALING_TIME {
                return vec![format!("node {} is not healthy at the end", node.number)];
            }
            sleep(Duration::from_millis(50));
        }
    }
    sleep(REST);
    let (last, unknown) = (scene.record.epoch(), scene.record.tally.unknown.load(Ordering::Relaxed));
    for epoch in last.saturating_sub(EPOCHS)..=last {
        let who = Who { client: 0, epoch };
        for number in 0..DOCUMENTS {
            let key = format!("doc/{epoch}/{number}");
            wrong.extend(differing(scene, &key, |node| {
                scene.perform(who, node, document_read(scene, &key), seen).map(|body| body["data"]["data"].clone())
            }));
        }
        let policy = format!("moot-{epoch}");
        wrong.extend(differing(scene, &policy, |node| {
            scene.perform(who, node, policy_use(scene, epoch), |_| Seen::default()).map(|_| Value::Null)
        }));
        wrong.extend(tokens(scene, who));
    }
    let unanswered = scene.record.tally.unknown.load(Ordering::Relaxed) - unknown;
    if unanswered > 0 {
        wrong.push(format!("{unanswered} requests were not answered although all was healed"));
    }
    wrong
}

/// Tokens that any number of requests may use: all nodes take them, or none.
fn tokens(scene: &Scene, who: Who) -> Vec<String> {
    let known = scene.known.lock().unwrap().get(&who.epoch).map(|known| known.tokens.clone()).unwrap_or_default();
    let many: Vec<Token> = known.into_iter().filter(|token| token.uses == 0).rev().take(6).collect();
    let compare = |token: &Token| {
        differing(scene, &format!("token {}", token.number), |node| {
            let (path, text) = ("auth/token/lookup-self".to_owned(), token.text.clone());
            let (body, by, action) = (Value::Null, Some(token.number), Action::TokenUse);
            let ask = Ask { method: "GET", path, token: text, body, wrap_ttl: false, by, action };
            scene.perform(who, node, ask, |_| Seen::default()).map(|_| Value::Null)
        })
    };
    many.iter().filter_map(compare).collect()
}

fn differing(scene: &Scene, what: &str, ask: impl Fn(&Node) -> Option<Value>) -> Option<String> {
    let told: Vec<Option<Value>> = scene.nodes.iter().map(ask).collect();
    let same = told.windows(2).all(|pair| pair[0] == pair[1]);
    (!same).then(|| format!("the nodes do not agree about {what}: {told:?}"))
}
