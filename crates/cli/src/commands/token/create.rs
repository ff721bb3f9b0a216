//! token create.
use super::*;
use crate::call::Call;
use crate::failure::Failure;
use kw_client::Request;
use serde_json::{Map, Value, json};

pub(super) fn create(call: &mut Call) -> Result<i32, Failure> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| _ = body.insert(name.to_owned(), value);
    for (flag, name) in [
        (&TTL, "ttl"),
        (&EXPLICIT_MAX_TTL, "explicit_max_ttl"),
        (&PERIOD, "period"),
        (&DISPLAY_NAME, "display_name"),
        (&TYPE, "type"),
        (&ID, "id"),
        (&ENTITY_ALIAS, "entity_alias"),
    ] {
        if let Some(text) = call.text(flag) {
            set(name, json!(text));
        }
    }
    let policies = call.all(&POLICY);
    if !policies.is_empty() {
        set("policies", json!(policies));
    }
    let metadata = call.pairs(&METADATA);
    if !metadata.is_empty() {
        set("meta", json!(metadata));
    }
    if let Some(uses) = call.int(&USE_LIMIT) {
        set("num_uses", json!(uses));
    }
    set("renewable", json!(call.text(&RENEWABLE).is_none() || call.on(&RENEWABLE)));
    set("no_parent", json!(call.on(&ORPHAN)));
    set("no_default_policy", json!(call.on(&NO_DEFAULT_POLICY)));
    let path = match call.text(&ROLE) {
        Some(role) => format!("auth/token/create/{role}"),
        None => "auth/token/create".to_owned(),
    };
    let answer = call.session()?.send(Request::post(&path, &body));
    let answer = answer.map_err(|e| e.during("Error creating token"))?;
    call.show(&answer)
}
