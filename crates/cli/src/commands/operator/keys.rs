//! operator rotate, key-status.
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{columns, plain};
use crate::session::Session;
use kw_client::Request;
use serde_json::json;

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
    let mut rows = vec![
        vec!["Key Term".to_owned(), text("term")],
        vec!["Install Time".to_owned(), day_and_minute(&text("install_time"))],
    ];
    if status.get("encryptions").is_some_and(|n| n.as_u64().is_some()) {
        rows.push(vec!["Encryption Count".to_owned(), text("encryptions")]);
    }
    call.say(columns(&rows)).map(|()| 0)
}

/// `02 Jan 06 15:04 UTC` from RFC 3339 in UTC; any other text stays.
fn day_and_minute(time: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let read = || {
        let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.split('-');
        let (year, month, day) = (date.next()?, date.next()?.parse::<usize>().ok()?, date.next()?);
        let month = MONTHS.get(month.checked_sub(1)?)?;
        Some(format!("{day} {month} {} {} UTC", year.get(2..)?, clock.get(..5)?))
    };
    read().unwrap_or_else(|| time.to_owned())
}
