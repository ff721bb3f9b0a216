//! Markers are planted wherever a secret can come in; none may come out of an error, the log at its most talkative, the audit
//! file, or the bytes on the disk.
use crate::support::{Answer, Caller, Op, Server, Setup, files, mount_all, operations};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fs;

/// A server that tells as much as it can, and the markers that it was given.
struct Planted {
    server: Server,
    setup: Setup,
    count: Cell<u32>,
    markers: RefCell<Vec<String>>,
    /// Secrets that the server made, under the name of what they are.
    made: RefCell<Vec<(&'static str, String)>>,
    errors: RefCell<Vec<String>>,
}

impl Planted {
    fn new() -> Self {
        let setup = Setup::embedded().with_top("log_level = \"trace\"");
        let setup = setup.clone().with_top(&format!(
            "audit \"file\" \"main\" {{\n  options {{ file_path = {:?} }}\n}}",
            setup.file("audit.log")
        ));
        let server = setup.open();
        server.mount("secret", json!({"type": "kv", "options": {"version": "2"}}));
        mount_all(&server);
        server.root().post("secret/data/SEENME", json!({"data": {"k": 1}})).ok();
        let made = vec![("the root token", server.keys.root.clone()), ("the key share", server.keys.shares[0].clone())];
        let (count, markers, errors) = (Cell::new(0), RefCell::default(), RefCell::default());
        Self { server, setup, count, markers, made: RefCell::new(made), errors }
    }

    /// A new marker.
    fn marker(&self) -> String {
        self.count.set(self.count.get() + 1);
        let marker = format!("LEAKME{:06}Q", self.count.get());
        self.markers.borrow_mut().push(marker.clone());
        marker
    }

    /// An answer that must not hold any marker: it is an error, or has nothing to show.
    fn hides(&self, answer: &Answer) {
        let text = format!("{:?} {}", answer.headers, answer.text());
        if text.contains("LEAKME") {
            self.errors.borrow_mut().push(text);
        }
    }

    /// A request that goes wrong.
    fn fails(&self, caller: &Caller, method: &str, path: &str, body: &[u8]) {
        let answer = caller.raw(method, path, body);
        assert!(answer.status >= 400, "{method} {path}: {} {}", answer.status, answer.text());
        self.hides(&answer);
    }

    fn made(&self, what: &'static str, value: String) -> String {
        self.made.borrow_mut().push((what, value.clone()));
        value
    }

    /// Looks at everything that the server wrote, but for the audit file's lines that hold one of these texts.
    fn find_nothing_but(self, excused: &[&str]) {
        assert!(self.errors.borrow().is_empty(), "errors show what they were given: {:#?}", self.errors.borrow());
        let (setup, data) = (self.setup.clone(), self.server.data());
        self.server.stop();
        let read = |name: &str| fs::read(setup.path(name)).unwrap();
        let (log, mut audit) = (read("log"), read("audit.log"));
        assert!(contains(&audit, b"SEENME"), "the control is not there: names are told in clear");
        let is_excused = |line: &[u8]| excused.iter().any(|text| contains(line, text.as_bytes()));
        audit = audit.split(|b| *b == b'\n').filter(|line| !is_excused(line)).collect::<Vec<_>>().join(&b'\n');
        assert!(log.len() > 200 && audit.len() > 10_000, "log {}, audit {}", log.len(), audit.len());
        let mut places = vec![
            ("the log".to_owned(), log),
            ("the output".to_owned(), read("out")),
            ("the audit file".to_owned(), audit),
        ];
        places.extend(files(&data).into_iter().map(|f| (f.display().to_string(), fs::read(&f).unwrap())));
        assert!(
            places.iter().skip(3).any(|(_, bytes)| contains(bytes, b"SEENME")),
            "the control: names of secrets are keys"
        );
        let mut found = Vec::new();
        let secrets = self.made.borrow().iter().cloned().chain([("a marker", "LEAKME".to_owned())]).collect::<Vec<_>>();
        for (what, value) in secrets {
            for (form, text) in forms(&value) {
                for (place, bytes) in places.iter().filter(|(_, bytes)| contains(bytes, text.as_bytes())) {
                    let line =
                        bytes.split(|b| *b == b'\n').find(|line| contains(line, text.as_bytes())).unwrap_or(bytes);
                    let shown = String::from_utf8_lossy(&line[..line.len().min(3000)]).into_owned();
                    found.push(format!("{what} as {form} in {place}: {shown}"));
                }
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// A text as it is, in hexadecimal, and in base64 wherever in a longer text it begins.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
    let mut out = vec![("text", value.to_owned()), ("upper-case hex", hex.to_uppercase()), ("hex", hex)];
    for skipped in 0..3 {
        let bytes = &value.as_bytes()[skipped..];
        let whole = &bytes[..bytes.len() / 3 * 3];
        out.push(("base64", STANDARD_NO_PAD.encode(whole)));
    }
    out.retain(|(_, text)| text.len() >= 4);
    out
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

#[test]
fn secrets_of_every_kind_stay_inside() {
    let planted = Planted::new();
    engines(&planted);
    log_ins(&planted);
    tokens(&planted);
    ceremonies(&planted);
    broken_bodies(&planted);
    headers_and_queries(&planted);
    planted.find_nothing_but(&[]);
}

/// What is put into engines comes back to who may read it, and is nowhere else.
fn engines(p: &Planted) {
    let root = p.server.root();
    for path in ["sweep-kv-v1/a", "cubbyhole/a"] {
        let marker = p.marker();
        p.hides(&root.post(path, json!({"k": marker, "deep": {"er": [p.marker()]}})).ok());
        assert!(root.get(path).ok().text().contains(&marker));
    }
    p.hides(&root.post("sweep-kv-v2/data/a", json!({"data": {"k": p.marker(), "l": [p.marker()]}})).ok());
    p.hides(&root.patch("sweep-kv-v2/data/a", json!({"data": {"k": p.marker()}})).ok());
    p.fails(
        &root,
        "POST",
        "sweep-kv-v2/data/a",
        json!({"data": {"k": p.marker()}, "options": {"cas": 99}}).to_string().as_bytes(),
    );
    p.fails(&root, "POST", "sweep-kv-v2/data/a", json!({"data": p.marker()}).to_string().as_bytes());
    p.fails(&root, "POST", "sweep-kv-v2/config", json!({"max_versions": p.marker()}).to_string().as_bytes());
    let connection = json!({"connection_uri": "http://127.0.0.1:1", "username": "u", "password": p.marker(), "verify_connection": false});
    p.hides(&root.post("sweep-rabbitmq/config/connection", connection).ok());
    let connection = json!({"connection_uri": "http://127.0.0.1:1", "username": "u", "password": p.marker()});
    p.fails(&root, "POST", "sweep-rabbitmq/config/connection", connection.to_string().as_bytes());
    root.post("sweep-ssh/roles/r", json!({"key_type": "otp", "default_user": "u", "cidr_list": "127.0.0.0/8"})).ok();
    p.made("a one-time password", root.post("sweep-ssh/creds/r", json!({"ip": "127.0.0.1"})).ok().at("/data/key"));
    p.fails(&p.server.nobody(), "POST", "sweep-ssh/verify", json!({"otp": p.marker()}).to_string().as_bytes());
    p.hides(&root.post("sys/tools/hash", json!({"input": p.marker()})));
    p.hides(&root.post("sys/audit-hash/main", json!({"input": p.marker()})).ok());
}

fn log_ins(p: &Planted) {
    let (root, nobody) = (p.server.root(), p.server.nobody());
    let password = p.marker();
    p.hides(&root.post("auth/sweep-userpass/users/ann", json!({"password": password})).ok());
    p.made(
        "a login's token",
        nobody.post("auth/sweep-userpass/login/ann", json!({"password": password})).ok().client_token(),
    );
    p.fails(&nobody, "POST", "auth/sweep-userpass/login/ann", json!({"password": p.marker()}).to_string().as_bytes());
    p.fails(&nobody, "POST", "auth/sweep-userpass/login/none", json!({"password": p.marker()}).to_string().as_bytes());
    p.fails(
        &root,
        "POST",
        "auth/sweep-userpass/users/bob",
        json!({"password_hash": p.marker()}).to_string().as_bytes(),
    );
    p.fails(
        &root,
        "POST",
        "auth/sweep-userpass/users/bob",
        json!({"password": p.marker(), "token_ttl": "x"}).to_string().as_bytes(),
    );
    p.hides(&root.post("auth/sweep-userpass/users/ann/password", json!({"password": p.marker()})).ok());

    root.post("auth/sweep-approle/role/r", json!({"token_ttl": "1h"})).ok();
    let role_id = root.get("auth/sweep-approle/role/r/role-id").ok().at("/data/role_id");
    let secret_id =
        p.made("a secret id", root.post("auth/sweep-approle/role/r/secret-id", json!({})).ok().at("/data/secret_id"));
    let custom = p.marker();
    root.post("auth/sweep-approle/role/r/custom-secret-id", json!({"secret_id": custom})).ok();
    for secret_id in [&secret_id, &custom] {
        let body = json!({"role_id": role_id, "secret_id": secret_id});
        p.made("a login's token", nobody.post("auth/sweep-approle/login", body).ok().client_token());
        p.hides(&root.post("auth/sweep-approle/role/r/secret-id/lookup", json!({"secret_id": secret_id})).ok());
    }
    let wrong = json!({"role_id": role_id, "secret_id": p.marker()}).to_string();
    p.fails(&nobody, "POST", "auth/sweep-approle/login", wrong.as_bytes());
    p.hides(&root.post("auth/sweep-approle/role/r/secret-id/lookup", json!({"secret_id": p.marker()})));
    p.hides(&root.post("auth/sweep-approle/role/r/secret-id/destroy", json!({"secret_id": p.marker()})));
}

fn tokens(p: &Planted) {
    let root = p.server.root();
    for body in [json!({"ttl": "1h"}), json!({"ttl": "1h", "type": "batch", "policies": ["default"]})] {
        p.made("a token", root.post("auth/token/create", body).ok().client_token());
    }
    let chosen = p.marker();
    root.post("auth/token/create", json!({"id": chosen, "ttl": "1h"})).ok();
    p.fails(&root, "POST", "auth/token/create", json!({"id": chosen}).to_string().as_bytes());
    p.server.with(&chosen).get("auth/token/lookup-self").ok();
    for path in ["lookup", "renew", "revoke", "revoke-orphan"] {
        p.hides(&root.post(&format!("auth/token/{path}"), json!({"token": p.marker()})));
    }
    p.fails(&p.server.with(&p.marker()), "GET", "auth/token/lookup-self", b"");
    p.fails(&p.server.nobody().header("Authorization", &format!("Bearer {}", p.marker())), "GET", "secret/data/a", b"");
    let wrapping = root.header("X-Vault-Wrap-TTL", "5m");
    let wrapped = p.made(
        "a wrapping token",
        wrapping.post("sys/wrapping/wrap", json!({"k": p.marker()})).ok().at("/wrap_info/token"),
    );
    p.hides(&root.post("sys/wrapping/lookup", json!({"token": wrapped})).ok());
    let kept = p.made("a wrapping token", wrapping.get("sweep-kv-v2/data/a").ok().at("/wrap_info/token"));
    root.post("sys/wrapping/unwrap", json!({"token": wrapped})).ok();
    let again = p
        .made("a wrapping token", root.post("sys/wrapping/rewrap", json!({"token": kept})).ok().at("/wrap_info/token"));
    p.server.with(&again).post("sys/wrapping/unwrap", json!({})).ok();
    for path in ["unwrap", "rewrap", "lookup"] {
        p.fails(&root, "POST", &format!("sys/wrapping/{path}"), json!({"token": p.marker()}).to_string().as_bytes());
    }
    p.hides(&root.post("sys/capabilities", json!({"token": p.marker(), "path": "x"})));
}

fn ceremonies(p: &Planted) {
    let nobody = p.server.nobody();
    p.hides(&nobody.post("sys/unseal", json!({"key": p.marker()})));
    p.fails(&nobody, "POST", "sys/generate-root/attempt", json!({"otp": p.marker()}).to_string().as_bytes());
    p.fails(&nobody, "POST", "sys/generate-root/attempt", json!({"pgp_key": p.marker()}).to_string().as_bytes());
    let attempt = nobody.post("sys/generate-root/attempt", json!({})).ok();
    let (nonce, otp) = (attempt.at("/nonce"), p.made("a one-time password", attempt.at("/otp")));
    p.fails(
        &nobody,
        "POST",
        "sys/generate-root/update",
        json!({"key": p.marker(), "nonce": nonce}).to_string().as_bytes(),
    );
    let done = nobody.post("sys/generate-root/update", json!({"key": p.server.keys.shares[0], "nonce": nonce})).ok();
    let encoded = p.made("an encoded root token", done.at("/encoded_token"));
    let body = json!({"encoded_token": encoded, "otp": otp});
    p.made("a generated root token", nobody.post("sys/decode-token", body).ok().at("/data/token"));
    p.fails(
        &nobody,
        "POST",
        "sys/decode-token",
        json!({"encoded_token": p.marker(), "otp": p.marker()}).to_string().as_bytes(),
    );
    let nonce = nobody.post("sys/rekey/init", json!({"secret_shares": 1, "secret_threshold": 1})).ok().at("/nonce");
    p.fails(&nobody, "POST", "sys/rekey/update", json!({"key": p.marker(), "nonce": nonce}).to_string().as_bytes());
    let done = nobody.post("sys/rekey/update", json!({"key": p.server.keys.shares[0], "nonce": nonce})).ok();
    p.made("a new key share", done.at("/keys/0"));
}

/// What is cut, of another type or no JSON at all.
fn broken_bodies(p: &Planted) {
    let root = p.server.root();
    for path in
        ["sweep-kv-v2/data/a", "auth/sweep-approle/login", "auth/token/create", "sys/policies/acl/x", "sys/unseal"]
    {
        for form in [
            "{\"data\": {\"k\": \"@",
            "{\"@\": ",
            "{\"a\": @}",
            "[\"@\"]",
            "\"@\"",
            "@",
            "{\"a\":\"@\",\"a\":\"@\"}",
            "{\"a\":\"@\"} @",
        ] {
            p.fails(&root, "POST", path, form.replace('@', &p.marker()).as_bytes());
        }
        p.fails(&root, "POST", path, &[b"{\"a\":\"LEAKME\xff\"}".as_slice()].concat());
    }
}

fn headers_and_queries(p: &Planted) {
    let root = p.server.root();
    root.post("sys/config/auditing/request-headers/X-Covered", json!({"hmac": true})).ok();
    root.header("X-Covered", &p.marker()).get("sys/mounts").ok();
    for name in ["Cookie", "X-Other", "User-Agent", "X-Forwarded-For", "Referer"] {
        p.hides(&root.header(name, &p.marker()).get("sys/mounts"));
    }
    p.fails(&root.header("X-Vault-Wrap-TTL", &p.marker()), "GET", "sys/mounts", b"");
    p.fails(&root.header("X-Vault-Namespace", &p.marker()), "GET", "sys/mounts", b"");
    p.fails(&root.header("X-Vault-Token", &p.marker()), "GET", "sys/mounts", b"");
    p.fails(&root, "GET", &format!("sweep-kv-v2/data/a?version={}", p.marker()), b"");
    p.fails(&root, "GET", &format!("sweep-kv-v2/metadata/?list={}", p.marker()), b"");
    p.fails(&root, "GET", &format!("sys/mounts?a={}&a={}", p.marker(), p.marker()), b"");
    p.hides(&root.get(&format!("sys/mounts?token={}", p.marker())));
    let form = p.server.nobody().header("Content-Type", "application/x-www-form-urlencoded");
    p.fails(&form, "POST", "auth/sweep-userpass/login/ann", format!("password={}", p.marker()).as_bytes());
}

/// Every parameter of every operation is given a marker in every form that it is not. Handlers that panic are found too.
#[test]
fn errors_of_every_route_show_no_value() {
    let planted = Planted::new();
    // They seal the server or replace its data; their bodies are among the cases above or no JSON.
    let apart = [
        "write sys/seal",
        "write sys/step-down",
        "write sys/storage/raft/snapshot",
        "write sys/storage/raft/snapshot-force",
    ];
    for op in operations()
        .iter()
        .filter(|op| matches!(op.verb.as_str(), "write" | "patch") && !apart.contains(&op.name.as_str()))
    {
        errors_of(&planted, op);
    }
    assert!(!planted.server.is_sealed());
    assert!(!planted.server.log().contains("panicked"), "a handler panicked: {}", planted.server.log());
    // Capabilities are answered under the names of paths, and names are told in clear.
    planted.find_nothing_but(&["\"path\":\"sys/capabilities", "\"path\":\"sys/remount\""]);
}

/// Whose errors show a value that is no secret: a path, as the 404 of any path does.
const SHOWS_A_PATH: &[&str] = &["write sys/remount"];

fn errors_of(p: &Planted, op: &Op) {
    let forms: [fn(&Planted) -> Value; 4] = [
        |p| json!(p.marker()),
        |p| json!([p.marker()]),
        |p| json!({"k": p.marker()}),
        |p| json!([[{"k": p.marker()}]]),
    ];
    for form in forms {
        let body: Value =
            op.fields.iter().map(|name| (name.clone(), form(p))).collect::<serde_json::Map<_, _>>().into();
        // Some routes revoke the caller's token.
        let token = p.server.make_token(json!({"policies": ["root"], "ttl": "1h"}));
        for caller in [p.server.with(&token), p.server.nobody()] {
            let answer = op.call(&caller, &body);
            let may_show = SHOWS_A_PATH.contains(&op.name.as_str());
            if !may_show && answer.status >= 400 && format!("{:?} {}", answer.headers, answer.text()).contains("LEAKME")
            {
                p.errors.borrow_mut().push(format!("{}: {}", op.name, answer.text()));
            }
        }
    }
}
