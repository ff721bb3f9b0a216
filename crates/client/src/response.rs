//! What the API answers.
use crate::{Error, Json};
use bytes::Bytes;
use kw_types::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The envelope of every answer. Serialises to the form in which Vault's command line prints it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ApiResponse {
    /// The server's name for this request, as in its audit log.
    #[serde(default, deserialize_with = "nullable")]
    pub request_id: String,
    /// The lease of a dynamic secret; empty where there is none.
    #[serde(default, deserialize_with = "nullable")]
    pub lease_id: String,
    /// The lease's length in seconds.
    #[serde(default, deserialize_with = "nullable")]
    pub lease_duration: u64,
    /// Whether the lease can be renewed.
    #[serde(default, deserialize_with = "nullable")]
    pub renewable: bool,
    /// The secret itself; mostly an object. Where the server answers without an envelope (`sys/health`), the whole body.
    #[serde(default)]
    pub data: Option<Json>,
    /// What the server thinks the caller should know.
    #[serde(default)]
    pub warnings: Option<Vec<String>>,
    /// A new token, from a login or from `auth/token/create`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Where the real answer is, if wrapping was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_info: Option<WrapInfo>,
    /// The HTTP status code.
    #[serde(skip)]
    pub status: u16,
    /// The body as it came.
    #[serde(skip)]
    pub body: Bytes,
}

impl ApiResponse {
    /// Reads an answer. A body that is not JSON is kept in `body` alone.
    pub(crate) fn parse(status: u16, body: Bytes) -> Self {
        let mut response: Self = serde_json::from_slice(&body).unwrap_or_default();
        if response.has_no_envelope() {
            response.data = serde_json::from_slice(&body).ok().filter(|data| !says_only_errors(data));
        }
        response.status = status;
        response.body = body;
        response
    }

    fn has_no_envelope(&self) -> bool {
        self.request_id.is_empty() && self.lease_id.is_empty() && self.warnings.is_none() && self.is_empty()
    }

    /// Whether the answer says anything at all: data, a token, a wrapping or a warning.
    pub fn is_empty(&self) -> bool {
        self.data.is_none() && self.auth.is_none() && self.wrap_info.is_none() && self.warnings().is_empty()
    }

    /// The warnings, or none.
    pub fn warnings(&self) -> &[String] {
        self.warnings.as_deref().unwrap_or_default()
    }

    /// One field of `data`.
    pub fn field(&self, name: &str) -> Option<&Json> {
        self.data.as_ref()?.get(name)
    }

    /// The whole body as a type: for the endpoints that answer without an envelope (`sys/seal-status`, `sys/init`).
    ///
    /// Errors: [`Error::Decode`].
    pub fn body_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|_| Error::Decode { what: "body" })
    }

    /// `data` as a type.
    ///
    /// Errors: [`Error::Decode`], also where there is no data.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let data = self.data.as_ref().ok_or(Error::Decode { what: "data" })?;
        data.read_as().ok_or(Error::Decode { what: "data" })
    }

    /// The keys of a list's answer; empty where there are none.
    pub fn keys(&self) -> Vec<String> {
        let keys = self.field("keys").and_then(Json::as_array);
        keys.into_iter().flatten().filter_map(|k| k.as_str().map(str::to_owned)).collect()
    }
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse")
            .field("request_id", &self.request_id)
            .field("status", &self.status)
            .field("lease_id", &self.lease_id)
            .finish_non_exhaustive()
    }
}

fn says_only_errors(body: &Json) -> bool {
    body.as_object().is_none_or(|fields| fields.keys().all(|name| name == "errors"))
}

/// A token and what it may do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Auth {
    /// The token; empty in the answer to a renewal by accessor.
    #[serde(default)]
    pub client_token: Secret<String>,
    /// A handle on the token that cannot be used in its place.
    #[serde(default, deserialize_with = "nullable")]
    pub accessor: String,
    /// All policies in force.
    #[serde(default)]
    pub policies: Option<Vec<String>>,
    /// Those of the token itself.
    #[serde(default)]
    pub token_policies: Option<Vec<String>>,
    /// Those of the entity and its groups.
    #[serde(default)]
    pub identity_policies: Option<Vec<String>>,
    /// What the auth method says about the holder.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Whether the token outlives its parent.
    #[serde(default, deserialize_with = "nullable")]
    pub orphan: bool,
    /// The entity of the holder; empty where there is none.
    #[serde(default, deserialize_with = "nullable")]
    pub entity_id: String,
    /// The token's life in seconds; zero for one that does not expire.
    #[serde(default, deserialize_with = "nullable")]
    pub lease_duration: u64,
    /// Whether the token can be renewed.
    #[serde(default, deserialize_with = "nullable")]
    pub renewable: bool,
    /// What second factor is still to come.
    #[serde(default)]
    pub mfa_requirement: Option<Json>,
}

/// Where a wrapped answer is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WrapInfo {
    /// The token that unwraps it, once.
    #[serde(default)]
    pub token: Secret<String>,
    /// A handle on that token.
    #[serde(default, deserialize_with = "nullable")]
    pub accessor: String,
    /// Its life in seconds.
    #[serde(default, deserialize_with = "nullable")]
    pub ttl: u64,
    /// When it was made, in RFC 3339.
    #[serde(default, deserialize_with = "nullable")]
    pub creation_time: String,
    /// The path whose answer it holds.
    #[serde(default, deserialize_with = "nullable")]
    pub creation_path: String,
    /// The accessor of the token inside, where a token is inside.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub wrapped_accessor: String,
}

/// The API writes `null` for what is not there.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
