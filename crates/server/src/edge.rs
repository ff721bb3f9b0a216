//! Listeners of the configuration, as the edge wants them.
use crate::config::{Bind, ClientCerts, Config, Limits, Listener, Tls, TlsVersion};
use kw_http::{Bound, TlsConfig, TlsReload, bind_tcp, bind_unix};
use kw_types::Ttl;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A listener that is bound, to be served by several event loops.
pub(crate) struct Bounded {
    pub bound: Bound,
    pub tls: Option<Arc<TlsReload>>,
    pub rules: Arc<kw_http::Rules>,
}

impl Bounded {
    /// A listener for one more event loop.
    pub fn listener(&self) -> std::io::Result<kw_http::Listener> {
        Ok(kw_http::Listener { bound: self.bound.try_clone()?, tls: self.tls.clone(), rules: self.rules.clone() })
    }
}

/// Binds all listeners. Errors: what could not be bound or read, and what to do.
pub(crate) fn bind_all(config: &Config) -> Result<Vec<Bounded>, String> {
    config.listeners.iter().map(bind).collect()
}

fn bind(listener: &Listener) -> Result<Bounded, String> {
    let tls = listener
        .tls
        .as_ref()
        .map(|tls| TlsReload::new(tls_config(tls)?).map(Arc::new).map_err(|e| e.to_string()))
        .transpose()?;
    let bound = match &listener.bind {
        Bind::Tcp(address) if address.starts_with(':') => bind_tcp(&format!("0.0.0.0{address}")),
        Bind::Tcp(address) => bind_tcp(address),
        Bind::Unix { path, mode, .. } => bind_unix(path, *mode),
    };
    let bound = bound.map_err(|e| e.to_string())?;
    if let Bind::Unix { path, user, group, .. } = &listener.bind {
        own(path, user.as_deref(), group.as_deref())?;
    }
    Ok(Bounded { bound, tls, rules: Arc::new(rules(listener)) })
}

/// Gives a socket to its owner and group.
fn own(path: &Path, user: Option<&str>, group: Option<&str>) -> Result<(), String> {
    let user = user.map(|user| number("socket_user", user, "/etc/passwd")).transpose()?;
    let group = group.map(|group| number("socket_group", group, "/etc/group")).transpose()?;
    std::os::unix::fs::chown(path, user, group)
        .map_err(|e| format!("the socket {} cannot be given to socket_user and socket_group: {e}", path.display()))
}

/// A user's or group's number, which may be given itself, or by its name in one of the two files whose third field it is.
fn number(key: &str, word: &str, file: &str) -> Result<u32, String> {
    if let Ok(number) = word.parse() {
        return Ok(number);
    }
    let text = std::fs::read_to_string(file).map_err(|e| format!("{key}: {file}: {e}"))?;
    let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.filter(|fields| fields.first() == Some(&word)).find_map(|fields| fields.get(2)?.parse().ok());
    found.ok_or_else(|| format!("{key}: {word} is not in {file}; give the number instead"))
}

fn tls_config(tls: &Tls) -> Result<TlsConfig, String> {
    let authority = || tls.client_ca_file.clone().ok_or("tls_require_and_verify_client_cert needs tls_client_ca_file");
    let client_certs = match tls.client_certs {
        ClientCerts::Required => kw_http::ClientCerts::Required(authority()?),
        ClientCerts::Asked => {
            tls.client_ca_file.clone().map_or(kw_http::ClientCerts::NotAsked, kw_http::ClientCerts::Optional)
        }
        ClientCerts::Off => kw_http::ClientCerts::NotAsked,
    };
    Ok(TlsConfig {
        cert_file: tls.cert_file.clone(),
        key_file: tls.key_file.clone(),
        allow_tls12: tls.min_version == TlsVersion::Tls12,
        client_certs,
    })
}

fn rules(listener: &Listener) -> kw_http::Rules {
    let told = &listener.forwarded;
    kw_http::Rules {
        limits: limits(&listener.limits),
        forwarded: kw_http::Forwarded {
            authorized: told.authorized_addrs.clone(),
            hop_skips: told.hop_skips,
            reject_not_present: told.reject_not_present,
            reject_not_authorized: told.reject_not_authorized,
        },
        needs_request_header: listener.require_request_header,
        edge: kw_kernel::EdgeRules {
            closes_rekey: listener.disable_unauthed_rekey_endpoints,
            closes_generate_root: listener.disable_unauthed_generate_root_endpoints,
            opens_metrics: listener.unauthenticated_metrics_access,
        },
    }
}

fn limits(limits: &Limits) -> kw_http::Limits {
    let time = |ttl: Ttl| (!ttl.is_zero()).then(|| Duration::from_secs(ttl.seconds()));
    kw_http::Limits {
        body_max: usize::try_from(limits.request_size_max).unwrap_or(usize::MAX),
        header_time: time(limits.read_header_timeout),
        read_time: time(limits.read_timeout),
        write_time: time(limits.write_timeout),
        request_time: time(limits.request_duration_max),
        idle_time: time(limits.idle_timeout),
        ..kw_http::Limits::default()
    }
}
