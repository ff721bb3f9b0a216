//! Whole answers, compared with the texts in `golden/`; KEYWRIGHT_BLESS=1 writes them anew.
use super::stand_in::{Program, StandIn};
use std::path::PathBuf;

const V2: &str = r#"{"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
const META: &str = r#"{"created_time":"2026-01-02T03:04:05.6Z","custom_metadata":{"owner":"team"},"deletion_time":"","destroyed":false,"version":3}"#;

fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("KEYWRIGHT_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, want, "{name}");
}

fn check(name: &str, table: &[(&str, u16, &str)], words: &str) {
    let server = StandIn::start(table);
    let outcome = Program::new(&server).run(words);
    let text =
        format!("{}{}[exit {}]\n", outcome.out, outcome.err, outcome.code).replace(&server.address, "http://server");
    golden(name, &text);
}

fn kv_table(data: &str) -> Vec<(&str, u16, &str)> {
    vec![
        ("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2),
        ("GET /v1/secret/data/app", 200, data),
        ("PUT /v1/secret/data/app", 200, data),
    ]
}

#[test]
fn kv_secrets() {
    let read = format!(
        r#"{{"request_id":"r1","data":{{"data":{{"password":"hunter2","port":5432}},"metadata":{META}}},"warnings":null}}"#
    );
    check("kv_get", &kv_table(&read), "kv get secret/app");
    check("kv_get_json", &kv_table(&read), "kv get -format=json secret/app");
    check("kv_get_yaml", &kv_table(&read), "kv get -format=yaml secret/app");
    check("kv_get_field", &kv_table(&read), "kv get -field=port secret/app");
    let written = format!(r#"{{"data":{META}}}"#);
    check("kv_put", &kv_table(&written), "kv put -cas=2 secret/app a=b");
    let deleted = format!(r#"{{"data":{{"data":null,"metadata":{META}}}}}"#);
    let mut table = kv_table(&deleted);
    table[1].1 = 404;
    check("kv_get_deleted", &table, "kv get secret/app");
}

#[test]
fn kv_metadata() {
    let body = r#"{"data":{"cas_required":false,"current_version":10,"versions":{"10":{"created_time":"b","deletion_time":"","destroyed":false},"2":{"created_time":"a","deletion_time":"","destroyed":true}}}}"#;
    let table = [("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2), ("GET /v1/secret/metadata/app", 200, body)];
    check("kv_metadata_get", &table, "kv metadata get secret/app");
}

#[test]
fn kv_patch_falls_back_where_the_policy_is_old() {
    let read = format!(r#"{{"data":{{"data":{{"a":"1","b":"2"}},"metadata":{META}}}}}"#);
    let written = format!(r#"{{"data":{META}}}"#);
    let server = StandIn::start(&[
        ("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2),
        ("PATCH /v1/secret/data/app", 403, r#"{"errors":["permission denied"]}"#),
        ("GET /v1/secret/data/app", 200, &read),
        ("PUT /v1/secret/data/app", 200, &written),
    ]);
    assert_eq!(Program::new(&server).run("kv patch -remove-data=b secret/app c=3").code, 0);
    assert_eq!(server.last().body, r#"{"data":{"a":"1","c":"3"},"options":{"cas":3}}"#);
    let refused = StandIn::start(&[
        ("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2),
        ("PATCH /v1/secret/data/app", 403, r#"{"errors":["permission denied"]}"#),
    ]);
    assert!(Program::new(&refused).run("kv patch secret/app c=3").err.contains("URL: PATCH"));
}

#[test]
fn kv_rollback_checks_what_it_overwrites() {
    let newest = format!(r#"{{"data":{{"data":{{"a":"new"}},"metadata":{META}}}}}"#);
    let written = format!(r#"{{"data":{META}}}"#);
    let server = StandIn::start(&[
        ("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2),
        ("GET /v1/secret/data/app", 200, &newest),
        ("GET /v1/secret/data/app?version=1", 200, r#"{"data":{"data":{"a":"old"},"metadata":{"version":1}}}"#),
        ("PUT /v1/secret/data/app", 200, &written),
    ]);
    assert_eq!(Program::new(&server).run("kv rollback -version=1 secret/app").code, 0);
    assert_eq!(server.last().body, r#"{"data":{"a":"old"},"options":{"cas":3}}"#);
    assert_eq!(Program::new(&server).run("kv rollback secret/app").code, 1);
    assert_eq!(Program::new(&server).run("kv rollback -version=9 secret/app").code, 2);
}

#[test]
fn long_numbers_survive_every_way() {
    const LONG: &str = "123456789012345678901234567890";
    let read = format!(r#"{{"data":{{"data":{{"n":{LONG}}},"metadata":{META}}}}}"#);
    let server = StandIn::start(&[
        ("GET /v1/sys/internal/ui/mounts/secret/app", 200, V2),
        ("GET /v1/secret/data/app", 200, &read),
        ("GET /v1/secret/data/app?version=1", 200, &read),
        ("PUT /v1/secret/data/app", 200, r#"{"data":{"version":4}}"#),
        ("PUT /v1/a", 204, ""),
    ]);
    let program = Program::new(&server).input(&format!(r#"{{"n":{LONG}}}"#));
    for words in ["kv get -field=n secret/app", "kv get -format=json secret/app", "kv get secret/app"] {
        assert!(program.run(words).out.contains(LONG), "{words}");
    }
    for words in
        ["kv rollback -version=1 secret/app", "kv patch -method=rw secret/app x=y", "kv put secret/app -", "write a -"]
    {
        assert_eq!(program.run(words).code, 0);
        assert!(server.last().body.contains(LONG), "{words}: {}", server.last().body);
    }
}

#[test]
fn leases_tokens_and_wrapping() {
    let lease = r#"{"request_id":"r","lease_id":"db/creds/r/1","lease_duration":3600,"renewable":true,"data":{"username":"u","password":"p","ttl":90},"warnings":["A long warning that has to be broken because it is longer than a line of the terminal is wide."]}"#;
    check("read_lease", &[("GET /v1/db/creds/r", 200, lease)], "read db/creds/r");
    let auth = r#"{"auth":{"client_token":"s.t","accessor":"a","policies":["default","x"],"token_policies":["default"],"identity_policies":["x"],"metadata":null,"lease_duration":0,"renewable":false}}"#;
    check("token_create", &[("POST /v1/auth/token/create", 200, auth)], "token create");
    check("token_create_json", &[("POST /v1/auth/token/create", 200, auth)], "token create -format=json");
    let wrap = r#"{"wrap_info":{"token":"s.w","accessor":"a","ttl":60,"creation_time":"2026-01-02T03:04:05.123456789Z","creation_path":"auth/token/create","wrapped_accessor":"b"}}"#;
    check("wrapped", &[("POST /v1/auth/token/create", 200, wrap)], "token create -wrap-ttl=60s");
    check("list", &[("GET /v1/a?list=true", 200, r#"{"data":{"keys":["x","y/"]}}"#)], "list a");
}

#[test]
fn mounts_and_policies() {
    let mounts = r#"{"data":{"secret/":{"type":"kv","accessor":"kv_1","description":"","config":{"default_lease_ttl":0,"max_lease_ttl":3600,"force_no_cache":false},"options":{"version":"2"},"local":false,"uuid":"u"},"cubbyhole/":{"type":"cubbyhole","accessor":"cubbyhole_1","description":"per-token","config":{"default_lease_ttl":0,"max_lease_ttl":0},"options":null,"local":true}}}"#;
    check("secrets_list", &[("GET /v1/sys/mounts", 200, mounts)], "secrets list");
    check("secrets_list_detailed", &[("GET /v1/sys/mounts", 200, mounts)], "secrets list -detailed");
    check(
        "policy_list",
        &[("GET /v1/sys/policies/acl?list=true", 200, r#"{"data":{"keys":["default","root"]}}"#)],
        "policy list",
    );
}

#[test]
fn seals() {
    let unsealed = r#"{"type":"shamir","initialized":true,"sealed":false,"t":3,"n":5,"progress":0,"nonce":"","version":"1.0","build_date":"2026-01-01T00:00:00Z","migration":false,"cluster_name":"c","cluster_id":"id","recovery_seal":false,"storage_type":"embedded"}"#;
    let leader = r#"{"ha_enabled":true,"is_self":true,"active_time":"2026-01-01T00:00:00Z","leader_address":"https://a","leader_cluster_address":"https://b"}"#;
    let table = [("GET /v1/sys/seal-status", 200, unsealed), ("GET /v1/sys/leader", 200, leader)];
    check("status", &table, "status");
    check("status_json", &table, "status -format=json");
    let sealed = r#"{"type":"shamir","initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"nonce":"abc","version":"1.0","build_date":"2026-01-01T00:00:00Z"}"#;
    check("status_sealed", &[("GET /v1/sys/seal-status", 200, sealed)], "status");
    check("unseal", &[("PUT /v1/sys/unseal", 200, sealed)], "operator unseal c2hhcmU=");
    let made = r#"{"keys":["aa","bb","cc"],"keys_base64":["qg==","uw==","zA=="],"root_token":"s.root"}"#;
    check("init", &[("PUT /v1/sys/init", 200, made)], "operator init -key-shares=3 -key-threshold=2");
    check("init_json", &[("PUT /v1/sys/init", 200, made)], "operator init -n=3 -t 2 -format=json");
}

#[test]
fn root_generation() {
    let begun = r#"{"nonce":"n1","started":true,"progress":0,"required":2,"complete":false,"encoded_token":"","encoded_root_token":"","pgp_fingerprint":"","otp":"ABCD","otp_length":4}"#;
    check("generate_root_init", &[("PUT /v1/sys/generate-root/attempt", 200, begun)], "operator generate-root -init");
    // "s.rt" under the password "ABCD".
    let decoded = Program::alone().run("operator generate-root -decode=Mmw xMA== -otp=ABCD");
    assert_eq!(decoded.code, 1, "an argument too many is no part of the token");
    let decoded = Program::alone().run("operator generate-root -decode=MmwxMA -otp=ABCD");
    assert_eq!((decoded.code, decoded.out.as_str()), (0, "s.rt"));
    let otp = Program::alone().env("VAULT_ADDR", "http://127.0.0.1:1").run("operator generate-root -generate-otp").out;
    assert!(otp.len() == 26 && otp.chars().all(|c| c.is_ascii_alphanumeric()), "{otp}");
}

#[test]
fn rekeying() {
    let begun = r#"{"nonce":"n1","started":true,"t":2,"n":3,"progress":0,"required":2,"pgp_fingerprints":null,"backup":false,"verification_required":false}"#;
    check(
        "rekey_init",
        &[("PUT /v1/sys/rekey/init", 200, begun)],
        "operator rekey -init -key-shares=3 -key-threshold=2",
    );
    let done = r#"{"nonce":"n1","complete":true,"keys":["aa"],"keys_base64":["qg=="],"pgp_fingerprints":null,"backup":false,"verification_required":false}"#;
    let table = [("GET /v1/sys/rekey/init", 200, begun), ("PUT /v1/sys/rekey/update", 200, done)];
    check("rekey_done", &table, "operator rekey -nonce=n1 c2hhcmU=");
}

#[test]
fn moves_wait_until_they_are_done() {
    let server = StandIn::start(&[
        ("POST /v1/sys/remount", 200, r#"{"data":{"migration_id":"m1"}}"#),
        ("GET /v1/sys/remount/status/m1", 200, r#"{"data":{"migration_info":{"status":"success"}}}"#),
    ]);
    for words in ["auth move a b", "auth move auth/a/ auth/b"] {
        assert_eq!(Program::new(&server).run(words).code, 0);
        let asked = server.asked();
        assert_eq!(asked[asked.len() - 2].body, r#"{"from":"auth/a/","to":"auth/b/"}"#);
    }
}

#[test]
fn snapshots_are_saved_whole_or_not_at_all() {
    let server = StandIn::start(&[
        ("GET /v1/sys/storage/raft/snapshot", 200, "snapshot bytes"),
        ("POST /v1/sys/storage/raft/snapshot-force", 204, ""),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.snap");
    let words = |what: &str| format!("operator raft snapshot {what} {}", file.display());
    assert_eq!(Program::new(&server).run(&words("save")).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "snapshot bytes");
    assert_eq!(Program::new(&server).run(&words("restore -force")).code, 0);
    // Then it asks whether the server is sealed now.
    assert!(server.asked().iter().any(|asked| asked.body == "snapshot bytes"));
    let refused = StandIn::start(&[]);
    assert_eq!(Program::new(&refused).run(&words("save")).code, 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "snapshot bytes");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_debug_bundle_holds_what_was_seen() {
    let server = StandIn::start(&[("GET /v1/sys/seal-status", 200, r#"{"sealed":false}"#)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle");
    let words =
        format!("debug -duration=1s -interval=1s -target=server-status -target=config -output={}", file.display());
    let outcome = Program::new(&server).run(&words);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let packed = std::fs::File::open(folder.path().join("bundle.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let names: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|e| e.unwrap().path().unwrap().file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["index.json", "server_status.json"]);
    assert_eq!(Program::new(&server).run("debug -target=nosuch").code, 1);
}
