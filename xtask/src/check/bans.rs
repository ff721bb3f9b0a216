//! Libraries that must not be in the product: one provider of cryptography, and no binding to a C library for TLS.
use crate::machine::{has, output, succeed};
use crate::{Machine, Outcome};

/// The same list as in `deny.toml`, for machines without cargo-deny, which takes long to build.
const BANNED: [&str; 5] = ["ring", "openssl", "openssl-sys", "native-tls", "rsa"];

/// What tests alone use may hold them; what is shipped may not.
pub fn all(machine: &Machine) -> Outcome {
    let tree = output(&mut machine.cargo("tree --workspace --edges normal,build --prefix none --format {p}"))?;
    let mut found: Vec<&str> =
        tree.lines().filter(|l| l.split(' ').next().is_some_and(|n| BANNED.contains(&n))).collect();
    found.sort_unstable();
    found.dedup();
    if let Some(first) = found.first() {
        let name = first.split(' ').next().unwrap_or_default();
        return Err(format!("banned: {}; `cargo tree -e normal -i {name}` says who brings it", found.join(", ")));
    }
    if has("cargo-deny") {
        return succeed(&mut machine.cargo("deny check bans licenses sources"));
    }
    println!(
        "none of {} is in the product (cargo-deny, which checks licences too, is not installed)",
        BANNED.join(", ")
    );
    Ok(())
}
