//! More time for tokens and leases.
use super::Client;
use crate::history::{Action, Seen};
use crate::node::Node;
use crate::scene::Token;
use serde_json::json;
use std::rc::Rc;

/// What is asked for, in seconds: less than a night, more than one, and more than anything may have.
const INCREMENTS: [u64; 3] = [6 * 3600, 12 * 3600, 40 * 3600];

impl Client {
    pub(super) async fn renew_token(&self, node: &Rc<Node>) {
        let token = {
            let known = self.scene.known.borrow();
            let renewable: Vec<&Token> = known.tokens.iter().filter(|token| token.max_seconds > 0).collect();
            self.dice.pick(&renewable).map(|token| Token::clone(token))
        };
        let Some(token) = token else { return };
        let increment_seconds = self.increment();
        let increment = format!("{increment_seconds}s");
        let ask = self.root("POST", "auth/token/renew").with(json!({"token": token.text, "increment": increment}));
        let max_seconds = token.max_seconds;
        let action = Action::TokenRenew { token: token.number, increment_seconds, max_seconds };
        let read = |body: &serde_json::Value| Seen { version: None, value: body["auth"]["lease_duration"].as_u64() };
        if self.perform(node, None, action, ask, read).await.is_some() {
            self.scene.known.borrow_mut().renewed.push(token);
        }
    }

    pub(super) async fn renew_lease(&self, node: &Rc<Node>) {
        let Some((credential, id)) = self.some_lease() else { return };
        let increment_seconds = self.increment();
        let increment = format!("{increment_seconds}s");
        let ask = self.root("POST", "sys/leases/renew").with(json!({"lease_id": id, "increment": increment}));
        let action = Action::LeaseRenew { credential, increment_seconds };
        let read = |body: &serde_json::Value| Seen { version: None, value: body["lease_duration"].as_u64() };
        self.perform(node, None, action, ask, read).await;
    }

    fn increment(&self) -> u64 {
        *self.dice.pick(&INCREMENTS).unwrap_or(&0)
    }
}
