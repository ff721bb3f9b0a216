//! Every route that the server has, from its own description.
use super::{Answer, Caller, Server};
use kw_kernel::schema_json;
use serde_json::{Value, json};

/// Captures that must name something which is there, for the control.
const NAMED: &[(&str, &str)] = &[("sys/internal/ui/mounts/{path...}", "sys/internal/ui/mounts/secret")];

/// One operation, with a path that a client could send.
pub struct Op {
    /// The verb and the pattern behind its table.
    pub name: String,
    pub verb: String,
    pub path: String,
    pub is_open: bool,
    /// Names of the parameters that it takes.
    pub fields: Vec<String>,
}

impl Op {
    /// Calls it; the body goes where there is one.
    pub fn call(&self, caller: &Caller, body: &Value) -> Answer {
        match self.verb.as_str() {
            "read" => caller.get(&self.path),
            "list" => caller.list(&self.path),
            "scan" => caller.call("SCAN", &self.path, None),
            "write" => caller.call("POST", &self.path, Some(body)),
            "patch" => caller.patch(&self.path, body.clone()),
            "delete" => caller.delete(&self.path),
            other => panic!("no method for the verb {other}"),
        }
    }
}

/// All operations of all tables.
pub fn operations() -> Vec<Op> {
    let schema = schema_json(&kw_server::registry());
    let tables = schema.as_object().unwrap();
    tables.iter().flat_map(|(table, ops)| ops.as_array().unwrap().iter().map(move |op| operation(table, op))).collect()
}

fn operation(table: &str, op: &Value) -> Op {
    let (pattern, verb) = (op["path"].as_str().unwrap(), op["verb"].as_str().unwrap());
    let parts: Vec<&str> = pattern.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    let params = op["request"].as_array().unwrap().iter().filter(|f| f["place"] == json!("param"));
    let fields = params.map(|f| f["name"].as_str().unwrap().to_owned()).collect();
    let full = format!("{table}/{pattern}");
    let named = NAMED.iter().find(|(name, _)| *name == full).map(|(_, path)| (*path).to_owned());
    Op {
        name: format!("{verb} {full}"),
        verb: verb.to_owned(),
        path: named.unwrap_or_else(|| format!("{}/{}", mount_of(table), parts.join("/"))),
        is_open: op["access"] == json!("open"),
        fields,
    }
}

/// Where the routes of a table are to be reached.
fn mount_of(table: &str) -> String {
    match table {
        "sys" | "identity" | "auth/token" => table.to_owned(),
        "secrets/cubbyhole" => "cubbyhole".to_owned(),
        _ => match table.strip_prefix("auth/") {
            Some(method) => format!("auth/sweep-{}", method.replace('/', "-")),
            None => format!("sweep-{}", table.trim_start_matches("secrets/").replace('/', "-")),
        },
    }
}

/// Mounts an engine for each table that has no fixed place.
pub fn mount_all(server: &Server) {
    let schema = schema_json(&kw_server::registry());
    for table in schema.as_object().unwrap().keys() {
        let path = mount_of(table);
        if !path.contains("sweep-") {
            continue;
        }
        let mut words = table.split('/').skip(1);
        let mut body = json!({"type": words.next().unwrap()});
        if let Some(version) = words.next() {
            body["options"] = json!({"version": version.trim_start_matches('v')});
        }
        let at = if path.starts_with("auth/") { format!("sys/{path}") } else { format!("sys/mounts/{path}") };
        server.root().post(&at, body).ok();
    }
}
