use kw_engine::harness::Harness;
use kw_engine::{Engine, Ttl};
use serde_json::{Value, json};

fn mounted() -> Harness<impl Engine> {
    let mut mount = Harness::new(super::engine());
    let role = json!({"key_type": "otp", "default_user": "ubuntu", "cidr_list": "10.0.0.0/8, fd00::/8",
        "exclude_cidr_list": "10.9.0.0/16", "allowed_users": "deploy, ci", "port": 2222});
    mount.write("roles/o", role).unwrap();
    mount
}

fn refused(mount: &mut Harness<impl Engine>, path: &str, body: Value) -> String {
    let fault = mount.write(path, body.clone()).unwrap_err();
    assert_eq!(fault.kind().status(), 400, "{body}");
    assert!(!fault.to_string().contains("LEAKME"), "{fault}");
    fault.to_string()
}

#[test]
fn roles_are_kept() {
    let mut mount = Harness::new(super::engine());
    assert_eq!(mount.list("roles").unwrap_err().kind().status(), 404);
    mount.write("roles/o@x", json!({"key_type": "OTP", "default_user": "ubuntu", "cidr_list": "10.0.0.0/8"})).unwrap();
    let want = json!({"key_type": "otp", "default_user": "ubuntu", "cidr_list": "10.0.0.0/8", "exclude_cidr_list": "",
        "allowed_users": "", "port": 22});
    assert_eq!(mount.read("roles/o@x").unwrap(), want);
    assert_eq!(mount.list("roles").unwrap(), json!(["o@x"]));
    for _ in 0..2 {
        mount.delete("roles/o@x").unwrap();
    }
    assert_eq!(mount.read("roles/o@x").unwrap_err().kind().status(), 404);
}

#[test]
fn wrong_roles_are_refused() {
    let mut mount = Harness::new(super::engine());
    for (body, want) in [
        (json!({}), "missing key"),
        (json!({"key_type": ""}), "missing key type"),
        (json!({"key_type": "dynamic"}), "no longer supported"),
        (json!({"key_type": "magic"}), "invalid key type"),
        (json!({"key_type": "ca"}), "not available yet"),
        (json!({"key_type": "otp"}), "missing default user"),
        (json!({"key_type": "otp", "default_user": "u", "admin_user": "a"}), "admin user"),
        (json!({"key_type": "otp", "default_user": "u", "cidr_list": "LEAKME/99"}), "failed to validate cidr_list"),
        (json!({"key_type": "otp", "default_user": "u", "exclude_cidr_list": "10.0.0.0/99"}), "exclude_cidr_list"),
        (json!({"key_type": "otp", "default_user": "u", "port": 65536}), "port"),
    ] {
        assert!(refused(&mut mount, "roles/r", body).contains(want), "{want}");
    }
    assert_eq!(mount.read("roles/r").unwrap_err().kind().status(), 404);
}

#[test]
fn a_password_is_good_once() {
    let mut mount = mounted();
    mount.conflict_once();
    let secret = mount.write("creds/o", json!({"ip": "10.1.2.3"})).unwrap();
    let key = secret["key"].as_str().unwrap().to_owned();
    let want = json!({"key_type": "otp", "key": key, "ip": "10.1.2.3", "username": "ubuntu", "port": 2222});
    assert_eq!((&secret, key.len()), (&want, 36));
    let lease = &mount.issued()[0];
    assert!(!lease.terms.renewable && !lease.data.get().contains(&key));
    let rows = mount.row_names().unwrap();
    assert_eq!(rows.iter().filter(|r| r.starts_with("otp/")).count(), 1);
    assert!(!rows.iter().any(|r| r.contains(&key)));
    let used = mount.write("verify", json!({ "otp": key })).unwrap();
    assert_eq!(used, json!({"ip": "10.1.2.3", "username": "ubuntu", "role_name": "o"}));
    assert!(refused(&mut mount, "verify", json!({ "otp": key })).contains("OTP not found"));
    let lease = mount.issued()[0].clone();
    for _ in 0..2 {
        mount.revoke(&lease).unwrap();
    }
}

#[test]
fn revoked_and_ended_passwords_are_not_good() {
    let mut mount = mounted();
    for ended in [false, true] {
        let key = mount.write("creds/o", json!({"ip": "fd00::1", "username": "ci"})).unwrap()["key"].take();
        if ended {
            mount.advance(Ttl::from_hours(768));
        } else {
            let lease = mount.issued()[0].clone();
            assert!(mount.renew(&lease, lease.terms).is_err());
            mount.revoke(&lease).unwrap();
            assert!(!mount.row_names().unwrap().iter().any(|r| r.starts_with("otp/")));
        }
        assert!(refused(&mut mount, "verify", json!({ "otp": key })).contains("OTP not found"));
    }
}

#[test]
fn users_and_hosts_are_bound() {
    let mut mount = mounted();
    assert_eq!(mount.write("creds/o", json!({"ip": "10.1.2.3", "username": "deploy"})).unwrap()["username"], "deploy");
    for (path, body) in [
        ("creds/o", json!({})),
        ("creds/o", json!({"ip": "LEAKME"})),
        ("creds/o", json!({"ip": "10.1.2.3", "username": "LEAKME"})),
        ("creds/o", json!({"ip": "192.168.1.1"})),
        ("creds/o", json!({"ip": "10.9.1.1"})),
        ("creds/none", json!({"ip": "10.1.2.3"})),
        ("verify", json!({"otp": "LEAKME"})),
        ("verify", json!({"otp": ""})),
        ("verify", json!({})),
    ] {
        refused(&mut mount, path, body);
    }
    let echo = mount.write("verify", json!({"otp": "verify-echo-request"})).unwrap();
    assert_eq!(echo, json!({"message": "verify-echo-response"}));
    mount.write("roles/any", json!({"key_type": "otp", "default_user": "u", "cidr_list": "10.0.0.0/8", "allowed_users": "*"})).unwrap();
    assert_eq!(mount.write("creds/any", json!({"ip": "10.1.1.1", "username": "root"})).unwrap()["username"], "root");
}

#[test]
fn zero_address_roles_are_for_any_host() {
    let mut mount = mounted();
    mount.write("roles/z", json!({"key_type": "otp", "default_user": "u"})).unwrap();
    assert_eq!(mount.write("lookup", json!({"ip": "10.1.2.3"})).unwrap(), json!({"roles": ["o"]}));
    assert_eq!(mount.write("lookup", json!({"ip": "172.16.0.1"})).unwrap(), json!({ "roles": null }));
    refused(&mut mount, "lookup", json!({"ip": "LEAKME"}));
    refused(&mut mount, "creds/z", json!({"ip": "172.16.0.1"}));
    assert_eq!(mount.read("config/zeroaddress").unwrap_err().kind().status(), 404);
    refused(&mut mount, "config/zeroaddress", json!({"roles": "z,none"}));
    refused(&mut mount, "config/zeroaddress", json!({"roles": ""}));
    mount.write("config/zeroaddress", json!({"roles": "z"})).unwrap();
    assert_eq!(mount.read("config/zeroaddress").unwrap(), json!({"roles": ["z"]}));
    assert_eq!(mount.write("lookup", json!({"ip": "172.16.0.1"})).unwrap(), json!({"roles": ["z"]}));
    assert_eq!(mount.write("creds/z", json!({"ip": "172.16.0.1"})).unwrap()["port"], 22);
    mount.delete("roles/z").unwrap();
    assert_eq!(mount.read("config/zeroaddress").unwrap(), json!({"roles": []}));
    mount.delete("config/zeroaddress").unwrap();
    assert_eq!(mount.read("config/zeroaddress").unwrap_err().kind().status(), 404);
}
