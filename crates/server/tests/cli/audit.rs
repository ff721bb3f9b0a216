//! `audit`.
use crate::shell::Shell;
use crate::support::Server;

#[test]
fn audit_devices_are_enabled_and_disabled() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.run("audit list").is(2).says(&["No audit devices are enabled."]);
    let log = sh.path("audit.log");
    sh.ok(&format!("audit enable -description=main file file_path={}", log.display()))
        .says(&["Success! Enabled the file audit device at: file/"]);
    sh.ok(&format!("audit enable -path=second file file_path={}", sh.path("second.log").display()));
    sh.ok("audit list").says(&["file/", "second/", "main"]);
    sh.ok("audit list -detailed").says(&["file_path="]);
    assert_eq!(sh.json("audit list -format=json")["file/"]["type"], "file");
    sh.ok("kv put secret/a password=hunter2");
    let hash = sh.value("write -field=hash sys/audit-hash/file input=hunter2");
    let lines = std::fs::read_to_string(&log).unwrap();
    assert!(lines.contains(&hash) && !lines.contains("hunter2"), "{lines}");
    sh.ok("audit disable second").says(&["Success! Disabled audit device (if it was enabled) at: second/"]);
    sh.ok("audit enable -path=dropped file file_path=discard");
    sh.run("audit enable -path=third file file_path=discard format=jsonx").is(2).complains(&["only json is supported"]);
    sh.ok("audit disable none");
    sh.run("audit enable file").is(2).complains(&["Code: 400"]);
    sh.run("audit enable nonsense").is(2).complains(&["unknown backend type"]);
    sh.run("audit enable -path=third file file_path=/proc/none/audit.log").is(2).complains(&["Code: 400"]);
    sh.run("audit enable").is(1);
}
