//! Where requests come in.
use super::section::Section;
use super::{ConfigError, Level, Notice, keys};
use ipnet::IpNet;
use kw_types::Ttl;
use std::net::IpAddr;
use std::path::PathBuf;

/// The address of a listener that names none.
const ADDRESS: &str = "127.0.0.1:8200";

/// One `listener` block.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    pub bind: Bind,
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    pub limits: Limits,
    pub forwarded: Forwarded,
    /// Whether each request must carry `X-Vault-Request: true`.
    pub require_request_header: bool,
    /// Whether `sys/metrics` needs no token.
    pub unauthenticated_metrics_access: bool,
    /// Whether `sys/rekey/*` is refused to callers without a token.
    pub disable_unauthed_rekey_endpoints: bool,
    /// Whether `sys/generate-root/*` is refused to callers without a token.
    pub disable_unauthed_generate_root_endpoints: bool,
}

/// What to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// `HOST:PORT`; an empty host stands for all addresses of the machine.
    Tcp(String),
    Unix {
        path: PathBuf,
        /// The permission bits of the socket, such as 0o600.
        mode: Option<u32>,
        /// Name or number.
        user: Option<String>,
        /// Name or number.
        group: Option<String>,
    },
}

/// The TLS side of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM, the server's certificate first.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
    pub min_version: TlsVersion,
    pub client_certs: ClientCerts,
    /// PEM; who may sign client certificates.
    pub client_ca_file: Option<PathBuf>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// What is done about client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCerts {
    /// Not asked for.
    Off,
    /// Asked for, so that the cert auth method can use them.
    Asked,
    /// Required and verified against [`Tls::client_ca_file`].
    Required,
}

/// Bounds on a request. A time of zero means no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes.
    pub request_size_max: u64,
    pub request_duration_max: Ttl,
    pub read_header_timeout: Ttl,
    pub read_timeout: Ttl,
    pub write_timeout: Ttl,
    pub idle_timeout: Ttl,
}

/// Which proxies may say where a request comes from, in `X-Forwarded-For`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Empty: the header is ignored.
    pub authorized_addrs: Vec<IpNet>,
    /// How many addresses from the right are skipped.
    pub hop_skips: usize,
    /// Whether a request of an authorized proxy without the header is refused.
    pub reject_not_present: bool,
    /// Whether a request with the header from elsewhere is refused.
    pub reject_not_authorized: bool,
}

impl Listener {
    /// Plain HTTP with all defaults.
    pub fn plain(address: &str) -> Self {
        Self {
            bind: Bind::Tcp(address.to_owned()),
            tls: None,
            limits: Limits {
                request_size_max: 32 << 20,
                request_duration_max: Ttl::from_seconds(90),
                read_header_timeout: Ttl::from_seconds(10),
                read_timeout: Ttl::from_seconds(30),
                write_timeout: Ttl::ZERO,
                idle_timeout: Ttl::from_seconds(300),
            },
            forwarded: Forwarded {
                authorized_addrs: Vec::new(),
                hop_skips: 0,
                reject_not_present: true,
                reject_not_authorized: true,
            },
            require_request_header: false,
            unauthenticated_metrics_access: false,
            disable_unauthed_rekey_endpoints: false,
            disable_unauthed_generate_root_endpoints: false,
        }
    }
}

/// Reads one block.
pub(super) fn read(
    block: &Section<'_>,
    request_duration_max: Ttl,
    notices: &mut Vec<Notice>,
) -> Result<Listener, ConfigError> {
    let mut listener = Listener::plain(ADDRESS);
    match block.label(0) {
        Some("tcp") => {
            block.check_keys(keys::LISTENER_TCP, notices);
            listener.bind = Bind::Tcp(address(block)?);
            listener.tls = tls(block)?;
        }
        Some("unix") => {
            block.check_keys(keys::LISTENER_UNIX, notices);
            listener.bind = unix(block)?;
        }
        _ => return Err(block.wrong_here("a listener is of type \"tcp\" or \"unix\"")),
    }
    limits(block, request_duration_max, &mut listener.limits, notices)?;
    listener.forwarded = forwarded(block)?;
    listener.require_request_header = block.bool("require_request_header", false)?;
    listener.disable_unauthed_rekey_endpoints = block.bool("disable_unauthed_rekey_endpoints", false)?;
    listener.disable_unauthed_generate_root_endpoints =
        block.bool("disable_unauthed_generate_root_endpoints", false)?;
    for inner in block.blocks("telemetry", 0)? {
        inner.check_keys(keys::LISTENER_TELEMETRY, notices);
        listener.unauthenticated_metrics_access = inner.bool("unauthenticated_metrics_access", false)?;
    }
    for inner in block.blocks("inflight_requests_logging", 0)? {
        inner.check_keys(keys::LISTENER_IN_FLIGHT, notices);
    }
    Ok(listener)
}

fn address(block: &Section<'_>) -> Result<String, ConfigError> {
    let Some(address) = block.string("address")? else { return Ok(ADDRESS.to_owned()) };
    if address.contains("{{") {
        return Err(block.wrong("address", "address must be written out: templates are not filled in"));
    }
    let port = address.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.starts_with('['));
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(address),
        _ => Err(block.wrong("address", "address must be HOST:PORT, such as \"127.0.0.1:8200\" or \"[::1]:8200\"")),
    }
}

fn unix(block: &Section<'_>) -> Result<Bind, ConfigError> {
    let Some(path) = block.path("address")? else {
        return Err(block.wrong_here("a unix listener needs address: the path of its socket"));
    };
    let mode = match block.string("socket_mode")? {
        None => None,
        Some(text) => match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o777 => Some(mode),
            _ => return Err(block.wrong("socket_mode", "socket_mode must be an octal string such as \"600\"")),
        },
    };
    Ok(Bind::Unix { path, mode, user: block.string("socket_user")?, group: block.string("socket_group")? })
}

fn tls(block: &Section<'_>) -> Result<Option<Tls>, ConfigError> {
    if block.bool("tls_disable", false)? {
        return Ok(None);
    }
    let (Some(cert_file), Some(key_file)) = (block.path("tls_cert_file")?, block.path("tls_key_file")?) else {
        return Err(block.wrong_here("set tls_cert_file and tls_key_file, or tls_disable = true for plain HTTP"));
    };
    let words = &[("tls12", TlsVersion::Tls12), ("tls13", TlsVersion::Tls13)];
    let min_version = block.word("tls_min_version", words)?.unwrap_or(TlsVersion::Tls13);
    let client_ca_file = block.path("tls_client_ca_file")?;
    let required = block.bool("tls_require_and_verify_client_cert", false)?;
    let client_certs = match (required, block.bool("tls_disable_client_certs", false)?) {
        (true, true) => {
            let text = "tls_disable_client_certs and tls_require_and_verify_client_cert exclude each other";
            return Err(block.wrong("tls_disable_client_certs", text));
        }
        (true, false) if client_ca_file.is_none() => {
            let text = "tls_require_and_verify_client_cert needs tls_client_ca_file";
            return Err(block.wrong("tls_require_and_verify_client_cert", text));
        }
        (true, false) => ClientCerts::Required,
        (false, true) => ClientCerts::Off,
        (false, false) => ClientCerts::Asked,
    };
    Ok(Some(Tls { cert_file, key_file, min_version, client_certs, client_ca_file }))
}

fn limits(
    block: &Section<'_>,
    request_duration_max: Ttl,
    limits: &mut Limits,
    notices: &mut Vec<Notice>,
) -> Result<(), ConfigError> {
    match block.bytes("max_request_size")? {
        None | Some(0) => {}
        Some(size) => {
            if size < 0 {
                let text = "max_request_size is negative: bodies of any length are taken";
                notices.push(block.notice(Level::Warn, text));
            }
            limits.request_size_max = u64::try_from(size).unwrap_or(u64::MAX);
        }
    }
    let own = block.ttl("max_request_duration")?.unwrap_or_default();
    limits.request_duration_max = own.or(request_duration_max);
    for (key, slot) in [
        ("http_read_header_timeout", &mut limits.read_header_timeout),
        ("http_read_timeout", &mut limits.read_timeout),
        ("http_write_timeout", &mut limits.write_timeout),
        ("http_idle_timeout", &mut limits.idle_timeout),
    ] {
        if let Some(ttl) = block.ttl(key)? {
            *slot = ttl;
        }
    }
    Ok(())
}

fn forwarded(block: &Section<'_>) -> Result<Forwarded, ConfigError> {
    let key = "x_forwarded_for_authorized_addrs";
    let mut authorized_addrs = Vec::new();
    for text in block.strings(key)? {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let wrong =
            || block.wrong(key, "x_forwarded_for_authorized_addrs takes addresses and networks, such as 10.0.0.0/8");
        authorized_addrs.push(net.ok_or_else(wrong)?);
    }
    let hop_skips = block.integer("x_forwarded_for_hop_skips")?.unwrap_or(0);
    let hop_skips = usize::try_from(hop_skips)
        .map_err(|_| block.wrong("x_forwarded_for_hop_skips", "x_forwarded_for_hop_skips must not be negative"))?;
    Ok(Forwarded {
        authorized_addrs,
        hop_skips,
        reject_not_present: block.bool("x_forwarded_for_reject_not_present", true)?,
        reject_not_authorized: block.bool("x_forwarded_for_reject_not_authorized", true)?,
    })
}
