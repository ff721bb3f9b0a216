use super::{auth, check_name, list, secrets, type_name};
use crate::machine::{Machine, succeed};
use std::path::Path;

#[test]
fn names_are_modules() {
    for good in ["kv", "rabbit_mq", "x509"] {
        check_name(good).unwrap();
    }
    for bad in ["", "Kv", "1x", "a-b", "../x", "_x"] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
    assert_eq!(type_name("rabbit_mq"), "RabbitMq");
}

#[test]
fn a_name_goes_into_the_list() {
    let text = "($($x:ident),*) => { engines![no] }\n\nengines![kv, ssh];\n";
    let with = |text: &str, name: &str| list::with(text, "engines![", name).unwrap();
    assert_eq!(with(text, "pki"), text.replace("kv, ssh", "kv, pki, ssh"));
    assert_eq!(list::with("nothing", "engines![", "pki"), None);
    let many: Vec<String> = (0..40).map(|i| format!("e{i:02}")).collect();
    let long = with(&format!("\nengines![{}];\n", many.join(", ")), "f");
    assert!(long.ends_with("    e39,\n    f,\n];\n"), "{long}");
    assert_eq!(with(&long, "a").matches(',').count(), 42);
}

/// Makes one of each in a copy of the workspace, and runs the tests that they bring along.
#[test]
fn what_is_made_is_green() {
    let machine = Machine::find().unwrap();
    // Always the same folder, so that what is compiled for it takes its place in the target folder once.
    let copy = &machine.target.join("scaffold-test");
    let _ = std::fs::remove_dir_all(copy);
    copy_crates(&machine.root, copy);
    secrets(copy, "new_engine").unwrap();
    auth(copy, "new_method").unwrap();
    assert!(secrets(copy, "new_engine").is_err());
    let mut format = machine.command("rustfmt");
    format.args(["--check", "--edition", "2024", "--config-path"]).arg(machine.root.join("rustfmt.toml"));
    for file in ["secrets/src/new_engine/model.rs", "auth/src/new_method/model.rs", "auth/src/new_method/login.rs"] {
        format.arg(copy.join("crates").join(file));
    }
    succeed(&mut format).unwrap();
    // What others wrote is compiled once for the workspace and its copy; our own crates have another version there.
    let mut tests = machine.cargo("test --quiet --offline --package kw-secrets --package kw-auth --lib new_");
    succeed(tests.current_dir(copy).env("CARGO_TARGET_DIR", &machine.target)).unwrap();
    crate::tidy::all(copy).unwrap();
}

fn copy_crates(root: &Path, copy: &Path) {
    for entry in walkdir::WalkDir::new(root.join("crates")) {
        let entry = entry.unwrap();
        let to = copy.join(entry.path().strip_prefix(root).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    for file in ["Cargo.lock", "clippy.toml"] {
        std::fs::copy(root.join(file), copy.join(file)).unwrap();
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let lines = manifest.lines().map(|line| match line.split_once(" = ") {
        Some(("members", _)) => "members = [\"crates/*\"]",
        // Cargo names what it compiles by name, version and place in the workspace: the copy must not overwrite the original.
        Some(("version", _)) => "version = \"0.0.0\"",
        _ => line,
    });
    std::fs::write(copy.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
}
