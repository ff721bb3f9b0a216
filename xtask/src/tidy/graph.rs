//! Who may know whom. Arrows point down: a crate names only what stands in its row.
use super::Finding;
use std::path::Path;

/// A crate and the crates of ours that it may name; everybody may name `types`. A new arrow is a decision: change the row
/// together with the picture in ARCHITECTURE.md. `server` is the only crate that sees everything, and so has no row.
#[rustfmt::skip]
const MAY_NAME: [(&str, &[&str], &str); 25] = [
    ("types",          &[],                                              "newtypes, Secret, Clock, Rng, Fault: knows nobody"),
    ("hcl",            &[],                                              "a parser, for policies and configuration"),
    ("schema-derive",  &[],                                              "the macros of schema; they must be a crate of their own"),
    ("schema",         &["schema-derive"],                               "routes and fields"),
    ("store",          &[],                                              "the seam of storage, and its conformance suite"),
    ("store-embedded", &["store"],                                       "a backend"),
    ("store-etcd",     &["store", "trust"],                              "a backend"),
    ("store-postgres", &["store", "trust"],                              "a backend"),
    ("barrier",        &["store"],                                       "encrypts what the store keeps"),
    ("policy",         &["hcl"],                                         "pure decisions: no I/O"),
    ("audit",          &["schema"],                                      "appends, and never calls back"),
    ("engine",         &["schema", "store"],                             "all that an engine's author imports"),
    ("trust",          &[],                                              "whom our TLS clients trust"),
    ("outbound",       &["trust"],                                       "guarded calls to other servers"),
    ("seals",          &["barrier", "outbound"],                         "seals that need drivers: key services and hardware modules"),
    ("secrets",        &["engine", "schema", "outbound"],                "schema: its derive macros name it"),
    ("auth",           &["engine", "schema", "outbound"],                "schema: its derive macros name it"),
    ("kernel",         &["schema", "store", "barrier", "policy", "audit", "engine", "outbound"], "the pipeline; knows no engine"),
    ("http",           &["kernel"],                                      "the wire; knows no route"),
    ("client",         &["trust"],                                       "the typed SDK"),
    ("cli",            &["client", "hcl"],                               "links no engine: reads the schema; hcl formats policies"),
    ("agent",          &["client", "hcl"],                               "hcl: its configuration file"),
    ("broker",         &["client", "outbound"],                          "outbound: what it forwards"),
    ("models",         &["client"],                                      "the model vault's tools"),
    ("sim",            &["kernel", "engine", "schema", "store", "audit", "secrets", "auth"], "many kernels in one process; schema: its derive macros name it"),
];

const PREFIX: &str = "kw-";

pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    let folder = root.join("crates");
    for entry in std::fs::read_dir(&folder).map_err(|e| format!("crates: {e}"))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let manifest = path.join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
        let table: toml::Table = text.parse().map_err(|e| format!("{}: {e}", manifest.display()))?;
        findings.extend(of_crate(&name, &table));
    }
    Ok(findings)
}

/// The arrows of one crate. Tests may reach further down (what an allowed crate may itself name), never up.
pub fn of_crate(name: &str, manifest: &toml::Table) -> Vec<Finding> {
    let at = format!("crates/{name}/Cargo.toml");
    if name == "server" {
        return Vec::new();
    }
    let Some((_, may, _)) = MAY_NAME.iter().find(|(n, _, _)| *n == name) else {
        return vec![Finding::new(at, "a new crate: give it a row in xtask's graph.rs and in ARCHITECTURE.md")];
    };
    let mut findings = Vec::new();
    for section in ["dependencies", "build-dependencies"] {
        for other in ours(manifest, section).filter(|o| *o != "types" && !may.contains(o)) {
            findings
                .push(Finding::new(&at, format!("`{name}` may not name `{other}`: arrows point down (see graph.rs)")));
        }
    }
    for other in ours(manifest, "dev-dependencies").filter(|o| *o != "types" && *o != name && !reaches(name, o)) {
        findings.push(Finding::new(&at, format!("a test of `{name}` may not name `{other}`, which is not below it")));
    }
    findings
}

/// The crates of ours in a section of a manifest, without their prefix.
fn ours<'t>(manifest: &'t toml::Table, section: &str) -> impl Iterator<Item = &'t str> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table.into_iter().flat_map(toml::Table::keys).filter_map(|key| key.strip_prefix(PREFIX))
}

fn reaches(from: &str, to: &str) -> bool {
    let below = MAY_NAME.iter().find(|(n, _, _)| *n == from).map_or(&[] as &[&str], |(_, may, _)| may);
    below.iter().any(|b| *b == to || reaches(b, to))
}
