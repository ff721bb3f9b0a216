//! operator release.
use super::STATUS;
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{columns, plain};
use kw_client::Request;
use serde_json::json;

pub(super) fn release(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    if call.on(&STATUS) {
        let answer = session.send(Request::get("sys/leases/held"));
        let held = answer.map_err(|e| e.during("Error reading what is held"))?.data.unwrap_or_default();
        if !call.format()?.is_table() {
            call.show_structure(&held)?;
            return Ok(0);
        }
        let text = |name: &str| held.get(name).map(plain).unwrap_or_default();
        let names = [("Held", "held"), ("Since", "since"), ("Leases Waiting", "waiting")];
        let rows: Vec<_> = names.iter().map(|(title, name)| vec![(*title).to_owned(), text(name)]).collect();
        return call.say(columns(&rows)).map(|()| 0);
    }
    session.send(Request::put("sys/leases/release", &json!({}))).map_err(|e| e.during("Error releasing"))?;
    call.say("Success! Revocations that were held go on.").map(|()| 0)
}
