//! The key-value engine, both versions behind one set of calls.
use crate::{ApiResponse, Client, Error, Request};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Which key-value engine is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvVersion {
    /// Values without history.
    V1,
    /// Versioned values.
    V2,
}

/// A key-value mount: where it begins, and which version it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvMount {
    /// With its trailing slash.
    pub path: String,
    /// Its version.
    pub version: KvVersion,
}

impl KvMount {
    /// The API's path for a secret: `mount/data/name` in version 2, where `action` is `data`, `metadata`, `delete` and so on;
    /// `mount/name` in version 1. `name` may or may not begin with the mount.
    pub fn api_path(&self, action: &str, name: &str) -> String {
        let name = name.trim_start_matches('/');
        let bare = self.path.trim_end_matches('/');
        let name = if name == bare { "" } else { name.strip_prefix(self.path.as_str()).unwrap_or(name) };
        match self.version {
            KvVersion::V1 => format!("{}{name}", self.path),
            KvVersion::V2 => format!("{}{action}/{name}", self.path).trim_end_matches('/').to_owned(),
        }
    }

    /// The API's path for a name inside the mount, whatever the name begins with.
    pub fn api_path_inside(&self, action: &str, name: &str) -> String {
        let name = name.trim_matches('/');
        match self.version {
            KvVersion::V1 => format!("{}{name}", self.path),
            KvVersion::V2 => format!("{}{action}/{name}", self.path).trim_end_matches('/').to_owned(),
        }
    }
}

/// The calls on one key-value mount.
#[derive(Clone)]
pub struct Kv {
    client: Client,
    mount: KvMount,
}

impl Client {
    /// Asks the server which mount a path belongs to (`sys/internal/ui/mounts/PATH`), as every token with access below it may.
    ///
    /// A server that is too old to know that endpoint is taken to have version 1 at the first segment.
    pub async fn kv_mount(&self, path: &str) -> Result<KvMount, Error> {
        let path = path.trim_matches('/');
        let asked = self.find(Request::get(&format!("sys/internal/ui/mounts/{path}"))).await?;
        let Some(answer) = asked else {
            let first = path.split('/').next().unwrap_or_default();
            return Ok(KvMount { path: format!("{first}/"), version: KvVersion::V1 });
        };
        let described: Described = answer.data_as()?;
        let version = described.options.and_then(|o| o.version);
        let version = if version.as_deref() == Some("2") { KvVersion::V2 } else { KvVersion::V1 };
        Ok(KvMount { path: described.path, version })
    }

    /// The key-value engine at a mount (or at any path below it).
    pub async fn kv(&self, path: &str) -> Result<Kv, Error> {
        Ok(Kv { client: self.clone(), mount: self.kv_mount(path).await? })
    }
}

impl Kv {
    /// Where it is mounted.
    pub fn mount(&self) -> &KvMount {
        &self.mount
    }

    /// Reads a secret: the newest version, or the one that is named. `None` where nothing is there.
    ///
    /// In version 2 `data.data` is the secret and `data.metadata` its version; a deleted version has `null` for its data.
    pub async fn get(&self, name: &str, version: Option<u64>) -> Result<Option<ApiResponse>, Error> {
        let mut request = Request::get(&self.path("data", name));
        if let Some(version) = version {
            request = request.query("version", &version.to_string());
        }
        self.client.find(request).await
    }

    /// Writes a secret. `cas` (version 2) is the version that must be the newest; 0 means that there must be none.
    pub async fn put(&self, name: &str, data: &impl Serialize, cas: Option<u64>) -> Result<ApiResponse, Error> {
        let path = self.path("data", name);
        match (self.mount.version, cas) {
            (KvVersion::V1, _) => self.client.write(&path, data).await,
            (KvVersion::V2, None) => self.client.write(&path, &json!({"data": data, "options": {}})).await,
            (KvVersion::V2, Some(cas)) => {
                self.client.write(&path, &json!({"data": data, "options": {"cas": cas}})).await
            }
        }
    }

    /// Changes some keys of a secret and keeps the others (version 2).
    pub async fn patch(&self, name: &str, data: &impl Serialize, cas: Option<u64>) -> Result<ApiResponse, Error> {
        let options = cas.map_or_else(|| json!({}), |cas| json!({"cas": cas}));
        self.client.patch(&self.path("data", name), &json!({"data": data, "options": options})).await
    }

    /// Deletes the newest version (version 2: it can be undeleted) or the secret (version 1).
    pub async fn delete(&self, name: &str) -> Result<ApiResponse, Error> {
        self.client.delete(&self.path("data", name)).await
    }

    /// Names below a path. `None` where nothing is there.
    pub async fn list(&self, name: &str) -> Result<Option<ApiResponse>, Error> {
        self.client.list(&self.path("metadata", name)).await
    }

    fn path(&self, action: &str, name: &str) -> String {
        self.mount.api_path_inside(action, name)
    }
}

#[derive(Deserialize)]
struct Described {
    path: String,
    #[serde(default)]
    options: Option<Options>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    version: Option<String>,
}
