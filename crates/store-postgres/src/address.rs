//! Reading `connection_url`: what libpq understands, with the TLS options that the client library does not know.
use crate::tls::{Check, TlsPlan};
use crate::{OpenError, tls};
use kw_types::Secret;
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where the database is and how to speak with it.
pub(crate) struct Address {
    pub config: Config,
    pub tls: MakeRustlsConnect,
}

impl Address {
    /// Errors: [`OpenError::Option`] for what cannot be read. It names options, never values.
    pub fn new(connection_url: &Secret<String>) -> Result<Self, OpenError> {
        let (rest, plan, mode) = split(connection_url.expose())?;
        let mut config: Config = rest.expose().parse().map_err(|_| bad("it is no address of a PostgreSQL database"))?;
        config.ssl_mode(mode);
        // A standby answers reads with old rows and refuses writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("keywright");
        }
        if config.get_connect_timeout().is_none() {
            // For each host: a request that waits shall live to see the next one tried.
            config.connect_timeout(Duration::from_secs(3));
        }
        // A machine that is gone without a word is noticed in seconds, not in hours.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(20));
        }
        if plan.check == Check::Nothing && config.get_hosts().iter().any(is_elsewhere) {
            tracing::warn!(
                "nobody checks whether the database is the right one: set sslmode=verify-full and sslrootcert"
            );
        }
        let tls = tls::connector(&plan)?;
        Ok(Self { config, tls })
    }
}

/// Whether there is a network in between.
fn is_elsewhere(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name != "localhost" && !name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        Host::Unix(_) => false,
    }
}

/// Takes the TLS options out of the address.
fn split(address: &str) -> Result<(Secret<String>, TlsPlan, SslMode), OpenError> {
    let is_url = address.starts_with("postgres://") || address.starts_with("postgresql://");
    let (mut rest, options) = if is_url { of_url(address)? } else { of_words(address)? };
    let mut plan = TlsPlan::default();
    let mut mode = SslMode::Prefer;
    let mut left = Vec::new();
    for (name, value) in options {
        match (name.as_str(), value.expose().as_str()) {
            ("sslmode", "disable") => mode = SslMode::Disable,
            ("sslmode", "allow" | "prefer") => mode = SslMode::Prefer,
            ("sslmode", "require") => mode = SslMode::Require,
            ("sslmode", "verify-ca") => (mode, plan.check) = (SslMode::Require, Check::Issuer),
            ("sslmode", "verify-full") => (mode, plan.check) = (SslMode::Require, Check::IssuerAndName),
            ("sslmode", _) => return Err(bad("sslmode is disable, prefer, require, verify-ca or verify-full")),
            ("sslrootcert", "system") => {}
            ("sslrootcert", file) => plan.root_file = Some(file.into()),
            ("sslcert", file) => plan.certificate_file = Some(file.into()),
            ("sslkey", file) => plan.key_file = Some(file.into()),
            _ => left.push((name, value)),
        }
    }
    // As libpq does: with a root certificate at hand, `require` checks the issuer.
    if mode == SslMode::Require && plan.check == Check::Nothing && plan.root_file.is_some() {
        plan.check = Check::Issuer;
    }
    for (i, (name, value)) in left.iter().enumerate() {
        let value = value.expose();
        if is_url {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            rest.push_str(&format!("{}{name}={value}", if i == 0 { '?' } else { '&' }));
        } else {
            rest.push_str(&format!("{name}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'")));
        }
    }
    Ok((Secret::new(rest), plan, mode))
}

type Words = (String, Vec<(String, Secret<String>)>);

fn of_url(address: &str) -> Result<Words, OpenError> {
    let (before, query) = address.split_once('?').unwrap_or((address, ""));
    let mut options = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| bad("an option after the ? lacks its ="))?;
        let value = percent_decode_str(value).decode_utf8().map_err(|_| bad("an option is not UTF-8"))?;
        options.push((name.to_owned(), Secret::new(value.into_owned())));
    }
    Ok((before.to_owned(), options))
}

/// libpq's other form: `name=value` or `name='quoted value'`, with `\` before a quote or another `\`.
fn of_words(address: &str) -> Result<Words, OpenError> {
    let mut options = Vec::new();
    let mut rest = address.trim_start();
    while !rest.is_empty() {
        let (name, after) =
            rest.split_once('=').ok_or_else(|| bad("it is neither a postgres:// URL nor name=value"))?;
        let (value, left) = value(after.trim_start());
        options.push((name.trim().to_owned(), Secret::new(value)));
        rest = left.trim_start();
    }
    Ok((String::new(), options))
}

fn value(text: &str) -> (String, &str) {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, next)| next)),
            '\'' if quoted => return (value, text.get(at + 1..).unwrap_or_default()),
            c if c.is_whitespace() && !quoted => return (value, text.get(at..).unwrap_or_default()),
            c => value.push(c),
        }
    }
    (value, "")
}

fn bad(why: &str) -> OpenError {
    OpenError::Option(format!("`connection_url`: {why}"))
}
