//! Where a server is.
use crate::Error;
use http::Uri;
use std::path::PathBuf;

/// A server's address: `http://`, `https://` with an optional path prefix, or `unix://` with the path of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP, with or without TLS.
    Tcp {
        /// Whether the connection is TLS.
        tls: bool,
        /// The host name or IP address, without the brackets of an IPv6 address.
        host: String,
        /// The port; 80 or 443 where the address names none, as the scheme says.
        port: u16,
        /// A path that goes before `/v1`, without a slash at its end; mostly empty.
        prefix: String,
    },
    /// A socket in the file system; always plain HTTP.
    Unix(PathBuf),
}

impl Address {
    /// Reads an address.
    ///
    /// Errors: [`Error::Config`] for another scheme, for user information, or where the host is missing.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix://") {
            if path.is_empty() {
                return Err(Error::config("the address names no socket; write unix:///path/to/socket"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        const WRONG: &str =
            "the server's address is not valid; write https://host:port, http://host:port or unix:///path";
        let uri: Uri = text.parse().map_err(|_| Error::config(WRONG))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Error::config(WRONG)),
        };
        let host = uri.host().ok_or_else(|| Error::config(WRONG))?;
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(Error::config("the server's address must not hold a user name or password"));
        }
        Ok(Self::Tcp {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The text of the `Host` header: the port only where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { tls, host, port, .. } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                match (tls, port) {
                    (true, 443) | (false, 80) => host,
                    _ => format!("{host}:{port}"),
                }
            }
        }
    }

    /// The address with a path and query, as a person would write it; for messages and for `curl`.
    pub fn url(&self, path_and_query: &str) -> String {
        match self {
            Self::Unix(_) => format!("http://localhost{path_and_query}"),
            Self::Tcp { tls, prefix, .. } => {
                let scheme = if *tls { "https" } else { "http" };
                format!("{scheme}://{}{prefix}{path_and_query}", self.authority())
            }
        }
    }

    /// What goes on the request line.
    pub(crate) fn target(&self, path_and_query: &str) -> String {
        match self {
            Self::Unix(_) => path_and_query.to_owned(),
            Self::Tcp { prefix, .. } => format!("{prefix}{path_and_query}"),
        }
    }
}
