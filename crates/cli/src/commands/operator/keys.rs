//! operator rotate, key-status.
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{columns, plain};
use crate::session::Session;
use kw_client::Request;
use serde_json::{Value, json};

pub(super) fn rotate(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    session.send(Request::put("sys/rotate", &json!({}))).map_err(|e| e.during("Error rotating key"))?;
    if call.format()?.is_table() {
        call.say("Success! Rotated key\n")?;
    }
    show(call, &session)
}

pub(super) fn status(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    show(call, &session)
}

fn show(call: &mut Call, session: &Session) -> Result<i32, Failure> {
    let answer = session.send(Request::get("sys/key-status")).map_err(|e| e.during("Error reading key status"))?;
    let status = answer.data.unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&status)?;
        return Ok(0);
    }
    let text = |name: &str| status.get(name).map(plain).unwrap_or_default();
    let mut rows =
        vec![vec!["Key Term".to_owned(), text("term")], vec!["Install Time".to_owned(), text("install_time")]];
    if status.get("encryptions").is_some_and(Value::is_number) {
        rows.push(vec!["Encryption Count".to_owned(), text("encryptions")]);
    }
    call.say(columns(&rows)).map(|()| 0)
}
