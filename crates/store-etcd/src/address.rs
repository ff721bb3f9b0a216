//! Reading `address`: the members of the cluster.
use crate::{OpenError, Options};
use http::Uri;
use rustls_pki_types::ServerName;

/// etcd's port for clients.
const PORT: u16 = 2379;

/// One member of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// A name or an IP address, without brackets.
    pub host: String,
    pub port: u16,
    /// What the certificate must say; `None` without TLS.
    pub name: Option<ServerName<'static>>,
    /// Scheme and authority, for requests.
    pub origin: Uri,
}

/// Errors: [`OpenError::Option`], without repeating the address, which may hold a password by mistake.
pub(crate) fn members(options: &Options) -> Result<Vec<Member>, OpenError> {
    let with_tls = [&options.tls_ca_file, &options.tls_cert_file, &options.tls_key_file].iter().any(|f| f.is_some());
    let texts = options.address.split(',').map(str::trim).filter(|text| !text.is_empty());
    let members: Vec<Member> = texts.map(|text| member(text, with_tls)).collect::<Result<_, _>>()?;
    if members.is_empty() { Err(bad("it names no member of the cluster")) } else { Ok(members) }
}

fn member(text: &str, with_tls: bool) -> Result<Member, OpenError> {
    let scheme = if with_tls { "https" } else { "http" };
    let url = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    let wrong = || bad("each member is http://host:port or https://host:port, with commas between them");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return Err(wrong()) };
    if authority.as_str().contains('@') {
        return Err(bad("name and password go into `username` and `password`"));
    }
    // The port is what stands behind the host; one that is no number is not seen as a port.
    if authority.port_u16().is_none() && authority.as_str() != host {
        return Err(wrong());
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(wrong());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = match uri.scheme_str() {
        Some("http") => None,
        Some("https") => Some(ServerName::try_from(host.clone()).map_err(|_| wrong())?),
        _ => return Err(wrong()),
    };
    Ok(Member { port: authority.port_u16().unwrap_or(PORT), host, name, origin: uri })
}

fn bad(why: &str) -> OpenError {
    OpenError::Option(format!("`address`: {why}"))
}
