//! What clients, faults and the end of a run share.
use crate::nodes::Node;
use crate::record::{Record, wall_nanos};
use crate::support::{Answer, Caller};
use kw_sim::history::{Action, Operation, Outcome, Seen, TokenNumber};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The policy of the clients' tokens.
pub const WORKER: &str = "worker";

const WORKER_TEXT: &str = r#"
path "auth/token/create" { capabilities = ["update"] }
path "secret/data/*" { capabilities = ["create", "read", "update"] }
"#;

pub struct Scene {
    pub nodes: Vec<Node>,
    pub record: Record,
    pub root: String,
    /// A token that may do in each epoch what the policy of this epoch says at the moment.
    pub moot: String,
    pub role_id: String,
    pub is_over: AtomicBool,
    pub known: Mutex<BTreeMap<usize, Known>>,
    pub next_token: AtomicU32,
    pub next_counted: AtomicU32,
    pub next_value: AtomicU64,
}

/// What the clients have heard of in an epoch.
#[derive(Default)]
pub struct Known {
    pub tokens: Vec<Token>,
    pub counted: Vec<Counted>,
}

#[derive(Clone)]
pub struct Token {
    pub number: TokenNumber,
    pub text: String,
    pub uses: u64,
}

/// A wrapping token or a secret id.
#[derive(Clone)]
pub struct Counted {
    pub kind: &'static str,
    pub number: u32,
    pub text: String,
}

/// A request, and as what it is recorded.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub token: String,
    pub body: Value,
    pub wrap_ttl: bool,
    pub by: Option<TokenNumber>,
    pub action: Action,
}

/// Who asks, in which epoch.
#[derive(Clone, Copy)]
pub struct Who {
    pub client: u32,
    pub epoch: usize,
}

/// Why there is no answer.
enum Silence {
    Unsent,
    Unheard(io::Error),
}

pub fn moot_text(epoch: usize, allows: bool) -> String {
    let capability = if allows { "read" } else { "deny" };
    format!("path \"secret/data/moot/{epoch}\" {{ capabilities = [\"{capability}\"] }}")
}

impl Scene {
    /// Initialises the store and makes what the clients need, for this many epochs.
    pub fn found(nodes: Vec<Node>, epochs: usize) -> Self {
        nodes[0].start();
        let root = nodes[0].found();
        let caller = Caller::new(&nodes[0].address().unwrap()).token(&root);
        caller.post("sys/mounts/secret", json!({"type": "kv", "options": {"version": "2"}})).ok();
        caller.post("sys/auth/approle", json!({"type": "approle"})).ok();
        caller.post(&format!("sys/policies/acl/{WORKER}"), json!({"policy": WORKER_TEXT})).ok();
        caller.post("auth/approle/role/sim", json!({"token_ttl": "60s", "token_policies": [WORKER]})).ok();
        let role_id = caller.get("auth/approle/role/sim/role-id").ok().at("/data/role_id");
        for epoch in 0..epochs {
            caller.post(&format!("sys/policies/acl/moot-{epoch}"), json!({"policy": moot_text(epoch, true)})).ok();
            caller.post(&format!("secret/data/moot/{epoch}"), json!({"data": {"value": 0}})).ok();
        }
        let policies: Vec<String> = (0..epochs).map(|epoch| format!("moot-{epoch}")).collect();
        let wanted = json!({"policies": policies, "no_parent": true, "ttl": "24h"});
        let moot = caller.post("auth/token/create", wanted).ok().client_token();
        nodes.iter().skip(1).for_each(Node::start);
        let (next_token, next_counted, next_value) = (AtomicU32::new(1), AtomicU32::new(1), AtomicU64::new(1));
        let (record, is_over, known) = (Record::new(nodes.len()), AtomicBool::new(false), Mutex::default());
        Self { nodes, record, root, moot, role_id, is_over, known, next_token, next_counted, next_value }
    }

    /// Sends a request, waits, and records what came of it. Gives the body of a success.
    pub fn perform(&self, who: Who, node: &Node, ask: Ask, read: impl FnOnce(&Value) -> Seen) -> Option<Value> {
        let Some(address) = node.address() else {
            self.record.tally.unsent.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
            return None;
        };
        let (id, begin, clock) = (self.record.next_id(), self.record.tick(), wall_nanos());
        let told = send(&address, &ask);
        let (end, clock) = (self.record.tick(), (clock, wall_nanos()));
        let (by, action, client, node) = (ask.by, ask.action, who.client, node.number);
        let (outcome, body) = match told {
            Err(Silence::Unsent) => {
                self.record.tally.unsent.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
                return None;
            }
            Err(Silence::Unheard(error)) => (Outcome::Unknown { why: error.to_string() }, None),
            Ok(answer) => match answer.status {
                200..300 => (Outcome::Ok(read(&answer.json())), Some(answer.json())),
                400..500 => (Outcome::Refused { status: answer.status }, None),
                status => (Outcome::Unknown { why: format!("{status} {}", answer.text()) }, None),
            },
        };
        let end = Some(end);
        let operation = Operation { id, client, node, begin, end, clock, by, action, outcome, audited: None };
        self.record.note(who.epoch, operation);
        body
    }
}

/// One request on a connection of its own. What was not accepted was not sent; all else may have been done.
fn send(address: &str, ask: &Ask) -> Result<Answer, Silence> {
    let mut caller = Caller::new(address).token(&ask.token);
    if ask.wrap_ttl {
        caller = caller.header("X-Vault-Wrap-TTL", "20h");
    }
    let body = if ask.body.is_null() { String::new() } else { ask.body.to_string() };
    let request = caller.request(ask.method, &ask.path, body.as_bytes());
    let target = address.parse().map_err(|_| Silence::Unsent)?;
    let mut stream = TcpStream::connect_timeout(&target, PATIENCE).map_err(|_| Silence::Unsent)?;
    let mut hear = || {
        let until = Instant::now() + PATIENCE;
        stream.write_all(&request)?;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
            stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
            match stream.read(&mut buffer)? {
                0 => return Answer::parse(&bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
                length => bytes.extend_from_slice(&buffer[..length]),
            }
        }
    };
    hear().map_err(Silence::Unheard)
}
