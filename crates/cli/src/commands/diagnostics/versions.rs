//! version-history.
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{plain, titled};
use kw_client::{Json, Request};

pub(super) fn version_history(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.find(Request::list("sys/version-history"));
    let answer = answer.map_err(|e| e.during("Error listing the versions"))?;
    let Some(answer) = answer else { return Err(Failure::remote("The server keeps no history of its versions.")) };
    if !call.format()?.is_table() {
        call.show_structure(&answer)?;
        return Ok(0);
    }
    let row = |version: String| {
        let about = answer.field("key_info").and_then(|all| all.get(&version));
        let text = |names: [&str; 2]| {
            let found = names.iter().find_map(|n| about?.get(n)).filter(|v| **v != Json::Null);
            found.map(plain).unwrap_or_default()
        };
        let installed = text(["timestamp_installed", "timestamp_installed"]);
        let built = text(["build_date", "commit_date"]);
        vec![version, installed, built]
    };
    let rows: Vec<_> = answer.keys().into_iter().map(row).collect();
    call.say(titled(&["Version", "Installation Time", "Build Date"], &rows)).map(|()| 0)
}
