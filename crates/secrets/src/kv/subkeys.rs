//! The names in a secret without their values, for those who may know its shape only.
use super::data::gone;
use super::model::{Facts, Secret};
use kw_engine::{Cx, Data, Fault, Request, Response, View};
use serde::Serialize;
use serde_json::Value;

/// Reads the names in a version of a secret; values are replaced by null.
#[derive(Request)]
pub(super) struct Read {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    /// The number of the version; 0 or less means the newest.
    version: i64,
    /// How deep to go; 0 or less means all the way.
    depth: i64,
}

/// Names without values.
#[derive(Serialize, Response)]
pub(super) struct Subkeys {
    /// The secret with null for every value that is not an object, or lies too deep.
    subkeys: Value,
    /// The version.
    metadata: Facts,
}

pub(super) async fn read(cx: &Cx<'_>, view: View<'_>, request: Read) -> Result<Data<Subkeys>, Fault> {
    let secret = Secret::load(view, &request.path).await?.ok_or_else(Fault::not_found)?;
    let number = u64::try_from(request.version).ok().filter(|n| *n > 0).unwrap_or(secret.history.current);
    let version = secret.history.versions.get(&number).copied().ok_or_else(Fault::not_found)?;
    let metadata = secret.history.facts(number).ok_or_else(Fault::not_found)?;
    let data = if version.is_live(cx.now()) { secret.data(view, number).await? } else { None };
    let Some(data) = data else {
        let facts = serde_json::to_string(&metadata);
        return Err(gone("subkeys", &facts.map_err(|e| Fault::internal(format_args!("{:?}", e.classify())))?));
    };
    let mut subkeys: Value = serde_json::from_str(&data)
        .map_err(|e| Fault::internal(format_args!("the data of a version: {:?}", e.classify())))?;
    let depth = usize::try_from(request.depth).ok().filter(|d| *d > 0).unwrap_or(usize::MAX);
    strip(&mut subkeys, depth);
    Ok(Data(Subkeys { subkeys, metadata }))
}

fn strip(value: &mut Value, depth: usize) {
    match value {
        Value::Object(members) if depth > 0 => members.values_mut().for_each(|v| strip(v, depth - 1)),
        other => *other = Value::Null,
    }
}
