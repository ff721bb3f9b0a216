//! What `?help` answers: the page of a path, or of a mount with all its paths.
use crate::kernel::Kernel;
use crate::resolve::Resolved;
use crate::run::Outcome;
use crate::sys::{Answering, BareJson};
use kw_engine::Mount;
use kw_schema::{Field, Kind, Op, Place, RouteTable, Verb, openapi_path};
use kw_types::Fault;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The answer, by the names that clients know.
#[derive(Serialize)]
struct Page {
    help: String,
    /// Always null, as from Vault.
    see_also: Option<()>,
    openapi: Value,
}

/// The page of what the request leads to. Errors: 404 where it leads nowhere.
pub(crate) fn page(kernel: &Kernel, resolved: &Resolved<'_>) -> Result<Outcome, Fault> {
    let mount = resolved.mount.as_ref().ok_or_else(Fault::not_found)?;
    let path = resolved.path.as_str();
    let rest = path.strip_prefix(mount.path.as_str()).unwrap_or_default();
    let page = match (kernel.system.table(&mount.kind), kernel.registry.of_mount(mount)) {
        (Some(table), _) => of_table(kernel, mount, "", table, rest),
        (None, Some(engine)) => of_table(kernel, mount, engine.doc(), engine.routes(mount).table(), rest),
        (None, None) => None,
    };
    BareJson(200, page.ok_or_else(Fault::not_found)?).into_outcome()
}

fn of_table<H>(kernel: &Kernel, mount: &Mount, doc: &str, table: &RouteTable<H>, rest: &str) -> Option<Page> {
    let mut paths = Map::new();
    let help = if rest.is_empty() {
        for (pattern, op) in table.each() {
            openapi_path(&mut paths, mount.path.as_str(), pattern, op);
        }
        of_mount(mount, doc, table)
    } else {
        let (pattern, ops) = table.at(rest)?;
        for op in ops {
            openapi_path(&mut paths, mount.path.as_str(), pattern, op);
        }
        of_path(rest, pattern, ops)
    };
    let info = json!({"title": "Keywright API", "version": kernel.settings.version});
    let openapi = json!({"openapi": "3.0.2", "info": info, "paths": paths, "components": {"schemas": {}}});
    Some(Page { help, see_also: None, openapi })
}

/// What the engine is for, and its paths with a line on each.
fn of_mount<H>(mount: &Mount, doc: &str, table: &RouteTable<H>) -> String {
    let doc = if doc.is_empty() { &mount.description } else { doc };
    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (pattern, op) in table.each() {
        let line = format!("{}: {}", word(op.verb), op.summary());
        paths.entry(pattern).or_default().push(line);
    }
    let mut out = format!(
        "## DESCRIPTION\n\n{}\n\n## PATHS\n\nThese paths are below {}. For help on one of them, ask for the help of any path that matches it.\n",
        doc.trim_end(),
        mount.path
    );
    for (pattern, lines) in paths {
        out.push_str(&format!("\n    {}\n", if pattern.is_empty() { "(the mount itself)" } else { pattern }));
        for line in lines {
            out.push_str(&format!("        {line}\n"));
        }
    }
    out
}

/// What can be done with a path, and with which parameters.
fn of_path<H>(rest: &str, pattern: &str, ops: &[Op<H>]) -> String {
    let mut out = format!("Request:        {rest}\nMatching Route: {pattern}\n\n## DESCRIPTION\n");
    for op in ops {
        out.push_str(&format!("\n    {}\n{}", word(op.verb), indented(op.doc)));
    }
    let mut fields: Vec<&Field> = Vec::new();
    for field in ops.iter().flat_map(|op| &op.fields).filter(|f| matches!(f.place, Place::Path | Place::Param)) {
        if !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    if !fields.is_empty() {
        out.push_str("\n## PARAMETERS\n");
    }
    for field in fields {
        let required = if field.required { ", required" } else { "" };
        out.push_str(&format!("\n    {} ({}{required})\n{}", field.name, kind(field.kind), indented(field.doc)));
    }
    out
}

fn indented(text: &str) -> String {
    text.trim().lines().map(|line| format!("        {}\n", line.trim())).collect()
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "read",
        Verb::List => "list",
        Verb::Scan => "scan",
        Verb::Write => "write",
        Verb::Patch => "patch",
        Verb::Delete => "delete",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Bool => "bool",
        Kind::Integer => "int",
        Kind::Duration => "duration",
        Kind::Time => "time",
        Kind::List => "list",
        Kind::Map => "map",
        Kind::Json => "any",
    }
}
