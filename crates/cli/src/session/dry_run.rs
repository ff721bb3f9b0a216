//! What a request would be: as a `curl` command, or as the policy that permits it.
use crate::Brand;
use kw_client::{Config, Method, Request};

/// Paths that need the `sudo` capability besides the method's own, as the API documents them.
const SUDO: [&str; 9] = [
    "auth/token/accessors",
    "sys/audit",
    "sys/leases/revoke-force",
    "sys/leases/revoke-prefix",
    "sys/raw",
    "sys/remount",
    "sys/rotate",
    "sys/seal",
    "sys/step-down",
];

/// Which form is wanted.
pub(super) enum DryRun {
    Curl,
    Policy,
}

impl DryRun {
    pub(super) fn show(&self, request: &Request, config: &Config, brand: Brand) -> String {
        match self {
            Self::Curl => curl(request, config, brand),
            Self::Policy => policy(request),
        }
    }
}

fn curl(request: &Request, config: &Config, brand: Brand) -> String {
    let mut out = "curl".to_owned();
    if *request.method() != Method::GET {
        out.push_str(&format!(" -X {}", request.method()));
    }
    if let Some(ca) = &config.tls.ca_file {
        out.push_str(&format!(" --cacert {}", quoted(&ca.to_string_lossy())));
    }
    if let Some(directory) = &config.tls.ca_directory {
        out.push_str(&format!(" --capath {}", quoted(&directory.to_string_lossy())));
    }
    if let (Some(certificate), Some(key)) = (&config.tls.client_certificate, &config.tls.client_key) {
        let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
        out.push_str(&format!(" --cert {} --key {}", quoted(&certificate), quoted(&key)));
    }
    if config.tls.skip_verify {
        out.push_str(" --insecure");
    }
    if *request.method() == Method::PATCH {
        out.push_str(" -H \"Content-Type: application/merge-patch+json\"");
    }
    if let Some(namespace) = &config.namespace {
        out.push_str(&format!(" -H {}", quoted(&format!("X-Vault-Namespace: {namespace}"))));
    }
    out.push_str(" -H \"X-Vault-Request: true\"");
    // The token itself stays out of the shell's history.
    out.push_str(&format!(" -H \"X-Vault-Token: $({} print token)\"", brand.program()));
    for (name, value) in &config.headers {
        out.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = request.body() {
        out.push_str(&format!(" -d {}", quoted(&String::from_utf8_lossy(body.expose()))));
    }
    out.push_str(&format!(" \"{}\"", config.address.url(&request.path_and_query())));
    out
}

fn policy(request: &Request) -> String {
    let mut capabilities = match request.method().as_str() {
        "GET" if request.has_query("list", "true") => vec!["list"],
        "GET" if request.has_query("scan", "true") => vec!["scan"],
        "GET" => vec!["read"],
        "PATCH" => vec!["patch"],
        "DELETE" => vec!["delete"],
        _ => vec!["create", "update"],
    };
    let path = request.path();
    let below = |sudo: &str| path.strip_prefix(sudo).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if SUDO.iter().any(|sudo| below(sudo)) {
        capabilities.push("sudo");
    }
    let list = capabilities.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
    format!("path \"{path}\" {{\n  capabilities = [{list}]\n}}")
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
