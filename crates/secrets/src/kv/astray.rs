//! Paths of version 1 on a mount of version 2: instead of a bare 404 the caller is told what is wrong.
use kw_engine::{Body, Cx, Fault, JsonText, Reply, Request, Txn, View};

/// The first segments that mean something here.
const HEADS: [&str; 6] = ["data", "metadata", "delete", "undelete", "destroy", "subkeys"];

/// Answers 404 with a warning that says which paths this mount has.
#[derive(Request)]
pub(super) struct Any {
    /// Whatever was asked for.
    #[capture]
    path: String,
}

pub(super) async fn read(_: &Cx<'_>, _: View<'_>, any: Any) -> Result<Reply, Fault> {
    any.advise("get")
}

pub(super) async fn write(_: &Cx<'_>, _: Txn<'_>, any: Any) -> Result<Reply, Fault> {
    any.advise("put")
}

pub(super) async fn delete(_: &Cx<'_>, _: Txn<'_>, any: Any) -> Result<Reply, Fault> {
    any.advise("delete")
}

pub(super) async fn list(_: &Cx<'_>, _: View<'_>, any: Any) -> Result<Reply, Fault> {
    if any.path.trim_end_matches('/') == "config" { advice("list") } else { any.advise("list") }
}

impl Any {
    /// A path that is right, with an operation that is not, is no case for advice. Errors: 405.
    fn advise(&self, command: &str) -> Result<Reply, Fault> {
        let head = self.path.split('/').next().unwrap_or_default();
        if self.path == "config" || HEADS.contains(&head) {
            return Err(Fault::unsupported());
        }
        advice(command)
    }
}

fn advice(command: &str) -> Result<Reply, Fault> {
    let warning = format!(
        "Invalid path for a versioned K/V secrets engine: data is at data/, metadata at metadata/ below the mount; \
         on the command line, 'keywright kv {command}' finds the right one."
    );
    let body = Body::Data(JsonText::null());
    Ok(Reply { warnings: vec![warning], status: Some(404), ..Reply::new(body) })
}
