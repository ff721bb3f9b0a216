//! `server` when it is told something that cannot be: it ends at once, with 1 and a text that says what to change.
use crate::shell::Shell;
use crate::support::{Server, Setup};
use crate::tls::self_signed;
use std::os::unix::fs::MetadataExt;

fn shell() -> Shell {
    Shell::new("http://127.0.0.1:1")
}

/// Starts a server with this configuration; it must refuse it.
#[track_caller]
fn refuses(configuration: &str, texts: &[&str]) {
    let sh = shell();
    let file = sh.write_file("server.hcl", configuration);
    let said = sh.run(&format!("server -config={file}")).is(1).complains(texts);
    assert!(!said.out.contains("started"), "{said:?}");
}

const PLAIN: &str = "listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n";
const MEMORY: &str = "storage \"inmem\" {}\n";

#[test]
fn flags() {
    let sh = shell();
    sh.run("server").is(1).complains(&["-config=FILE", "-dev"]);
    sh.run("server -nonsense").is(1).complains(&["unknown flag -nonsense", "-help"]);
    sh.run("server extra").is(1).complains(&["unexpected argument"]);
    sh.run("server -config").is(1).complains(&["-config needs a value"]);
    sh.run("server -dev=perhaps").is(1).complains(&["-dev takes no value"]);
    sh.run("server -dev -dev-root-token-id=").is(1).complains(&["-dev-root-token-id must not be empty"]);
    sh.run("server -dev -dev-listen-address=nonsense").is(1).complains(&["cannot listen on nonsense"]);
    sh.run("server -dev -log-level=loud").is(1).complains(&["-log-level is one of"]);
    sh.run("server -config=/nonexistent.hcl").is(1).complains(&["/nonexistent.hcl", "cannot be read"]);
    std::fs::create_dir(sh.path("empty")).unwrap();
    sh.run("server -config=empty").is(1).complains(&["the directory holds no .hcl or .json file"]);
}

#[test]
fn configurations() {
    refuses("", &["no storage"]);
    refuses(MEMORY, &["no listener"]);
    refuses("listener \"tcp\" {", &["server.hcl:1", "expected '}'"]);
    refuses(&format!("storage \"consul\" {{}}\n{PLAIN}"), &["server.hcl:1", "this storage type is not supported"]);
    refuses(&format!("{MEMORY}listener \"tcp\" {{}}\n"), &["tls_cert_file and tls_key_file, or tls_disable = true"]);
    refuses(&format!("{MEMORY}{PLAIN}default_lease_ttl = \"soon\"\n"), &["server.hcl:6", "default_lease_ttl must be"]);
    refuses(&format!("{MEMORY}{PLAIN}log_level = \"loud\"\n"), &["log_level must be one of"]);
    refuses(&format!("{MEMORY}{PLAIN}seal \"awskms\" {{}}\n"), &["this seal type is not supported"]);
    refuses(&format!("storage \"embedded\" {{}}\n{PLAIN}"), &["path"]);
    refuses(&format!("storage \"embedded\" {{ path = \"/proc/none\" }}\n{PLAIN}"), &["/proc/none"]);
    refuses(&format!("{MEMORY}{}", PLAIN.replace("127.0.0.1:0", "192.0.2.1:0")), &["cannot listen on 192.0.2.1:0"]);
}

#[test]
fn the_owner_of_a_socket() {
    let sh = shell();
    let socket = sh.path("kw.sock");
    let with =
        |line: &str| format!("{MEMORY}listener \"unix\" {{\n  address = \"{}\"\n  {line}\n}}\n", socket.display());
    refuses(&with("socket_user = \"nobody-here\""), &["socket_user: nobody-here is not in /etc/passwd"]);
    refuses(&with("socket_group = \"nobody-here\""), &["socket_group: nobody-here is not in /etc/group"]);
    // Only root may give a file away; what anyone may is to give it to oneself.
    let about = std::fs::metadata(sh.path("")).unwrap();
    let (user, group) = match about.uid() {
        0 => ("nobody".to_owned(), "12345".to_owned()),
        user => (user.to_string(), about.gid().to_string()),
    };
    let mut setup = Setup::embedded();
    setup.listeners += &format!(
        "listener \"unix\" {{\n  address = \"{}\"\n  socket_user = \"{user}\"\n  socket_group = \"{group}\"\n}}\n",
        socket.display()
    );
    let _server = setup.start();
    let given = std::fs::metadata(&socket).unwrap();
    assert_eq!(given.gid().to_string(), group);
    assert_ne!(given.uid(), 0);
}

#[test]
fn tls_files() {
    let setup = Setup::embedded();
    let (cert, key) = self_signed(&setup);
    let other = Setup::embedded();
    let (_, other_key) = self_signed(&other);
    let with = |cert: &str, key: &str| {
        format!(
            "{MEMORY}listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n  tls_cert_file = \"{cert}\"\n  tls_key_file = \"{key}\"\n}}\n"
        )
    };
    refuses(&with("/nonexistent.pem", &key), &["tls_cert_file /nonexistent.pem: "]);
    refuses(&with(&key, &key), &["tls_cert_file", "holds no PEM of a certificate"]);
    refuses(&with(&cert, "/nonexistent.pem"), &["tls_key_file /nonexistent.pem: "]);
    refuses(&with(&cert, &cert), &["tls_key_file", "holds no PEM of a private key"]);
    refuses(&with(&cert, &other_key), &["tls_key_file", "not the key of the certificate"]);
}

#[test]
fn one_server_for_one_directory_and_one_address() {
    let setup = Setup::embedded();
    let server = setup.start();
    let said = setup.try_start().err().expect("two servers on one directory");
    assert!(said.contains("data"), "{said}");
    let dev = Server::dev();
    let sh = shell();
    let taken = sh.run(&format!("server -dev -dev-listen-address={}", dev.address)).is(1);
    taken.complains(&["cannot listen on", "in use"]);
    drop(server);
    setup.start();
}
