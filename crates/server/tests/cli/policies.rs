//! `policy`.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::json;
use std::fs;

#[test]
fn policies_are_written_read_formatted_and_deleted() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    let text = "path \"secret/*\" { capabilities = [\"read\",\"list\"] }\n";
    let file = sh.write_file("p.hcl", text);
    sh.ok(&format!("policy write app {file}")).says(&["Success! Uploaded policy: app"]);
    assert_eq!(sh.value("policy read app"), text.trim_end());
    assert_eq!(sh.ok("policy list").out, "app\ndefault\nroot\n");
    assert_eq!(sh.json("policy list -format=json"), json!(["app", "default", "root"]));
    sh.ok("policy fmt p.hcl").says(&["Success! Formatted policy: p.hcl"]);
    let formatted = "path \"secret/*\" {\n  capabilities = [\"read\", \"list\"]\n}\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), formatted);
    sh.input(formatted).ok("policy write app -");
    sh.run("policy read none").is(2).complains(&["No policy named: none"]);
    sh.write_file("bad.hcl", "path \"a\" {");
    sh.run("policy write bad bad.hcl").is(2).complains(&["Code: 400", "failed to parse policy"]);
    sh.run("policy fmt bad.hcl").is(1).complains(&["bad.hcl"]);
    sh.run("policy write bad none.hcl").is(2).complains(&["none.hcl: No such file or directory; check the path"]);
    sh.ok("policy delete app").says(&["Success! Deleted policy: app"]);
    sh.run("policy read app").is(2);
    sh.run("policy delete root").is(2).complains(&["Code: 400"]);
    sh.run("policy write root -").is(2);
}
