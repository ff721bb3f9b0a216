//! `storage "etcd"`.
use super::section::Section;
use super::{ConfigError, Notice, keys};
use kw_types::{Secret, Ttl};
use std::path::PathBuf;

/// How the cluster is reached. `None` is the store's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Etcd {
    pub address: Option<String>,
    pub path: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret<String>>,
    pub tls_ca_file: Option<PathBuf>,
    pub tls_cert_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
    pub request_timeout: Option<Ttl>,
    /// For how long old versions are kept; zero leaves them to the operator.
    pub keep_versions: Option<Ttl>,
}

pub(super) fn read(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Etcd, ConfigError> {
    block.check_keys(keys::STORAGE_ETCD, notices);
    if let Some(version) = block.text("etcd_api")?
        && !matches!(version.as_str(), "v3" | "3")
    {
        return Err(block.wrong("etcd_api", "etcd_api must be \"v3\": etcd's older API is not supported"));
    }
    for key in ["discovery_srv", "discovery_srv_name"] {
        if block.has(key) {
            let text = "members are not looked up in the DNS: list them in address, with commas between them";
            return Err(block.wrong(key, text));
        }
    }
    Ok(Etcd {
        address: block.string("address")?,
        path: block.string("path")?,
        username: block.string("username")?,
        password: block.string("password")?.map(Secret::new),
        tls_ca_file: block.path("tls_ca_file")?,
        tls_cert_file: block.path("tls_cert_file")?,
        tls_key_file: block.path("tls_key_file")?,
        request_timeout: block.ttl("request_timeout")?,
        keep_versions: block.ttl("keep_versions")?,
    })
}
