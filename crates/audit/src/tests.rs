use crate::*;
use kw_types::{Secret, Time};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

fn device(options: &[(&str, &str)]) -> (Device, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut map: BTreeMap<String, String> = options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    map.insert("file_path".into(), dir.path().join("a/audit.log").display().to_string());
    let config = DeviceConfig {
        path: "f/".into(),
        kind: "file".into(),
        description: String::new(),
        local: false,
        options: map,
        salt: Secret::new(vec![7; 32]),
    };
    (Device::open(config).unwrap(), dir)
}

fn lines(device: &Device, data: &str, clear: &[String]) -> (Value, Value) {
    let auth = AuthFacts { token: "s.LEAKME", accessor: "acc", policies: &["p".to_owned()], ..AuthFacts::default() };
    let request = RequestFacts {
        id: "i",
        operation: "update",
        path: "kv/x\"y",
        data: Some(data),
        clear,
        token: "s.LEAKME",
        verdict: Some(Verdict { allowed: true, granted_by: &["p"], reason: "" }),
        remote: "127.0.0.1".parse().ok(),
        remote_port: 5,
        ..RequestFacts::default()
    };
    let time = Time::from_seconds(1_700_000_000);
    let response = ResponseFacts { time, data: Some(data), clear, ..ResponseFacts::default() };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let subject = Subject::new(device, &request, Some(&Profile::new(device, &auth)));
    write_request(device, time, &subject, None, &mut one);
    write_response(device, &subject, &response, &mut two);
    assert!(one.ends_with(b"\n") && !one[..one.len() - 1].contains(&b'\n'));
    (serde_json::from_slice(&one).unwrap(), serde_json::from_slice(&two).unwrap())
}

#[test]
fn values_are_hashed_and_numbers_stay() {
    let (device, _dir) = device(&[]);
    let (request, response) =
        lines(&device, r#"{"password":"LEAKME","n":5,"deep":{"k":["LEAKME","a\"b"]},"e":""}"#, &[]);
    assert!(!format!("{request}{response}").contains("LEAKME"));
    assert_eq!(request["request"]["data"]["password"], device.hash("LEAKME"));
    assert_eq!(request["request"]["data"]["deep"]["k"][1], device.hash("a\"b"));
    assert_eq!(request["request"]["data"]["n"], 5);
    assert_eq!(response["response"]["data"]["password"], device.hash("LEAKME"));
    assert_eq!(request["request"]["client_token"], device.hash("s.LEAKME"));
    assert_eq!(request["request"]["path"], "kv/x\"y");
    assert_eq!(request["auth"]["policies"][0], "p");
    assert_eq!(request["auth"]["policy_results"]["granting_policies"][0], "p");
    assert_eq!(request["request"]["remote_address"], "127.0.0.1");
}

#[test]
fn chosen_keys_stay_readable() {
    let (device, _dir) = device(&[("hmac_accessor", "false")]);
    let (request, _) = lines(&device, r#"{"open":{"a":"x"},"shut":"y","more":["z"]}"#, &["open".to_owned()]);
    assert_eq!(request["request"]["data"]["open"]["a"], "x");
    assert_eq!(request["request"]["data"]["shut"], device.hash("y"));
    assert_eq!(request["request"]["data"]["more"][0], device.hash("z"));
    assert_eq!(request["request"]["client_token_accessor"], "acc");
}

fn without_a_file(options: &[(&str, &str)]) -> DeviceConfig {
    DeviceConfig {
        path: "f/".into(),
        kind: "file".into(),
        description: String::new(),
        local: false,
        options: options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        salt: Secret::new(vec![7; 32]),
    }
}

#[test]
fn a_device_that_discards_takes_all_lines_and_makes_no_file() {
    for word in ["discard", "DISCARD"] {
        let config = without_a_file(&[("file_path", word)]);
        assert_eq!(config.options().unwrap().sink, SinkKind::Discard);
        let device = Device::open(config).unwrap();
        device.write(b"one\n").unwrap();
        device.reopen().unwrap();
        device.write(b"two\n").unwrap();
        assert!(!std::path::Path::new(word).exists());
    }
}

#[test]
fn another_format_is_refused_with_the_one_that_there_is() {
    let refused = |format| without_a_file(&[("file_path", "discard"), ("format", format)]).options().unwrap_err();
    assert!(refused("jsonx").contains("only json is supported"));
    assert!(without_a_file(&[("file_path", "discard"), ("format", "json")]).options().is_ok());
}

#[test]
fn a_deleted_file_is_made_anew_and_a_missing_folder_fails() {
    let (device, dir) = device(&[]);
    device.write(b"one\n").unwrap();
    std::fs::remove_dir_all(dir.path().join("a")).unwrap();
    device.write(b"two\n").unwrap();
    assert_eq!(std::fs::read(dir.path().join("a/audit.log")).unwrap(), b"two\n");
    std::fs::remove_dir_all(dir.path().join("a")).unwrap();
    std::fs::write(dir.path().join("a"), "in the way").unwrap();
    assert!(device.write(b"three\n").is_err() && device.reopen().is_err() && device.write(b"three\n").is_err());
    std::fs::remove_file(dir.path().join("a")).unwrap();
    device.write(b"four\n").unwrap();
    assert_eq!(std::fs::read(dir.path().join("a/audit.log")).unwrap(), b"four\n");
}

#[test]
fn a_pipe_that_nobody_reads_fails_and_a_torn_line_stays_alone() {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let (device, dir) = device(&[]);
    let path = dir.path().join("a/audit.log");
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(device.reopen().is_err(), "nobody has it open for reading");
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
    let line = [vec![b'x'; 20_000], b"\n".to_vec()].concat();
    let taken = (0..).take_while(|_| device.write(&line).is_ok()).count();
    assert!(taken >= 1);
    let mut all = vec![0; 1 << 20];
    let mut read = reader.read(&mut all).unwrap();
    device.write(b"after\n").unwrap();
    read += reader.read(&mut all[read..]).unwrap();
    let text = String::from_utf8(all[..read].to_vec()).unwrap();
    assert_eq!(text.lines().last(), Some("after"));
    assert!(text.lines().filter(|l| l.len() == 20_000).count() >= taken);
}

#[test]
fn files_have_the_mode_asked_for_and_reopen() {
    use std::os::unix::fs::PermissionsExt;
    let (device, dir) = device(&[("mode", "0640")]);
    device.write(b"one\n").unwrap();
    let path = dir.path().join("a/audit.log");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    std::fs::rename(&path, dir.path().join("old")).unwrap();
    device.reopen().unwrap();
    device.write(b"two\n").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
}

#[test]
fn bad_options_are_refused() {
    for (kind, options) in [
        ("odd", vec![]),
        ("file", vec![]),
        ("file", vec![("file_path", "/x"), ("format", "odd")]),
        ("file", vec![("file_path", "/x"), ("log_raw", "maybe")]),
    ] {
        let options = options.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let config = DeviceConfig {
            path: "f/".into(),
            kind: kind.into(),
            description: String::new(),
            local: false,
            options,
            salt: Secret::new(vec![]),
        };
        assert!(config.options().is_err(), "{kind}");
    }
}

fn arb_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn hash_all(device: &Device, value: &Value) -> Value {
    match value {
        Value::String(s) => Value::String(device.hash(s)),
        Value::Array(items) => items.iter().map(|v| hash_all(device, v)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), hash_all(device, v))).collect()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn any_json_is_hashed_whole(value in arb_json()) {
        let (device, _dir) = device(&[]);
        let value = serde_json::json!({"top": value});
        let (request, _) = lines(&device, &value.to_string(), &[]);
        prop_assert_eq!(&request["request"]["data"], &hash_all(&device, &value));
    }
}

#[test]
fn a_long_trail_is_settled_without_losing_a_line() {
    let (device, dir) = device(&[]);
    let line = [vec![b'x'; 64 * 1024 - 1], b"\n".to_vec()].concat();
    for _ in 0..400 {
        device.write(&line).unwrap();
    }
    let file = std::fs::read(dir.path().join("a/audit.log")).unwrap();
    assert_eq!(file.len(), 400 * line.len());
    assert!(file.chunks(line.len()).all(|written| written == line));
}

#[test]
fn a_trail_that_was_cut_by_a_log_rotation_goes_on_at_its_beginning() {
    let (device, dir) = device(&[]);
    let line = [vec![b'x'; 64 * 1024 - 1], b"\n".to_vec()].concat();
    let path = dir.path().join("a/audit.log");
    for _ in 0..3 {
        for _ in 0..400 {
            device.write(&line).unwrap();
        }
        assert_eq!(
            std::fs::metadata(&path).unwrap().len(),
            400 * line.len() as u64,
            "room ahead is no part of the file"
        );
        std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    }
}

#[test]
fn a_document_that_was_hashed_before_is_hashed_alike() {
    let (device, _dir) = device(&[]);
    let open = ["a".to_owned()];
    let first = lines(&device, r#"{"a":"x"}"#, &[]);
    assert_eq!(first, lines(&device, r#"{"a":"x"}"#, &[]));
    assert_eq!(first.0["request"]["data"]["a"], device.hash("x"));
    assert_eq!(lines(&device, r#"{"a":"x"}"#, &open).0["request"]["data"]["a"], "x");
}
