//! New keys, and new shares of the key that opens the store.
use super::Client;
use crate::history::{Action, Seen};
use crate::node::Node;
use serde_json::{Value, json};
use std::rc::Rc;

impl Client {
    /// A request that reads what was written under a key made since it began is told to try again: so not where every request is
    /// to get its answer.
    pub(super) async fn rotate(&self, node: &Rc<Node>) {
        if self.scene.plan.is_calm() {
            return;
        }
        let ask = self.root("POST", "sys/rotate");
        self.perform(node, None, Action::Rotate, ask, |_| Seen::default()).await;
    }

    /// As a careful operator does it: the new share is in his hands before it is in force.
    ///
    /// A node that has slept over two changes of the root key closes itself until somebody opens it: where nothing is to go wrong,
    /// there is one.
    pub(super) async fn rekey(&self, node: &Rc<Node>) {
        if self.scene.plan.is_calm() && std::mem::replace(&mut self.scene.known.borrow_mut().has_rekeyed, true) {
            return;
        }
        let wanted = json!({"secret_shares": 1, "secret_threshold": 1, "require_verification": true});
        let Some(begun) = self.prepare(node, "POST", "sys/rekey/init", wanted).await else {
            self.prepare(node, "DELETE", "sys/rekey/init", Value::Null).await;
            return;
        };
        let old = json!({"nonce": begun["nonce"], "key": self.scene.holder.newest()});
        let made = self.prepare(node, "POST", "sys/rekey/update", old).await;
        let new = made.as_ref().and_then(|made| made["keys_base64"][0].as_str());
        let (Some(made), Some(new)) = (&made, new) else {
            self.prepare(node, "DELETE", "sys/rekey/init", Value::Null).await;
            return;
        };
        let share = self.scene.holder.keep(new.to_owned());
        let shown = json!({"nonce": made["verification_nonce"], "key": new});
        let ask = self.root("POST", "sys/rekey/verify").with(shown);
        self.perform(node, None, Action::Rekey { share }, ask, |_| Seen::default()).await;
    }

    async fn prepare(&self, node: &Rc<Node>, method: &str, path: &str, body: Value) -> Option<Value> {
        let ask = self.root(method, path).with(body);
        self.perform(node, None, Action::RekeyPrepare, ask, |_| Seen::default()).await
    }
}
