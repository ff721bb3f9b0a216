//! Flags and arguments.
use super::stand_in::{Program, StandIn};
use crate::commands;
use crate::declare::Kind;
use std::collections::HashSet;

#[test]
fn every_way_to_write_a_flag_is_the_same() {
    let server = StandIn::start(&[("GET /v1/a", 200, r#"{"data":{"x":"1"}}"#)]);
    for words in ["-field=x a", "-field x a", "--field=x a", "--field x a", "-format=json --field x -format=table a"] {
        let outcome = Program::new(&server).run(&format!("read {words}"));
        assert_eq!((outcome.code, outcome.out.as_str()), (0, "1"), "{words}");
    }
}

#[test]
fn flags_end_at_the_first_argument() {
    let server = StandIn::start(&[("PUT /v1/a", 204, "")]);
    let outcome = Program::new(&server).run("write a b=c -force=x");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.err.contains("Flags must come before the arguments") && outcome.err.contains("-force"));
    assert_eq!(server.last().body, r#"{"-force":"x","b":"c"}"#);
}

#[test]
fn wrong_words_are_told_without_their_values() {
    for (words, want) in [
        ("read -nosuch a", "flag provided but not defined: -nosuch"),
        ("read", "Not enough arguments (expected 1, got 0)"),
        ("status hunter2", "Too many arguments (expected 0, got 1)"),
        ("kv get a -format=hunter2", "These were taken as arguments: -format\nToo many arguments (expected 1, got 2)"),
        ("kv get -version=hunter2 a", "invalid value for flag -version: must be a whole number"),
        ("token create -ttl=hunter2", "invalid value for flag -ttl: must be a number of seconds"),
        ("token create -metadata=hunter2", "invalid value for flag -metadata: must be key=value"),
        ("read -tls-skip-verify=hunter2 a", "invalid value for flag -tls-skip-verify: must be true or false"),
        ("read -field", "flag needs an argument: -field"),
        ("write a hunter2", "argument 1 of the data: format must be key=value"),
        ("-address=http://x status", "Flags go after the command"),
    ] {
        let outcome = Program::alone().run(words);
        assert_eq!(outcome.code, 1, "{words}: {outcome:?}");
        assert!(outcome.err.contains(want), "{words}: {}", outcome.err);
        assert!(!outcome.err.contains("hunter2"), "{words}: {}", outcome.err);
    }
}

#[test]
fn data_comes_from_words_files_and_input() {
    let server = StandIn::start(&[("PUT /v1/a", 204, "")]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (value, object) = (file("value", "from file"), file("object", r#"{"n":1,"deep":{"k":[true]}}"#));
    let program = Program::new(&server).input("from input");
    for (words, body) in [
        (vec!["a=1", "b=x=y", "c="], r#"{"a":"1","b":"x=y","c":""}"#.to_owned()),
        (vec!["a=1", "a=2", "a=3"], r#"{"a":["1","2","3"]}"#.to_owned()),
        (vec!["a=-"], r#"{"a":"from input"}"#.to_owned()),
        (vec![r"a=\@x", r"b=\-"], r#"{"a":"@x","b":"-"}"#.to_owned()),
        (vec![&format!("a=@{value}")], r#"{"a":"from file"}"#.to_owned()),
        (vec![&format!("@{object}"), "z=1"], r#"{"deep":{"k":[true]},"n":1,"z":"1"}"#.to_owned()),
    ] {
        let mut all = vec!["write", "a"];
        all.extend(words.iter().copied());
        assert_eq!(program.run_words(&all).code, 0, "{words:?}");
        assert_eq!(server.last().body, body);
    }
    assert_eq!(Program::new(&server).input(r#"{"k":null}"#).run("write a -").code, 0);
    assert_eq!(server.last().body, r#"{"k":null}"#);
}

#[test]
fn help_is_there_for_every_command_and_group() {
    let program = Program::alone();
    for command in commands::all() {
        for dashes in ["-h", "-help", "--help"] {
            let outcome = program.run(&format!("{} {dashes}", command.name));
            assert_eq!(outcome.code, 0, "{}", command.name);
            assert!(outcome.out.starts_with(&format!("Usage: keywright {}", command.name)), "{}", outcome.out);
        }
    }
    for group in commands::GROUPS.iter().filter(|g| !g.name.is_empty()) {
        assert_eq!(program.run(&format!("{} -h", group.name)).code, 0);
        let bare = program.run(group.name);
        assert_eq!(bare.code, 1);
        assert!(bare.err.contains("Subcommands:"), "{}", bare.err);
    }
    let root = program.run("-h").out;
    for word in ["kv", "operator", "server", "login", "completion"] {
        assert!(root.contains(&format!("\n    {word} ")), "{word} in {root}");
    }
}

#[test]
fn declarations_do_not_contradict_themselves() {
    let mut names = HashSet::new();
    for command in commands::all() {
        assert!(names.insert(command.name), "{} is declared twice", command.name);
        let mut flags = HashSet::new();
        for flag in command.all_flags() {
            for name in std::iter::once(&flag.name).chain(flag.aliases) {
                assert!(flags.insert(*name), "{}: -{name} is declared twice", command.name);
            }
            assert!(flag.help.ends_with('.'), "-{}: {}", flag.name, flag.help);
            assert!(flag.kind != Kind::Bool || flag.default.is_empty() || flag.default == "true", "-{}", flag.name);
        }
        assert!(!command.summary.ends_with('.') && command.summary.len() < 60, "{}", command.summary);
        for example in command.details.lines().filter_map(|l| l.strip_prefix("$ ")) {
            assert!(example.starts_with(command.name), "{}: {example}", command.name);
        }
    }
}

#[test]
fn completion_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Program::alone().run(&format!("completion {shell}")).out;
        for word in ["enable-versioning", "generate-root", "list-peers", "capabilities"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
    let bash = Program::alone().run("completion bash").out;
    let checked = std::process::Command::new("bash").args(["-n", "-c", &bash]).status().unwrap();
    assert!(checked.success());
    // Types `keywright kv me<TAB>`, then `keywright kv put -c<TAB>`.
    for (words, at, want) in
        [("keywright kv me", 2, "metadata"), ("keywright kv put -c", 3, "-cas"), ("keywright sta", 1, "status")]
    {
        let ask =
            format!("{bash}\nCOMP_WORDS=({words}); COMP_CWORD={at}; _keywright_complete; echo \"${{COMPREPLY[*]}}\"");
        let out = std::process::Command::new("bash").args(["-c", &ask]).output().unwrap();
        let out = String::from_utf8(out.stdout).unwrap();
        assert!(out.split_whitespace().any(|w| w == want), "{words}: {out}");
    }
}

#[test]
fn completion_is_installed_once() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".bashrc"), "alias x=y").unwrap();
    std::fs::create_dir_all(home.path().join(".config/fish")).unwrap();
    let program = Program::alone().env("HOME", &home.path().display().to_string());
    assert_eq!(program.run("-autocomplete-install").code, 0);
    assert_eq!(program.run("-autocomplete-install").code, 0);
    let bashrc = || std::fs::read_to_string(home.path().join(".bashrc")).unwrap();
    assert_eq!(bashrc(), "alias x=y\nsource <(keywright completion bash)\n");
    assert!(home.path().join(".config/fish/completions/keywright.fish").exists());
    assert!(!home.path().join(".zshrc").exists());
    assert_eq!(program.run("-autocomplete-uninstall").code, 0);
    assert_eq!(bashrc(), "alias x=y\n");
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (begin, end) = ("<!-- tables: begin -->\n", "<!-- tables: end -->");
    let (head, rest) = text.split_once(begin).unwrap();
    let (tables, tail) = rest.split_once(end).unwrap();
    let fresh = crate::reference_tables();
    if std::env::var_os("KEYWRIGHT_BLESS").is_some() {
        std::fs::write(&page, format!("{head}{begin}{fresh}{end}{tail}")).unwrap();
    } else {
        assert_eq!(tables, fresh, "docs/cli.md is not what the commands declare: run this test with KEYWRIGHT_BLESS=1");
    }
}

#[test]
fn pgp_keys_come_in_every_form_that_gpg_writes() {
    let server = StandIn::start(&[("PUT /v1/sys/generate-root/attempt", 200, "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let armour = |inside: &str| {
        format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n{inside}\n-----END PGP PUBLIC KEY BLOCK-----\n").into_bytes()
    };
    let given = |content: Vec<u8>| {
        let file = folder.path().join("key");
        std::fs::write(&file, content).unwrap();
        Program::new(&server).run_words(&[
            "operator",
            "generate-root",
            "-init",
            &format!("-pgp-key={}", file.display()),
        ])
    };
    for content in [
        vec![0x99, 0, 1, 2, 3],
        b"mQABAgM=".to_vec(),
        b"mQAB\nAgM=\n".to_vec(),
        armour("\nmQAB\nAgM=\n=abcd"),
        armour("Version: 1\nComment: x\n\nmQABAgM=\n=abcd"),
        armour("\nmQABAgM="),
    ] {
        let outcome = given(content);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(server.last().body, r#"{"pgp_key":"mQABAgM="}"#);
    }
    let two = [armour("\nmQABAgM="), armour("\nmQABAgM=")].concat();
    for content in
        [two, armour("\nhello, world"), b"-----BEGIN PGP MESSAGE-----\n\nmQABAgM=\n-----END PGP MESSAGE-----".to_vec()]
    {
        let outcome = given(content);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.err.contains("not the armour of one PGP public key"), "{outcome:?}");
    }
}
