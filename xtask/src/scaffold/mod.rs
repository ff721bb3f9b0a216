//! `cargo xtask new`: a folder that compiles and whose tests pass, to begin an engine or auth method with.
mod list;
#[cfg(test)]
mod tests;

use crate::Outcome;
use std::path::Path;

/// A file of the new folder, and what is in it.
type Template = (&'static str, &'static str);

const SECRETS: [Template; 4] = [
    ("mod.rs", include_str!("../../templates/secrets/mod.rs.txt")),
    ("model.rs", include_str!("../../templates/secrets/model.rs.txt")),
    ("tests.rs", include_str!("../../templates/secrets/tests.rs.txt")),
    ("README.md", include_str!("../../templates/secrets/README.md.txt")),
];

const AUTH: [Template; 5] = [
    ("mod.rs", include_str!("../../templates/auth/mod.rs.txt")),
    ("login.rs", include_str!("../../templates/auth/login.rs.txt")),
    ("model.rs", include_str!("../../templates/auth/model.rs.txt")),
    ("tests.rs", include_str!("../../templates/auth/tests.rs.txt")),
    ("README.md", include_str!("../../templates/auth/README.md.txt")),
];

/// A secrets engine with roles. Errors: the name is no good or taken.
pub fn secrets(root: &Path, name: &str) -> Outcome {
    make(root, "crates/secrets/src", "engines![", name, &SECRETS)
}

/// An auth method with roles and a login by key. Errors: the name is no good or taken.
pub fn auth(root: &Path, name: &str) -> Outcome {
    make(root, "crates/auth/src", "methods![", name, &AUTH)
}

fn make(root: &Path, src: &str, opening: &str, name: &str, templates: &[Template]) -> Outcome {
    check_name(name)?;
    let folder = root.join(src).join(name);
    if folder.exists() {
        return Err(format!("{src}/{name} is there already"));
    }
    let lib = root.join(src).join("lib.rs");
    let text = std::fs::read_to_string(&lib).map_err(|e| format!("{src}/lib.rs: {e}"))?;
    let text = list::with(&text, opening, name).ok_or_else(|| format!("{src}/lib.rs has no list `{opening}...]`"))?;
    std::fs::create_dir(&folder).map_err(|e| format!("{src}/{name}: {e}"))?;
    for (file, template) in templates {
        let filled = template.replace("@kind@", name).replace("@Type@", &type_name(name));
        std::fs::write(folder.join(file), filled).map_err(|e| format!("{src}/{name}/{file}: {e}"))?;
    }
    std::fs::write(&lib, text).map_err(|e| format!("{src}/lib.rs: {e}"))?;
    println!("{src}/{name} is there, and named in lib.rs. Next: its model, then `cargo xtask schema`.");
    Ok(())
}

/// A folder is a module, and its name is what users enable: `ssh`, `rabbitmq`. Errors: what is allowed.
fn check_name(name: &str) -> Outcome {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
        return Ok(());
    }
    Err("a name has lower-case letters, digits and underscores, and begins with a letter".to_owned())
}

/// `rabbit_mq` is `RabbitMq`.
fn type_name(name: &str) -> String {
    let capital =
        |word: &str| word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect();
    name.split('_').map(capital).collect::<Vec<String>>().concat()
}
