//! Engines that come, go and move, while others write to them; and the thing that is always somewhere.
use super::Client;
use crate::history::{Action, Place, Seen};
use crate::node::Node;
use serde_json::{Value, json};
use std::rc::Rc;

/// The paths of the places.
const PATHS: [&str; 2] = ["spare-a", "spare-b"];

impl Client {
    /// One step with one of the places, on one node.
    pub(super) async fn visit_place(&self, node: &Rc<Node>) {
        let place: Place = self.dice.below(2) as Place;
        match self.dice.below(10) {
            0..2 => self.enable(node, place).await,
            2 => self.at_place(node, "DELETE", "", place, Action::MountDisable { place }).await,
            3 => self.move_mount(node, place).await,
            4 => self.at_place(node, "POST", "/tune", place, Action::MountTune { place }).await,
            5..8 => self.write_there(node, place).await,
            _ => self.read_there(node, place).await,
        }
    }

    async fn enable(&self, node: &Rc<Node>, place: Place) {
        self.at_place(node, "POST", "", place, Action::MountEnable { place }).await;
    }

    async fn at_place(&self, node: &Rc<Node>, method: &str, suffix: &str, place: Place, action: Action) {
        let body = match action {
            Action::MountEnable { .. } => json!({"type": "kv"}),
            Action::MountTune { .. } => json!({"default_lease_ttl": format!("{}s", self.dice.between(60, 6000))}),
            _ => Value::Null,
        };
        let ask = self.root(method, &format!("sys/mounts/{}{suffix}", text(place))).with(body);
        self.perform(node, None, action, ask, |_| Seen::default()).await;
    }

    async fn move_mount(&self, node: &Rc<Node>, from: Place) {
        let to = 1 - from;
        let ask = self.root("POST", "sys/remount").with(json!({"from": text(from), "to": text(to)}));
        self.perform(node, None, Action::MountMove { from, to }, ask, |_| Seen::default()).await;
    }

    async fn write_there(&self, node: &Rc<Node>, place: Place) {
        let value = self.next_value();
        let ask = self.root("POST", &format!("{}/doc", text(place))).with(json!({"value": value}));
        self.perform(node, None, Action::MountWrite { place, value }, ask, |_| Seen::default()).await;
    }

    async fn read_there(&self, node: &Rc<Node>, place: Place) {
        let ask = self.root("GET", &format!("{}/doc", text(place)));
        let read = |body: &Value| Seen { version: None, value: body["data"]["value"].as_u64() };
        self.perform(node, None, Action::MountRead { place }, ask, read).await;
    }

    /// Some bring the thing elsewhere while others look for it.
    pub(super) async fn visit_shelf(&self, node: &Rc<Node>) {
        self.storm(node, async |node| {
            let (method, path, action) = match self.dice.below(5) {
                0..2 => ("POST", "shelf/bring", Action::ThingBring),
                2..4 => ("GET", "shelf/seek", Action::ThingSeek),
                _ => ("POST", "shelf/seek", Action::ThingSeek),
            };
            self.perform(node, None, action, self.root(method, path), |_| Seen::default()).await;
        })
        .await;
    }
}

fn text(place: Place) -> &'static str {
    PATHS.get(place as usize).copied().unwrap_or_default()
}
