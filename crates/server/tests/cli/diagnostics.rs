//! What tells of the server: `status`, `version-history`, `debug`, the nodes.
use crate::shell::Shell;
use crate::support::Server;
use std::process::Command;

#[test]
fn the_state_of_a_server_is_told() {
    let server = Server::dev();
    let (sh, nobody) = (Shell::root(&server), Shell::nobody(&server));
    let status = nobody.ok("status");
    assert_eq!((status.row("Seal Type"), status.row("Sealed")), ("shamir".to_owned(), "false".to_owned()));
    assert_eq!((status.row("Total Shares"), status.row("Storage Type")), ("1".to_owned(), "inmem".to_owned()));
    assert_eq!(nobody.json("status -format=json")["initialized"], true);
    nobody.ok("status -format=yaml").says(&["sealed: false\n"]);
    assert_eq!(nobody.value("status -field=sealed"), "false");
    for command in ["version", "-v", "--version"] {
        sh.ok(command).says(&["Vault v1.", "Keywright"]);
    }
    sh.ok("version-history").says(&["Version", "Installation Time"]);
    sh.ok("operator members").says(&["Host Name", &server.address]);
    sh.ok("operator raft list-peers").says(&["Node", "leader"]);
    assert_eq!(sh.ok("operator key-status").row("Key Term"), "1");
    assert_eq!(sh.ok("operator rotate").says(&["Success! Rotated key"]).row("Key Term"), "2");
    sh.ok("operator step-down").says(&["Success! Stepped down"]);
    nobody.run("operator step-down").is(2);
    nobody.run("operator rotate").is(2);
}

#[test]
fn a_bundle_for_whoever_looks_for_a_fault() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.ok("debug -duration=1s -interval=1s -output=bundle").says(&["Success! Bundle written to: bundle.tar.gz"]);
    let listed = Command::new("tar").arg("tzf").arg(sh.path("bundle.tar.gz")).output().unwrap();
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    for file in ["index.json", "config.json", "server_status.json"] {
        assert!(names.contains(file), "{names}");
    }
    sh.run("debug -duration=1s -output=bundle").is(1).complains(&["Cannot make bundle.tar.gz"]);
    sh.run("debug -target=nonsense").is(1);
}
