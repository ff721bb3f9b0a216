//! Bodies: read in one way or not at all, and never at a price that an unknown caller sets.
use crate::support::{Server, Setup};
use serde_json::json;
use std::time::{Duration, Instant};

/// duplicate JSON keys
#[test]
fn a_name_that_occurs_twice_is_refused() {
    let server = Server::dev();
    let root = server.root();
    for (path, body) in [
        ("secret/data/a", r#"{"data":{"k":1},"data":{"k":2}}"#),
        ("secret/data/a", r#"{"data":{"k":1,"k":2}}"#),
        ("secret/data/a", r#"{"data":{"d":{"k":1,"k":2}}}"#),
        ("secret/data/a", r#"{"data":{"k":1,"\u006b":2}}"#),
        ("secret/data/a", r#"{"data":[{"k":1,"k":2}]}"#),
        ("cubbyhole/a", r#"{"k":1,"k":1}"#),
        ("auth/token/create", r#"{"policies":["default"],"policies":["root"]}"#),
        ("auth/token/create", r#"{"ttl":"1h","ttl":"2h"}"#),
        ("sys/wrapping/wrap", r#"{"a":1,"a":2}"#),
    ] {
        let answer = root.header("X-Vault-Wrap-TTL", "1m").raw("POST", path, body.as_bytes());
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
    }
    root.post("auth/token/create?ttl=1h", json!({"ttl": "2h"})).is(400);
    root.get("secret/data/a?version=1&version=2").is(400);
    // Another case is another name, which means nothing here: it must not count.
    let answer = root.raw("POST", "auth/token/create", br#"{"policies":["default"],"Policies":["root"],"ttl":"1h"}"#);
    let policies = answer.json()["auth"]["policies"].clone();
    assert!(answer.status == 400 || policies == json!(["default"]), "{policies}");
    // The control.
    root.post("secret/data/a", json!({"data": {"k": 1, "K": 2, "d": {"k": 3}}})).ok();
}

/// trailing data and number forms
#[test]
fn what_is_no_json_or_no_number_is_refused() {
    let server = Server::dev();
    let root = server.root();
    for body in [
        r#"{"data":{}}x"#,
        r#"{"data":{}}{"data":{}}"#,
        r#"{"data":{}},"#,
        r#"{"data":{},}"#,
        r#"{"data":{"k":1e400}}"#,
        r#"{"data":{"k":-1e400}}"#,
        r#"{"data":{"k":01}}"#,
        r#"{"data":{"k":+1}}"#,
        r#"{"data":{"k":.5}}"#,
        r#"{"data":{"k":1.}}"#,
        r#"{"data":{"k":NaN}}"#,
        r#"{"data":{"k":Infinity}}"#,
        r#"{"data":{"k":0x1}}"#,
        r#"{"data":{"k":'a'}}"#,
        r#"{"data":{"k":"\x41"}}"#,
        r#"{"data":{"k":"\ud800"}}"#,
        r#"{data:{}}"#,
        r#"{"data":{}} // comment"#,
        "{\"data\":{\"k\":\"a\nb\"}}",
        "[]",
        "null x",
        "\"text\"",
        "{",
        "{\"data\":",
    ] {
        let answer = root.raw("POST", "secret/data/a", body.as_bytes());
        assert_eq!(answer.status, 400, "{body}: {} {}", answer.status, answer.text());
    }
    for body in [
        r#"{"num_uses":9223372036854775808}"#,
        r#"{"num_uses":1e400}"#,
        r#"{"num_uses":1.5}"#,
        r#"{"num_uses":"1e3"}"#,
        r#"{"num_uses":"0x10"}"#,
        r#"{"num_uses":[1]}"#,
        r#"{"renewable":"maybe"}"#,
        r#"{"renewable":2}"#,
        r#"{"meta":"x"}"#,
        r#"{"policies":{"a":1}}"#,
    ] {
        let answer = root.raw("POST", "auth/token/create", body.as_bytes());
        assert_eq!(answer.status, 400, "{body}: {} {}", answer.status, answer.text());
    }
    // The control: numbers up to the bounds are kept as they are.
    let kept = r#"{"data":{"max":9223372036854775807,"min":-9223372036854775808,"f":1.5e300}}"#;
    root.raw("POST", "secret/data/a", kept.as_bytes()).ok();
    let found = root.get("secret/data/a").ok().text();
    assert!(found.contains("9223372036854775807") && found.contains("-9223372036854775808"), "{found}");
}

/// content-type confusion
#[test]
fn a_body_is_utf_8_and_no_cookie_speaks_for_it() {
    let server = Server::dev();
    let root = server.root();
    let utf16: Vec<u8> = "{\"data\":{}}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (kind, body) in [
        ("application/json", [b"\xef\xbb\xbf".as_slice(), b"{\"data\":{}}"].concat()),
        ("application/json; charset=utf-16", utf16.clone()),
        ("application/json", utf16),
        ("application/json", b"{\"data\":{\"k\":\"\xff\"}}".to_vec()),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{}\r\n--x--".to_vec(),
        ),
        ("application/json", b"data=x".to_vec()),
        ("text/plain", b"data=x".to_vec()),
        ("application/xml", b"<data/>".to_vec()),
        ("application/x-www-form-urlencoded", b"data=%ff".to_vec()),
    ] {
        let answer = root.header("Content-Type", kind).raw("POST", "secret/data/a", &body);
        assert_eq!(answer.status, 400, "{kind}: {} {}", answer.status, answer.text());
    }
    // What a page of another site can make a browser send has no token, and a cookie is none.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let browser = server.nobody().header("Content-Type", kind).header("Cookie", "token=root; X-Vault-Token=root");
        browser.raw("POST", "secret/data/a", b"{\"data\":{}}").is(403);
    }
    let preflight = server
        .nobody()
        .header("Origin", "https://evil.example")
        .header("Access-Control-Request-Headers", "x-vault-token");
    let answer = preflight.call("OPTIONS", "secret/data/a", None);
    assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_none(), "{answer:?}");
    let answer = server.root().header("Origin", "https://evil.example").get("sys/mounts").ok();
    assert!(answer.header("access-control-allow-origin").is_none());
    // The control: JSON, whatever it is called, as Vault's clients send it; and a form.
    root.header("Content-Type", "application/json").raw("POST", "secret/data/a", b"{\"data\":{}}").ok();
    root.raw("POST", "secret/data/a", b"{\"data\":{}}").ok();
    let form = root.header("Content-Type", "application/x-www-form-urlencoded");
    form.raw("POST", "cubbyhole/a", b"k=v%20w").is(204);
    assert_eq!(root.get("cubbyhole/a").ok().data()["k"], json!("v w"));
}

/// method override
#[test]
fn a_method_is_the_method_of_the_request_line() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({"data": {"k": "kept"}})).ok();
    for name in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "X-Method"] {
        root.header(name, "DELETE").get("secret/data/a").ok();
        root.header(name, "DELETE").raw("POST", "secret/data/b", b"{\"data\":{}}").ok();
        root.header(name, "GET").delete("secret/data/c").is(204);
    }
    root.get("secret/data/a?_method=DELETE").ok();
    assert_eq!(root.get("secret/data/a").ok().at("/data/data/k"), "kept");
    for method in ["HEAD", "TRACE", "OPTIONS", "CONNECT", "get", "GET2", "PROPFIND", "MOVE", "COPY", "PURGE", "LINK"] {
        let answer = root.raw(method, "secret/data/a", b"");
        assert!(answer.status >= 400 && !answer.text().contains("kept"), "{method}: {}", answer.text());
    }
    // To list needs the list capability, whatever the method.
    let reader = server.limited("path \"secret/metadata/*\" { capabilities = [\"read\"] }");
    for (method, path) in
        [("LIST", "secret/metadata/"), ("GET", "secret/metadata/?list=true"), ("GET", "secret/metadata/?list=1")]
    {
        reader.call(method, path, None).is(403);
    }
    reader.get("secret/metadata/a").ok();
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// CVE-2025-6203 / CVE-2025-59043 / HCSEC-2025-24
#[test]
fn a_body_costs_no_more_memory_than_a_few_times_its_length() {
    let server = Setup::dev().with_argument("-threads=1").start();
    server.mount_auth("userpass", "userpass");
    server.root().post("auth/userpass/users/ann", json!({"password": "pw"})).ok();
    let strings = format!("{{{}}}", (0..5000).map(|n| format!("\"k{n}\":\"v\"")).collect::<Vec<_>>().join(","));
    let floods: [(&str, String, bool); 7] = [
        ("nested lists", "[".repeat(200_000), false),
        ("nested lists in a member", format!("{{\"password\":{}", "[".repeat(200_000)), false),
        ("nested objects", "{\"a\":".repeat(150_000), false),
        ("many empty objects", format!("{{\"password\":[{}]}}", vec!["{}"; 300_000].join(",")), false),
        ("many strings", strings, false),
        ("32 MB of zeros with some token", format!("{{\"a\":[0{}]}}", ",0".repeat(16_000_000)), true),
        ("20 MB of empty lists with some token", format!("{{\"a\":[[]{}]}}", ",[]".repeat(6_500_000)), true),
    ];
    server.nobody().post("auth/userpass/login/ann", json!({"password": "pw"})).ok();
    for (what, body, has_token) in &floods {
        let before = resident_kib(server.id());
        let since = Instant::now();
        let caller = if *has_token { server.with("s.made-up") } else { server.nobody() };
        let answer = caller.raw("POST", "auth/userpass/login/ann", body.as_bytes());
        assert!(matches!(answer.status, 400 | 403 | 413), "{what}: {} {}", answer.status, answer.text());
        assert!(since.elapsed() < Duration::from_secs(20), "{what} took {:?}", since.elapsed());
        let grown = resident_kib(server.id()).saturating_sub(before);
        let allowed = 4 * body.len() as u64 / 1024 + 8 * 1024;
        assert!(grown < allowed, "{what}: {grown} KiB for a body of {} KiB", body.len() / 1024);
    }
    // Nobody without a token brings more than a MiB at all. The control: the next one logs in as before.
    server.nobody().raw("POST", "auth/userpass/login/ann", " ".repeat(1_100_000).as_bytes()).is(413);
    server.nobody().post("auth/userpass/login/ann", json!({"password": "pw"})).ok();
}

/// random and hash size
#[test]
fn nobody_asks_for_unbounded_bytes() {
    let server = Server::dev();
    let root = server.root();
    for path in [
        "sys/tools/random/999999999",
        "sys/tools/random/131073",
        "sys/tools/random/x",
        "sys/tools/random/18446744073709551616",
    ] {
        root.post(path, json!({})).is(400);
    }
    for bytes in [json!(999_999_999), json!(131_073), json!(-1), json!("1e9"), json!(0)] {
        root.post("sys/tools/random", json!({"bytes": bytes})).is(400);
    }
    root.post("sys/tools/hash", json!({"input": "not base64!"})).is(400);
    let long = format!("{{\"input\":\"{}\"}}", "A".repeat(33 << 20));
    // The answer may be lost when the server closes while the client still sends.
    if let Ok(answer) = root.try_raw("POST", "sys/tools/hash", long.as_bytes()) {
        answer.is(413);
    }
    // The control.
    assert_eq!(root.post("sys/tools/random/16", json!({"format": "hex"})).ok().at("/data/random_bytes").len(), 32);
    root.post("sys/tools/hash", json!({"input": "AAAA"})).ok();
}
