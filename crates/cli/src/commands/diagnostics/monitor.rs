//! monitor.
use super::LOG_FORMAT;
use crate::call::Call;
use crate::failure::Failure;
use crate::flags;
use kw_client::Request;

pub(super) fn monitor(call: &mut Call) -> Result<i32, Failure> {
    let level = call.text_or(&flags::LOG_LEVEL, "info").to_lowercase();
    let form = call.text_or(&LOG_FORMAT, "standard").to_lowercase();
    if !["trace", "debug", "info", "notice", "warn", "warning", "error"].contains(&level.as_str()) {
        return Err(Failure::local("The log level must be trace, debug, info, warn or error."));
    }
    let session = call.session()?.unwrapped();
    let request = Request::get("sys/monitor").query("log_level", &level).query("log_format", &form);
    let mut stream = session.stream(request).map_err(|e| e.during("Error starting monitor"))?;
    while let Some(piece) = session.next(&mut stream).map_err(|e| e.during("Error reading the log"))? {
        call.write_bytes(&piece)?;
    }
    Ok(0)
}
