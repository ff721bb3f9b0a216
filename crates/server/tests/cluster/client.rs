//! What the clients do, one operation after the other, each by the draw of its own dice.
use crate::chance::Dice;
use crate::nodes::Node;
use crate::scene::{Ask, Counted, Known, Scene, Token, WORKER, Who, moot_text};
use kw_sim::history::{Action, Seen};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Documents of an epoch: few, so that clients meet.
pub const DOCUMENTS: u64 = 3;

/// The longest rest between two operations, in milliseconds.
const REST_MAX: u64 = 60;

pub struct Client<'s> {
    scene: &'s Scene,
    dice: Dice,
    who: Who,
}

impl<'s> Client<'s> {
    pub fn new(number: u32, scene: &'s Scene, dice: Dice) -> Self {
        Self { scene, dice, who: Who { client: number, epoch: 0 } }
    }

    /// Goes on until the run is over.
    pub fn run(mut self) {
        while !self.scene.is_over.load(Ordering::Relaxed) {
            self.who.epoch = self.scene.record.epoch();
            self.act();
            std::thread::sleep(Duration::from_millis(self.dice.between(0, REST_MAX)));
        }
    }

    fn act(&mut self) {
        let node = self.node();
        match self.dice.between(0, 100) {
            0..12 => self.create_token(node),
            12..30 => self.use_token(),
            30..36 => self.revoke_token(node),
            36..56 => self.write_document(node),
            56..70 => self.read_document(node),
            70..76 => self.create_counted(node),
            76..86 => self.use_counted(),
            86..90 => self.write_policy(node),
            _ => self.use_policy(node),
        }
    }

    fn node(&mut self) -> &'s Node {
        self.dice.pick(&self.scene.nodes).unwrap()
    }

    /// Sends this now and then several times at once to several nodes: what is counted is counted most wrongly then.
    fn storm(&mut self, ask: &Ask) {
        let times = if self.dice.percent(35) { self.dice.between(2, 5) } else { 1 };
        let nodes: Vec<&Node> = (0..times).map(|_| self.node()).collect();
        let (scene, who) = (self.scene, self.who);
        std::thread::scope(|scope| {
            for node in nodes {
                scope.spawn(move || scene.perform(who, node, ask.clone(), |_| Seen::default()));
            }
        });
    }

    fn root(&self, method: &'static str, path: &str, body: Value, action: Action) -> Ask {
        let (path, token) = (path.to_owned(), self.scene.root.clone());
        Ask { method, path, token, body, wrap_ttl: false, by: None, action }
    }

    /// A request by a token, or by root where there is none.
    fn by(&self, token: Option<&Token>, ask: Ask) -> Ask {
        match token {
            Some(token) => Ask { token: token.text.clone(), by: Some(token.number), ..ask },
            None => ask,
        }
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(self.scene.known.lock().unwrap().entry(self.who.epoch).or_default())
    }

    /// One of the tokens that were made lately.
    fn some_token(&mut self) -> Option<Token> {
        let recent = self.known(|known| known.tokens.iter().rev().take(8).cloned().collect::<Vec<_>>());
        self.dice.pick(&recent).cloned()
    }

    /// Sometimes a token, else root.
    fn some_asker(&mut self) -> Option<Token> {
        if self.dice.percent(40) { self.some_token() } else { None }
    }

    fn create_token(&mut self, node: &Node) {
        let parent = self.some_asker().filter(|token| token.uses == 0);
        let number = self.scene.next_token.fetch_add(1, Ordering::Relaxed);
        let uses = if self.dice.percent(50) { self.dice.between(1, 4) } else { 0 };
        let ttl_seconds = if self.dice.percent(15) { self.dice.between(2, 8) } else { 20 * 3600 };
        let body = json!({"policies": [WORKER], "num_uses": uses, "ttl": ttl_seconds, "no_parent": parent.is_none()});
        let above = parent.as_ref().map(|parent| parent.number);
        let action = Action::TokenCreate { token: number, parent: above, uses, ttl_seconds };
        let ask = self.by(parent.as_ref(), self.root("POST", "auth/token/create", body, action));
        let made = self.scene.perform(self.who, node, ask, |_| Seen::default());
        if let Some(text) = made.and_then(|body| body["auth"]["client_token"].as_str().map(str::to_owned)) {
            self.known(|known| known.tokens.push(Token { number, text, uses }));
        }
    }

    fn use_token(&mut self) {
        let Some(token) = self.some_token() else { return };
        let ask = self.root("GET", "auth/token/lookup-self", Value::Null, Action::TokenUse);
        let ask = self.by(Some(&token), ask);
        self.storm(&ask);
    }

    fn revoke_token(&mut self, node: &Node) {
        let Some(token) = self.some_token() else { return };
        let action = Action::TokenRevoke { token: token.number };
        let ask = self.root("POST", "auth/token/revoke", json!({"token": token.text}), action);
        self.scene.perform(self.who, node, ask, |_| Seen::default());
    }

    fn some_document(&mut self) -> String {
        format!("doc/{}/{}", self.who.epoch, self.dice.between(0, DOCUMENTS))
    }

    /// Mostly onto the version that is there, as a careful client does; else onto one that may be wrong, or any.
    fn write_document(&mut self, node: &Node) {
        let (key, by) = (self.some_document(), self.some_asker());
        let ask = self.reading(&key);
        let seen = self.scene.perform(self.who, node, ask, seen);
        let version = seen.and_then(|body| body["data"]["metadata"]["version"].as_u64()).unwrap_or(0);
        let cas = match self.dice.between(0, 10) {
            0 => self.dice.between(0, version + 2),
            _ => version,
        };
        let value = self.scene.next_value.fetch_add(1, Ordering::Relaxed);
        let body = json!({"options": {"cas": cas}, "data": {"value": value}});
        let path = format!("secret/data/{key}");
        let action = Action::KvWrite { key, cas: Some(cas), value };
        let ask = self.by(by.as_ref(), self.root("POST", &path, body, action));
        // Another node than the one that was read from.
        let node = self.node();
        let written = |body: &Value| Seen { version: body["data"]["version"].as_u64(), value: None };
        self.scene.perform(self.who, node, ask, written);
    }

    fn read_document(&mut self, node: &Node) {
        let (key, by) = (self.some_document(), self.some_asker());
        let ask = self.by(by.as_ref(), self.reading(&key));
        self.scene.perform(self.who, node, ask, seen);
    }

    fn reading(&self, key: &str) -> Ask {
        self.root("GET", &format!("secret/data/{key}"), Value::Null, Action::KvRead { key: key.to_owned() })
    }

    fn create_counted(&mut self, node: &Node) {
        let number = self.scene.next_counted.fetch_add(1, Ordering::Relaxed);
        let is_wrap = self.dice.percent(60);
        let (kind, uses) = if is_wrap { ("wrap", 1) } else { ("secret_id", self.dice.between(1, 4)) };
        let action = Action::CountedCreate { kind: kind.to_owned(), number, uses };
        let ask = if is_wrap {
            let ask = self.root("POST", "sys/wrapping/wrap", json!({"number": number}), action);
            Ask { wrap_ttl: true, ..ask }
        } else {
            self.root("POST", "auth/approle/role/sim/secret-id", json!({"num_uses": uses}), action)
        };
        let Some(body) = self.scene.perform(self.who, node, ask, |_| Seen::default()) else { return };
        let text = if is_wrap { &body["wrap_info"]["token"] } else { &body["data"]["secret_id"] };
        if let Some(text) = text.as_str().map(str::to_owned) {
            self.known(|known| known.counted.push(Counted { kind, number, text }));
        }
    }

    fn use_counted(&mut self) {
        let recent = self.known(|known| known.counted.iter().rev().take(3).cloned().collect::<Vec<_>>());
        let Some(counted) = self.dice.pick(&recent).cloned() else { return };
        let action = Action::CountedUse { kind: counted.kind.to_owned(), number: counted.number };
        let ask = if counted.kind == "wrap" {
            self.root("POST", "sys/wrapping/unwrap", json!({"token": counted.text}), action)
        } else {
            let body = json!({"role_id": self.scene.role_id, "secret_id": counted.text});
            self.root("POST", "auth/approle/login", body, action)
        };
        self.storm(&ask);
    }

    fn write_policy(&mut self, node: &Node) {
        let (epoch, allows) = (self.who.epoch, self.dice.percent(50));
        let policy = format!("moot-{epoch}");
        let (path, body) = (format!("sys/policies/acl/{policy}"), json!({"policy": moot_text(epoch, allows)}));
        let ask = self.root("POST", &path, body, Action::PolicyWrite { policy, allows });
        self.scene.perform(self.who, node, ask, |_| Seen::default());
    }

    fn use_policy(&mut self, node: &Node) {
        let ask = policy_use(self.scene, self.who.epoch);
        self.scene.perform(self.who, node, ask, |_| Seen::default());
    }
}

/// Does what the policy of an epoch may or may not allow.
pub fn policy_use(scene: &Scene, epoch: usize) -> Ask {
    let action = Action::PolicyUse { policy: format!("moot-{epoch}") };
    let (path, token) = (format!("secret/data/moot/{epoch}"), scene.moot.clone());
    Ask { method: "GET", path, token, body: Value::Null, wrap_ttl: false, by: None, action }
}

/// Reads a document, as root.
pub fn document_read(scene: &Scene, key: &str) -> Ask {
    let action = Action::KvRead { key: key.to_owned() };
    let (path, token) = (format!("secret/data/{key}"), scene.root.clone());
    Ask { method: "GET", path, token, body: Value::Null, wrap_ttl: false, by: None, action }
}

/// What a reader of a document has seen.
pub fn seen(body: &Value) -> Seen {
    Seen { version: body["data"]["metadata"]["version"].as_u64(), value: body["data"]["data"]["value"].as_u64() }
}
