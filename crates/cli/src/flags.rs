//! The flags that commands share.
use crate::declare::{Flag, Kind};

pub const ADDRESS: Flag =
    Flag::new("address", Kind::Text, "Address of the server: https://host:port, http://host:port or unix:///path.")
        .env("ADDR")
        .default("https://127.0.0.1:8200");
pub const AGENT_ADDRESS: Flag = Flag::new(
    "agent-address",
    Kind::Text,
    "Taken for the sake of scripts; has no effect. Point -address at the agent.",
);
pub const CA_CERT: Flag = Flag::new(
    "ca-cert",
    Kind::Text,
    "PEM file of certificate authorities to verify the server with, in place of the system's.",
)
.env("CACERT");
pub const CA_PATH: Flag =
    Flag::new("ca-path", Kind::Text, "Directory of such PEM files. -ca-cert goes before it.").env("CAPATH");
pub const CLIENT_CERT: Flag =
    Flag::new("client-cert", Kind::Text, "PEM file with the client's own certificate chain; needs -client-key.")
        .env("CLIENT_CERT");
pub const CLIENT_KEY: Flag =
    Flag::new("client-key", Kind::Text, "PEM file with the private key of -client-cert.").env("CLIENT_KEY");
pub const TLS_SERVER_NAME: Flag =
    Flag::new("tls-server-name", Kind::Text, "Name to ask for and verify in the TLS handshake.").env("TLS_SERVER_NAME");
pub const TLS_SKIP_VERIFY: Flag = Flag::new(
    "tls-skip-verify",
    Kind::Bool,
    "Accept any server certificate. Whoever sits on the way can then read every secret.",
)
.env("SKIP_VERIFY");
pub const DISABLE_REDIRECTS: Flag =
    Flag::new("disable-redirects", Kind::Bool, "Do not follow a redirect to another node.").env("DISABLE_REDIRECTS");
pub const NAMESPACE: Flag =
    Flag::new("namespace", Kind::Text, "Namespace to work in.").aliases(&["ns"]).env("NAMESPACE");
pub const HEADER: Flag =
    Flag::new("header", Kind::Pairs, "Header for every request. Names that begin with X-Vault- are refused.");
pub const MFA: Flag = Flag::new("mfa", Kind::List, "Second factor, sent as X-Vault-MFA.").env("MFA");
pub const WRAP_TTL: Flag = Flag::new(
    "wrap-ttl",
    Kind::Duration,
    "Have the answer wrapped in a single-use token that lives this long; unwrap it with the command unwrap.",
)
.env("WRAP_TTL");
pub const POLICY_OVERRIDE: Flag =
    Flag::new("policy-override", Kind::Bool, "Ask the server to override soft-mandatory policies.");
pub const OUTPUT_CURL: Flag =
    Flag::new("output-curl-string", Kind::Bool, "Print the curl command that does the same, and do nothing.");
pub const OUTPUT_POLICY: Flag =
    Flag::new("output-policy", Kind::Bool, "Print the policy that this command needs, and do nothing.");
pub const NON_INTERACTIVE: Flag = Flag::new("non-interactive", Kind::Bool, "Never ask for input.");
pub const LOG_LEVEL: Flag =
    Flag::new("log-level", Kind::Text, "Level of the log: trace, debug, info, warn or error.").env("LOG_LEVEL");

pub const FORMAT: Flag =
    Flag::new("format", Kind::Text, "Form of the output: table, json, yaml, pretty, or raw (of read alone).")
        .env("FORMAT")
        .default("table");
pub const FIELD: Flag =
    Flag::new("field", Kind::Text, "Print this field alone, without a newline. Goes before -format=table.");

/// How to reach the server and what to do with a request.
pub const HTTP: &[Flag] = &[
    ADDRESS,
    AGENT_ADDRESS,
    CA_CERT,
    CA_PATH,
    CLIENT_CERT,
    CLIENT_KEY,
    TLS_SERVER_NAME,
    TLS_SKIP_VERIFY,
    DISABLE_REDIRECTS,
    NAMESPACE,
    HEADER,
    MFA,
    WRAP_TTL,
    POLICY_OVERRIDE,
    OUTPUT_CURL,
    OUTPUT_POLICY,
    NON_INTERACTIVE,
    LOG_LEVEL,
];
/// `-format`.
pub const FORMAT_ONLY: &[Flag] = &[FORMAT];
/// `-field`.
pub const FIELD_ONLY: &[Flag] = &[FIELD];
