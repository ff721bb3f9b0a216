//! Why a call had no answer.
use crate::Class;
use std::fmt;
use std::io;

/// Why a call had no answer. The texts are fit for an operator's eyes; none holds a header, a body, a query or a credential.
#[derive(Debug)]
pub enum Error {
    /// The URL cannot be used; says why.
    Url(&'static str),
    /// A header or body cannot be sent; says why.
    Request(&'static str),
    /// The CA certificates cannot be used; says why.
    Ca(&'static str),
    /// The name has no address.
    Resolve,
    /// The name has only addresses that the guard does not allow.
    Refused(Class),
    /// Nobody took the connection.
    Connect(io::ErrorKind),
    /// The peer is not who it should be, or speaks no TLS that we speak.
    Tls(String),
    /// The connection broke, or what came over it is not HTTP.
    Http(String),
    /// The whole call took longer than the client's bound.
    Time,
    /// The answer is larger than the client's bound, in bytes.
    Size(usize),
    /// The answer is not the JSON that was expected.
    Json,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "the URL cannot be used: {why}"),
            Self::Request(why) => write!(f, "the request cannot be sent: {why}"),
            Self::Ca(why) => write!(f, "the CA certificates cannot be used: {why}"),
            Self::Resolve => f.write_str("the host name has no address"),
            Self::Refused(class) => write!(f, "the host has a {class} address, which may not be called from here"),
            Self::Connect(kind) => write!(f, "the connection was not taken: {kind}"),
            Self::Tls(why) => write!(f, "TLS: {why}"),
            Self::Http(why) => write!(f, "HTTP: {why}"),
            Self::Time => f.write_str("the call took too long"),
            Self::Size(bound) => write!(f, "the answer is larger than {bound} bytes"),
            Self::Json => f.write_str("the answer is not the JSON that was expected"),
        }
    }
}

impl std::error::Error for Error {}
