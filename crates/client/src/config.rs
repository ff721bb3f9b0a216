//! How a client finds, trusts and addresses its server.
use crate::{Address, Error};
use kw_types::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a [`crate::Client`] can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub address: Address,
    /// Sent as `X-Vault-Token`; without it only the endpoints that need no token answer.
    pub token: Option<Secret<String>>,
    /// Sent as `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// How to know the server, and how to be known by it.
    pub tls: TlsOptions,
    /// The longest that one attempt may take, answer included. Default: 60 seconds.
    pub timeout: Duration,
    /// How often a request is sent again after a 412, a 5xx other than 501, or a failed connection. Default: 2.
    pub retries_max: u32,
    /// The pause before the first repetition; the second waits half as long again, and so does each after it. Default: 1 second.
    pub retry_wait: Duration,
    /// Whether one redirect to another node is followed. Default: yes. A redirect from TLS to plain HTTP never is.
    pub follow_redirects: bool,
    /// Headers for every request, besides the client's own.
    pub headers: Vec<(String, String)>,
}

impl Config {
    /// Defaults for a server at this address.
    ///
    /// Errors: [`Error::Config`] where the address cannot be read.
    pub fn new(address: &str) -> Result<Self, Error> {
        Ok(Self {
            address: Address::parse(address)?,
            token: None,
            namespace: None,
            tls: TlsOptions::default(),
            timeout: Duration::from_secs(60),
            retries_max: 2,
            retry_wait: Duration::from_secs(1),
            follow_redirects: true,
            headers: Vec::new(),
        })
    }
}

/// TLS: by default the system's certificate authorities and the host of the address.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificate authorities in PEM, in place of the system's; goes before `ca_file`.
    pub ca_pem: Option<String>,
    /// A PEM file of certificate authorities, in place of the system's; goes before `ca_directory`.
    pub ca_file: Option<PathBuf>,
    /// A directory of such PEM files.
    pub ca_directory: Option<PathBuf>,
    /// The client's own certificate chain in PEM; needs `client_key`.
    pub client_certificate: Option<PathBuf>,
    /// The client's private key in PEM.
    pub client_key: Option<PathBuf>,
    /// The name to ask for and to verify, where it is not the host of the address.
    pub server_name: Option<String>,
    /// Accept any certificate. Whoever sits between then reads every secret.
    pub skip_verify: bool,
}
