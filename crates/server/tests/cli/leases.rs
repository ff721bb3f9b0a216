//! `lease`.
use crate::shell::Shell;
use crate::support::Server;

#[test]
fn leases_are_looked_up_and_revoked() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.ok("secrets enable ssh");
    sh.ok("write ssh/roles/r key_type=otp default_user=u cidr_list=10.0.0.0/8");
    let made = sh.ok("write ssh/creds/r ip=10.1.2.3");
    let id = made.row("lease_id");
    assert!(id.starts_with("ssh/creds/r/"), "{id}");
    assert_eq!((made.row("lease_duration"), made.row("lease_renewable")), ("768h".to_owned(), "false".to_owned()));
    let about = sh.ok(&format!("lease lookup {id}"));
    assert_eq!((about.row("id"), about.row("renewable")), (id.clone(), "false".to_owned()));
    let refused = sh.run(&format!("lease renew {id}")).is(2);
    refused.complains(&["lease is not renewable"]);
    sh.ok(&format!("lease revoke {id}")).says(&["All revocation operations queued successfully!"]);
    sh.run(&format!("lease lookup {id}")).is(2).complains(&["invalid lease"]);
    sh.run(&format!("write ssh/verify otp={}", made.row("key"))).is(2);
    let second = sh.value("write -field=lease_id ssh/creds/r ip=10.1.2.3");
    sh.ok("lease revoke -sync -prefix ssh/creds/r").says(&["Success! Revoked any leases with prefix: ssh/creds/r"]);
    sh.run(&format!("lease lookup {second}")).is(2);
    let third = sh.value("write -field=lease_id ssh/creds/r ip=10.1.2.3");
    sh.ok("lease revoke -force -prefix ssh/").says(&["Success! Force revoked any leases with prefix: ssh/"]);
    sh.run(&format!("lease lookup {third}")).is(2);
    sh.run("lease revoke -force x").is(1);
    sh.run("lease lookup").is(1);
    sh.run("list sys/leases/lookup/ssh").is(2);
}
