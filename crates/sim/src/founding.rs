//! The installation that every simulation begins with. It is made once in a process, since it is the same for all.
use crate::chance::Dice;
use crate::clock::NodeClock;
use crate::log::HEADER;
use crate::node::{plain_settings, registry};
use crate::request::Ask;
use kw_kernel::{FirstMount, Kernel, KernelParts};
use kw_store::{Key, MemoryStore, Row, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A store with its keys, mounts and policies.
pub struct Founded {
    pub rows: BTreeMap<Key, Row>,
    pub revision: u64,
    /// What opens it.
    pub share: String,
    pub root: String,
    /// A token that may do what the policy `moot` says at the moment.
    pub moot: String,
    pub role_id: String,
}

/// The policy whose text the clients change.
pub const MOOT: &str = "moot";

/// The policy of the clients' tokens.
pub const WORKER: &str = "worker";

const WORKER_TEXT: &str = r#"
path "auth/token/create" { capabilities = ["update"] }
path "secret/data/*" { capabilities = ["create", "read", "update"] }
path "lender/lend" { capabilities = ["update"] }
"#;

const MOUNTS: [FirstMount; 6] = [
    FirstMount { path: "secret/", kind: "kv", description: "", options: &[("version", "2")] },
    FirstMount { path: "lender/", kind: "lender", description: "", options: &[] },
    FirstMount { path: "shelf/", kind: "shelf", description: "", options: &[] },
    FirstMount { path: "auth/userpass/", kind: "userpass", description: "", options: &[] },
    FirstMount { path: "auth/door/", kind: "door", description: "", options: &[] },
    FirstMount { path: "auth/approle/", kind: "approle", description: "", options: &[] },
];

/// Who has a password.
pub const USERS: [&str; 2] = ["victim", "ann"];

/// The password of everybody, where passwords are real.
pub const PASSWORD: &str =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";

/// Its bcrypt hash of the lowest cost that is taken. The password is longer than bcrypt looks, so it is kept as it is instead of
/// being hashed anew, at a thousand times the cost, when somebody logs in.
const PASSWORD_HASH: &str = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";

/// The text of the policy [`MOOT`].
pub fn moot_text(allows: bool) -> String {
    format!(r#"path "secret/data/moot" {{ capabilities = ["{}"] }}"#, if allows { "read" } else { "deny" })
}

/// The installation. Errors: what could not be made.
pub async fn found() -> Result<&'static Founded, String> {
    static FOUNDED: OnceLock<Founded> = OnceLock::new();
    if let Some(founded) = FOUNDED.get() {
        return Ok(founded);
    }
    let made = make().await?;
    Ok(FOUNDED.get_or_init(|| made))
}

async fn make() -> Result<Founded, String> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let kernel = Kernel::new(KernelParts {
        store: store.clone(),
        clock: Arc::new(NodeClock::new(-3600 * 1_000_000_000)),
        rng: Arc::new(Dice::new(0)),
        registry: registry(),
        settings: plain_settings(),
    });
    let keys = kernel.start_dev(&MOUNTS, Some("root".to_owned())).await.map_err(|f| f.to_string())?;
    let ask = async |method: &str, path: &str, body: Value| -> Result<Value, String> {
        let answer = kernel.handle(&Ask::new(method, path).by("root").with(body).received()).await;
        let found = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status < 300 { Ok(found) } else { Err(format!("{path}: {} {found}", answer.status)) }
    };
    ask("POST", &format!("sys/config/auditing/request-headers/{HEADER}"), json!({"hmac": false})).await?;
    ask("POST", &format!("sys/policies/acl/{WORKER}"), json!({"policy": WORKER_TEXT})).await?;
    ask("POST", &format!("sys/policies/acl/{MOOT}"), json!({"policy": moot_text(true)})).await?;
    ask("POST", "secret/data/moot", json!({"data": {"value": 0}})).await?;
    ask("POST", "auth/approle/role/sim", json!({"token_ttl": "60s", "token_policies": [WORKER]})).await?;
    for user in USERS {
        ask("POST", &format!("auth/userpass/users/{user}"), json!({"password_hash": PASSWORD_HASH})).await?;
    }
    ask("POST", "shelf/bring", Value::Null).await?;
    let role = ask("GET", "auth/approle/role/sim/role-id", Value::Null).await?;
    let wanted = json!({"policies": [MOOT], "no_parent": true, "ttl": "24h"});
    let moot = ask("POST", "auth/token/create", wanted).await?;
    kernel.close().await.map_err(|f| f.to_string())?;
    let rows = store.scan(b"", b"", usize::MAX).await.map_err(|e| e.to_string())?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a text is missing");
    Ok(Founded {
        revision: store.revision().0,
        rows: rows.into_iter().collect(),
        share: keys.unseal_key.expose().clone(),
        root: keys.root_token.expose().clone(),
        moot: text(&moot["auth"]["client_token"])?,
        role_id: text(&role["data"]["role_id"])?,
    })
}
