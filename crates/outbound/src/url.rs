//! Where a request goes.
use crate::{Error, Guard};
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// An absolute `http` or `https` URL (RFC 3986) without credentials and fragment. `Display` leaves the query away, since
/// some peers take tokens there.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    pub(crate) origin: Origin,
    /// Begins with a slash; percent-encoded.
    path: String,
    query: Option<String>,
}

/// What a connection is opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    /// A name or an address, an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What stands for itself in a path segment: RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Url {
    /// Reads a URL. Errors: [`Error::Url`] that says what is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let uri: Uri = text.trim().parse().map_err(|_| Error::Url("it must be like https://host:port/path"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Error::Url("it must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or(Error::Url("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::Url("it must not hold a user name or password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Error::Url("it has no host"));
        }
        let port = match authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':')) {
            None | Some("") if secure => 443,
            None | Some("") => 80,
            Some(port) => port.parse().map_err(|_| Error::Url("its port is not a number from 1 to 65535"))?,
        };
        if port == 0 {
            return Err(Error::Url("its port is not a number from 1 to 65535"));
        }
        let origin = Origin { secure, host: host.to_ascii_lowercase(), port };
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        Ok(Self { origin, path: path.to_owned(), query: uri.query().map(str::to_owned) })
    }

    /// This URL with path segments added, each percent-encoded whatever it holds: a slash in a name stays in that name.
    /// A segment that is `.` or `..` is encoded too, so that no peer takes it for a step. The query is dropped.
    #[must_use]
    pub fn at(&self, segments: &[&str]) -> Self {
        let mut path = self.path.trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            match *segment {
                "." => path.push_str("%2E"),
                ".." => path.push_str("%2E%2E"),
                other => path.extend(utf8_percent_encode(other, SEGMENT)),
            }
        }
        Self { origin: self.origin.clone(), path, query: None }
    }

    /// Whether a client with this guard would send to this URL at all; its address is checked when it is dialled.
    /// Errors: [`Error::Url`].
    pub fn check(&self, guard: Guard) -> Result<(), Error> {
        if self.origin.secure || guard.plain_http {
            return Ok(());
        }
        Err(Error::Url("it must begin with https://"))
    }

    /// Path and query, as a request line has them.
    pub(crate) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl Origin {
    /// The `Host` header (RFC 9110, 7.2): without the port where it is the scheme's own.
    pub(crate) fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.origin.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.origin.host_header(), self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
