//! `sys/loggers`: how much the parts of this node log. What is set here lasts until the node is restarted.
use super::{Call, SysRoutes};
use crate::loggers::level;
use kw_engine::Reply;
use kw_schema::{Nothing, Request};
use kw_types::Fault;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("loggers")
        .read(list)
        .write(set_all)
        .delete(reset_all)
        .at("loggers/{name*}")
        .read(read)
        .write(set)
        .delete(reset)
}

async fn list(call: &Call<'_>, _: Nothing) -> Result<Reply, Fault> {
    Reply::data(&call.kernel.loggers.levels().unwrap_or_default())
}

/// A part of the server.
#[derive(Request)]
struct Part {
    /// Its name, as `sys/loggers` lists it.
    #[capture]
    name: String,
}

async fn read(call: &Call<'_>, ask: Part) -> Result<Reply, Fault> {
    let levels = call.kernel.loggers.levels().unwrap_or_default();
    let level = levels.get(ask.name.as_str()).ok_or_else(unknown)?;
    Reply::data(&BTreeMap::from([(ask.name.as_str(), level)]))
}

/// Sets the level of all parts.
#[derive(Request)]
struct SetAll {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    #[field(required)]
    level: String,
}

/// Sets the level of one part.
#[derive(Request)]
struct Set {
    /// Its name, as `sys/loggers` lists it.
    #[capture]
    name: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    #[field(required)]
    level: String,
}

async fn set_all(call: &Call<'_>, ask: SetAll) -> Result<(), Fault> {
    change(call, None, Some(&ask.level))
}

async fn set(call: &Call<'_>, ask: Set) -> Result<(), Fault> {
    change(call, Some(&ask.name), Some(&ask.level))
}

async fn reset_all(call: &Call<'_>, _: Nothing) -> Result<(), Fault> {
    change(call, None, None)
}

async fn reset(call: &Call<'_>, ask: Part) -> Result<(), Fault> {
    change(call, Some(&ask.name), None)
}

fn change(call: &Call<'_>, part: Option<&str>, word: Option<&str>) -> Result<(), Fault> {
    let wrong = || Fault::bad_request("invalid level provided: it is trace, debug, info, warn or error");
    let level = word.map(|word| level(word).ok_or_else(wrong)).transpose()?;
    if call.kernel.loggers.set(part, level) { Ok(()) } else { Err(unknown()) }
}

fn unknown() -> Fault {
    Fault::bad_request("there is no such logger; sys/loggers lists them")
}
