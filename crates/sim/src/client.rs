//! What the clients do, one operation after the other, each by the draw of its own dice.
mod keys;
mod places;
mod renewals;

use crate::chance::Dice;
use crate::door::RIGHT;
use crate::founding::{MOOT, PASSWORD, WORKER, moot_text};
use crate::history::{Action, Seen};
use crate::node::Node;
use crate::request::Ask;
use crate::scene::{Counted, Recorded, Scene, Token};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// One client of a run.
pub struct Client {
    number: u32,
    scene: Rc<Scene>,
    dice: Dice,
}

/// Documents are few, so that clients meet.
const DOCUMENTS: u64 = 2;

impl Client {
    pub fn new(number: u32, scene: Rc<Scene>) -> Self {
        let dice = scene.dice.fork(u64::from(number));
        Self { number, scene, dice }
    }

    /// Goes on until all operations of the run are done.
    pub async fn run(self) {
        while self.scene.take_turn() {
            if let Some(node) = self.dice.pick(&self.scene.nodes) {
                self.act(&node.clone()).await;
            }
            if self.dice.permille(600) {
                sleep(Duration::from_millis(self.dice.below(1200))).await;
            }
        }
    }

    /// Does something, now and then several times at once on several nodes: what is counted is counted most wrongly then.
    async fn storm(&self, node: &Rc<Node>, act: impl AsyncFn(&Rc<Node>)) {
        let times = if self.dice.permille(350) { self.dice.between(2, 7) } else { 1 };
        let nodes = (1..times).filter_map(|_| self.dice.pick(&self.scene.nodes)).chain([node]);
        join_all(nodes.map(|node| act(node))).await;
    }

    async fn act(&self, node: &Rc<Node>) {
        match self.dice.below(128) {
            0..12 => self.create_token(node).await,
            12..30 => self.use_token(node).await,
            30..36 => self.revoke_token(node).await,
            36..48 => self.write_document(node).await,
            48..58 => self.read_document(node).await,
            58..63 => self.create_counted(node).await,
            63..73 => self.use_counted(node).await,
            73..81 => self.log_in(node).await,
            81..84 => self.write_policy(node).await,
            84..90 => self.use_policy(node).await,
            90..96 => self.borrow_credential(node).await,
            96..100 => self.return_credential(node).await,
            100..105 => self.renew_token(node).await,
            105..109 => self.renew_lease(node).await,
            109..119 => self.visit_place(node).await,
            119..125 => self.visit_shelf(node).await,
            125..127 => self.rekey(node).await,
            _ => self.rotate(node).await,
        }
    }

    async fn perform(
        &self,
        node: &Rc<Node>,
        by: Option<&Token>,
        action: Action,
        ask: Ask,
        read: impl FnOnce(&Value) -> Seen,
    ) -> Option<Value> {
        let recorded = Recorded { client: self.number, by: by.map(|token| token.number), action };
        self.scene.perform(node, recorded, ask, read).await
    }

    fn root(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).by(&self.scene.founded.root)
    }

    /// A request by a token, or by root where there is none.
    fn as_token(&self, by: Option<&Token>, method: &str, path: &str) -> Ask {
        match by {
            Some(token) => Ask::new(method, path).by(&token.text),
            None => self.root(method, path),
        }
    }

    /// One of the tokens that were made lately.
    fn some_token(&self) -> Option<Token> {
        let known = self.scene.known.borrow();
        let recent = known.tokens.len().saturating_sub(6);
        self.dice.pick(known.tokens.get(recent..).unwrap_or_default()).cloned()
    }

    /// Sometimes a token, else root.
    fn some_asker(&self) -> Option<Token> {
        if self.dice.permille(400) { self.some_token() } else { None }
    }

    async fn create_token(&self, node: &Rc<Node>) {
        let parent = self.some_asker().filter(|token| token.uses == 0 && !token.is_batch);
        let number = {
            let mut known = self.scene.known.borrow_mut();
            known.next_token += 1;
            known.next_token
        };
        let uses = if self.dice.permille(500) { self.dice.between(1, 4) } else { 0 };
        let is_batch = uses == 0 && self.dice.permille(400);
        // What lasts for hours does not last over the night, unless it is renewed and may be.
        let (ttl_seconds, max_seconds) = match self.dice.below(10) {
            0..3 => (self.dice.between(5, 40), 0),
            3..6 => (5 * 3600, if self.dice.permille(500) { 6 * 3600 } else { 15 * 3600 }),
            _ => (20 * 3600, 0),
        };
        let max_seconds = if is_batch { 0 } else { max_seconds };
        let wanted = json!({
            "policies": [WORKER],
            "num_uses": uses,
            "ttl": ttl_seconds,
            "explicit_max_ttl": max_seconds,
            "no_parent": parent.is_none(),
            "type": if is_batch { "batch" } else { "service" },
        });
        let ask = self.as_token(parent.as_ref(), "POST", "auth/token/create").with(wanted);
        let action =
            Action::TokenCreate { token: number, parent: parent.as_ref().map(|p| p.number), uses, ttl_seconds };
        let made = self.perform(node, parent.as_ref(), action, ask, |_| Seen::default()).await;
        if let Some(text) = made.and_then(|body| body["auth"]["client_token"].as_str().map(str::to_owned)) {
            self.scene.known.borrow_mut().tokens.push(Token { number, text, uses, max_seconds, is_batch });
        }
    }

    async fn use_token(&self, node: &Rc<Node>) {
        let renewed = self.dice.pick(&self.scene.known.borrow().renewed).cloned();
        let Some(token) = renewed.filter(|_| self.dice.permille(300)).or_else(|| self.some_token()) else { return };
        let ask = Ask::new("GET", "auth/token/lookup-self").by(&token.text);
        self.storm(node, async |node| {
            self.perform(node, Some(&token), Action::TokenUse, ask.clone(), |_| Seen::default()).await;
        })
        .await;
    }

    async fn revoke_token(&self, node: &Rc<Node>) {
        let Some(token) = self.some_token() else { return };
        let ask = self.root("POST", "auth/token/revoke").with(json!({"token": token.text}));
        self.perform(node, None, Action::TokenRevoke { token: token.number }, ask, |_| Seen::default()).await;
    }

    fn next_value(&self) -> u64 {
        let mut known = self.scene.known.borrow_mut();
        known.next_value += 1;
        known.next_value
    }

    fn some_document(&self) -> String {
        format!("doc{}", self.dice.below(DOCUMENTS))
    }

    async fn write_document(&self, node: &Rc<Node>) {
        let (key, by) = (self.some_document(), self.some_asker());
        let value = self.next_value();
        let cas = match self.dice.below(10) {
            0 => None,
            _ => Some(self.current_version(node, &key).await),
        };
        let options = cas.map_or_else(|| json!({}), |cas| json!({"cas": cas}));
        let body = json!({"data": {"value": value}, "options": options});
        let ask = self.as_token(by.as_ref(), "POST", &format!("secret/data/{key}")).with(body);
        let read = |body: &Value| Seen { version: body["data"]["version"].as_u64(), value: None };
        self.perform(node, by.as_ref(), Action::KvWrite { key, cas, value }, ask, read).await;
    }

    /// What a careful client does before it writes.
    async fn current_version(&self, node: &Rc<Node>, key: &str) -> u64 {
        let body = self.read_key(node, None, key).await;
        body.and_then(|body| body["data"]["metadata"]["version"].as_u64()).unwrap_or(0)
    }

    async fn read_document(&self, node: &Rc<Node>) {
        let (key, by) = (self.some_document(), self.some_asker());
        self.read_key(node, by.as_ref(), &key).await;
    }

    async fn read_key(&self, node: &Rc<Node>, by: Option<&Token>, key: &str) -> Option<Value> {
        let ask = self.as_token(by, "GET", &format!("secret/data/{key}"));
        let read = |body: &Value| Seen {
            version: body["data"]["metadata"]["version"].as_u64(),
            value: body["data"]["data"]["value"].as_u64(),
        };
        self.perform(node, by, Action::KvRead { key: key.to_owned() }, ask, read).await
    }

    async fn create_counted(&self, node: &Rc<Node>) {
        let number = {
            let mut known = self.scene.known.borrow_mut();
            known.next_counted += 1;
            known.next_counted
        };
        let is_wrap = self.dice.permille(600);
        let (kind, uses) = if is_wrap { ("wrap", 1) } else { ("secret_id", self.dice.between(1, 4)) };
        let ask = if is_wrap {
            self.root("POST", "sys/wrapping/wrap").with(json!({"number": number})).wrapped_for("20h")
        } else {
            self.root("POST", "auth/approle/role/sim/secret-id").with(json!({"num_uses": uses}))
        };
        let action = Action::CountedCreate { kind: kind.to_owned(), number, uses };
        let Some(body) = self.perform(node, None, action, ask, |_| Seen::default()).await else { return };
        let text = if is_wrap { &body["wrap_info"]["token"] } else { &body["data"]["secret_id"] };
        if let Some(text) = text.as_str().map(str::to_owned) {
            self.scene.known.borrow_mut().counted.push(Counted { kind, number, text });
        }
    }

    async fn use_counted(&self, node: &Rc<Node>) {
        let counted = {
            let known = self.scene.known.borrow();
            let recent = known.counted.len().saturating_sub(3);
            self.dice.pick(known.counted.get(recent..).unwrap_or_default()).cloned()
        };
        let Some(counted) = counted else { return };
        self.storm(node, async |node| {
            let ask = match (counted.kind, self.dice.permille(500)) {
                ("wrap", true) => Ask::new("POST", "sys/wrapping/unwrap").by(&counted.text),
                ("wrap", false) => self.root("POST", "sys/wrapping/unwrap").with(json!({"token": counted.text})),
                _ => Ask::new("POST", "auth/approle/login")
                    .with(json!({"role_id": self.scene.founded.role_id, "secret_id": counted.text})),
            };
            let action = Action::CountedUse { kind: counted.kind.to_owned(), number: counted.number };
            self.perform(node, None, action, ask, |_| Seen::default()).await;
        })
        .await;
    }

    /// Nobody knows the victim's password; the others know theirs and mistype it.
    async fn log_in(&self, node: &Rc<Node>) {
        let (user, right) = match self.dice.below(2) {
            0 => ("victim", false),
            _ => ("ann", self.dice.permille(250)),
        };
        let (method, good) = if self.scene.plan.real_passwords { ("userpass", PASSWORD) } else { ("door", RIGHT) };
        let password = if right { good } else { "wrong" };
        let ask = Ask::new("POST", &format!("auth/{method}/login/{user}")).with(json!({"password": password}));
        self.storm(node, async |node| {
            let action = Action::Login { user: user.to_owned(), right };
            self.perform(node, None, action, ask.clone(), |_| Seen::default()).await;
        })
        .await;
    }

    async fn write_policy(&self, node: &Rc<Node>) {
        let allows = self.dice.permille(500);
        let ask = self.root("POST", &format!("sys/policies/acl/{MOOT}")).with(json!({"policy": moot_text(allows)}));
        let action = Action::PolicyWrite { policy: MOOT.to_owned(), allows };
        self.perform(node, None, action, ask, |_| Seen::default()).await;
    }

    async fn use_policy(&self, node: &Rc<Node>) {
        let ask = Ask::new("GET", "secret/data/moot").by(&self.scene.founded.moot);
        let action = Action::PolicyUse { policy: MOOT.to_owned() };
        self.perform(node, None, action, ask, |_| Seen::default()).await;
    }

    async fn borrow_credential(&self, node: &Rc<Node>) {
        let by = self.some_asker();
        let ask = self.as_token(by.as_ref(), "POST", "lender/lend");
        let read = |body: &Value| Seen { version: None, value: body["data"]["number"].as_u64() };
        let Some(body) = self.perform(node, by.as_ref(), Action::LeaseIssue, ask, read).await else { return };
        if let (Some(number), Some(lease)) = (body["data"]["number"].as_u64(), body["lease_id"].as_str()) {
            self.scene.known.borrow_mut().leases.push((number, lease.to_owned()));
        }
    }

    /// A credential and its lease.
    fn some_lease(&self) -> Option<(u64, String)> {
        let known = self.scene.known.borrow();
        self.dice.pick(&known.leases).cloned()
    }

    async fn return_credential(&self, node: &Rc<Node>) {
        let Some((credential, id)) = self.some_lease() else { return };
        let ask = self.root("POST", "sys/leases/revoke").with(json!({"lease_id": id}));
        self.perform(node, None, Action::LeaseRevoke { credential }, ask, |_| Seen::default()).await;
    }
}
