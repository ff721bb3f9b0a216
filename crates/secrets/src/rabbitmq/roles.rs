//! Roles: what the users made for them may do.
use kw_engine::{Cx, Data, Fault, Keys, Nothing, Page, Request, Response, Txn, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FOLDER: &str = "roles/";

/// A role, as stored and shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Response)]
pub(super) struct Role {
    /// Tags of the users, with commas between.
    #[field(kind = "Text")]
    pub(super) tags: String,
    /// Permissions by virtual host.
    pub(super) vhosts: BTreeMap<String, Permission>,
    /// Topic permissions by virtual host and exchange.
    pub(super) vhost_topics: BTreeMap<String, BTreeMap<String, TopicPermission>>,
}

/// Regular expressions of resource names, see "Access Control" in the broker's manual. An empty one matches nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Permission {
    configure: String,
    write: String,
    read: String,
}

/// Regular expressions of routing keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TopicPermission {
    write: String,
    read: String,
}

/// Reads or deletes a role.
#[derive(Request)]
pub(super) struct Named {
    /// The name of the role.
    #[capture]
    name: String,
}

/// Writes a role. The whole role is replaced; users that were made already stay as they are.
#[derive(Request)]
pub(super) struct Write {
    /// The name of the role.
    #[capture]
    name: String,
    /// Tags of the users, with commas between: `management`, `monitoring`.
    tags: String,
    /// Permissions by virtual host, as JSON: `{"/": {"configure": "", "write": ".*", "read": ".*"}}`.
    vhosts: String,
    /// Topic permissions by virtual host and exchange, as JSON: `{"/": {"amq.topic": {"write": ".*", "read": ".*"}}}`.
    vhost_topics: String,
}

pub(super) async fn list(_: &Cx<'_>, view: View<'_>, _: Nothing) -> Result<Keys, Fault> {
    Ok(view.names(FOLDER, Page::default()).await?.into())
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, asked: Named) -> Result<Option<Data<Role>>, Fault> {
    Ok(load(view, &asked.name).await?.map(Data))
}

pub(super) async fn write(_: &Cx<'_>, txn: Txn<'_>, asked: Write) -> Result<(), Fault> {
    if asked.tags.is_empty() && asked.vhosts.is_empty() && asked.vhost_topics.is_empty() {
        return Err(Fault::bad_request("both tags and vhosts not specified"));
    }
    let role = Role {
        tags: asked.tags,
        vhosts: parse("vhosts", &asked.vhosts)?,
        vhost_topics: parse("vhost_topics", &asked.vhost_topics)?,
    };
    txn.put(&row(&asked.name), &role)
}

pub(super) async fn delete(_: &Cx<'_>, txn: Txn<'_>, asked: Named) -> Result<(), Fault> {
    txn.delete(&row(&asked.name));
    Ok(())
}

/// A role by its name.
pub(super) async fn load(view: View<'_>, name: &str) -> Result<Option<Role>, Fault> {
    view.get(&row(name)).await
}

fn row(name: &str) -> String {
    format!("{FOLDER}{name}")
}

fn parse<T: DeserializeOwned + Default>(field: &str, text: &str) -> Result<T, Fault> {
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(text).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Fault::bad_request(format!("{field} is not the JSON that it should be, at line {line} column {column}"))
    })
}
