use super::*;

const STORE: &str = "storage \"inmem\" {}\n";
const LISTEN: &str = "listener \"tcp\" { tls_disable = true }\n";

fn parse(text: &str) -> (Config, Vec<Notice>) {
    Config::parse("a.hcl", text).unwrap_or_else(|e| panic!("{e}"))
}

fn error(text: &str) -> String {
    Config::parse("a.hcl", text).unwrap_err().to_string()
}

/// A configuration that differs from the least one in its listener.
fn listener(text: &str) -> Result<Listener, String> {
    let text = format!("{STORE}listener {text}");
    Config::parse("a.hcl", &text).map(|(mut c, _)| c.listeners.remove(0)).map_err(|e| e.to_string())
}

#[test]
fn the_least_configuration_has_the_defaults() {
    let (config, notices) = parse(&format!("{STORE}{LISTEN}"));
    let mut want = Config::bare(Storage::InMem);
    want.listeners.push(Listener::plain("127.0.0.1:8200"));
    assert_eq!(config, want);
    assert_eq!(notices, []);
}

#[test]
fn the_form_that_client_suites_write() {
    let text =
        "backend \"inmem\" {\n}\n\nlistener \"tcp\" {\n  tls_cert_file = \"c.pem\"\n  tls_key_file  = \"k.pem\"\n}\n
        disable_mlock = true\ndefault_lease_ttl = \"768h\"\nmax_lease_ttl = \"768h\"\n";
    let (config, notices) = parse(text);
    assert!(config.disable_mlock);
    assert_eq!(config.listeners[0].tls.as_ref().unwrap().cert_file, PathBuf::from("c.pem"));
    assert_eq!(config.listeners[0].tls.as_ref().unwrap().min_version, TlsVersion::Tls13);
    assert_eq!(notices, []);
}

#[test]
fn every_value_is_read() {
    let (config, notices) = parse(
        r#"
        storage "embedded" { path = "/data" cache_size = "16mb" }
        listener "tcp" {
          address = "0.0.0.0:8201"
          tls_cert_file = "c" tls_key_file = "k" tls_min_version = "tls12"
          tls_client_ca_file = "ca" tls_require_and_verify_client_cert = "true"
          max_request_size = 1024 max_request_duration = "5s" http_read_header_timeout = 3
          x_forwarded_for_authorized_addrs = "10.0.0.0/8, 192.0.2.1"
          x_forwarded_for_hop_skips = "1" x_forwarded_for_reject_not_present = false
          require_request_header = 1
          telemetry { unauthenticated_metrics_access = true }
          inflight_requests_logging {}
        }
        listener "unix" { address = "/run/kw.sock" socket_mode = "660" socket_user = "1000" socket_group = "ops" }
        api_addr = "https://kw.example.com:8200/"
        cluster_name = "main"
        default_lease_ttl = 3600
        max_lease_ttl = "2h"
        log_level = "ERR" log_format = "json"
        ui = false
        telemetry { prometheus_retention_time = "30s" disable_hostname = true }
        audit "file" "main" { description = "d" options { file_path = "/dev/null" log_raw = true } }
        user_lockout "UserPass" { lockout_threshold = "3" lockout_duration = "10m" }
        seal "shamir" {}
        "#,
    );
    assert!(notices.iter().all(|n| n.level == Level::Debug), "{notices:?}");
    assert_eq!(config.storage, Storage::Embedded { path: "/data".into(), cache_size: 16 << 20 });
    let tcp = &config.listeners[0];
    assert_eq!(tcp.bind, Bind::Tcp("0.0.0.0:8201".to_owned()));
    assert_eq!(tcp.tls.as_ref().unwrap().client_certs, ClientCerts::Required);
    assert_eq!((tcp.limits.request_size_max, tcp.limits.request_duration_max), (1024, Ttl::from_seconds(5)));
    assert_eq!(tcp.limits.read_header_timeout, Ttl::from_seconds(3));
    let nets: Vec<String> = tcp.forwarded.authorized_addrs.iter().map(|n| n.to_string()).collect();
    assert_eq!(nets, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert!(tcp.forwarded.hop_skips == 1 && !tcp.forwarded.reject_not_present && tcp.forwarded.reject_not_authorized);
    assert!(tcp.require_request_header && tcp.unauthenticated_metrics_access);
    let Bind::Unix { path, mode, user, group } = &config.listeners[1].bind else { panic!() };
    assert_eq!(
        (path.to_str(), *mode, user.as_deref(), group.as_deref()),
        (Some("/run/kw.sock"), Some(0o660), Some("1000"), Some("ops"))
    );
    assert_eq!(config.api_addr.as_deref(), Some("https://kw.example.com:8200"));
    assert_eq!((config.default_lease_ttl, config.max_lease_ttl), (Ttl::from_hours(1), Ttl::from_hours(2)));
    assert_eq!((config.log_level, config.log_format), (LogLevel::Error, LogFormat::Json));
    let audit = &config.audit[0];
    assert_eq!((audit.kind.as_str(), audit.name.as_str(), audit.line), ("file", "main", 22));
    assert_eq!(audit.options["log_raw"], "true");
    assert_eq!((config.user_lockout[0].kind.as_str(), config.user_lockout[0].threshold), ("userpass", Some(3)));
}

#[test]
fn consistency_is_a_word_of_two() {
    let with = |line: &str| Config::parse("a.hcl", &format!("{STORE}{LISTEN}{line}"));
    for (line, want) in [
        ("", Consistency::Strict),
        ("consistency = \"strict\"", Consistency::Strict),
        ("consistency = \"bounded\"", Consistency::Bounded),
    ] {
        assert_eq!(with(line).unwrap().0.consistency, want, "{line}");
    }
    let wrong = with("consistency = \"eventual\"").unwrap_err().to_string();
    assert!(wrong.starts_with("a.hcl:3: ") && wrong.contains("strict, bounded"), "{wrong}");
}

#[test]
fn json_says_the_same() {
    let (hcl, _) = parse(
        "storage \"embedded\" { path = \"/d\" }\nlistener \"tcp\" { address = \"[::1]:1\" tls_disable = true }\nlistener \"unix\" { address = \"/s\" }\naudit \"file\" \"a\" { options { file_path = \"x\" } }",
    );
    let (mut json, _) = parse(
        r#"{"storage": {"embedded": {"path": "/d"}}, "listener": [{"tcp": {"address": "[::1]:1", "tls_disable": "1"}}, {"unix": {"address": "/s"}}],
            "audit": {"file": {"a": {"options": {"file_path": "x"}}}}}"#,
    );
    json.audit[0].line = 4;
    assert_eq!(json, hcl);
}

#[test]
fn etcd_is_named_as_in_vault() {
    let (config, notices) = parse(&format!(
        "storage \"etcd\" {{ address = \"https://a:2379,https://b:2379\" path = \"vault/\" etcd_api = \"v3\" sync = \"true\"\n username = \"u\" \
         password = \"p\" tls_ca_file = \"/ca\" request_timeout = \"7s\" keep_versions = 0 }}\n{LISTEN}"
    ));
    let Storage::Etcd(etcd) = config.storage else { unreachable!("{:?}", config.storage) };
    assert_eq!(etcd.address.as_deref(), Some("https://a:2379,https://b:2379"));
    assert_eq!((etcd.path.as_deref(), etcd.username.as_deref()), (Some("vault/"), Some("u")));
    assert!(etcd.password.is_some_and(|p| p.expose() == "p"));
    assert_eq!((etcd.tls_ca_file, etcd.tls_cert_file), (Some("/ca".into()), None));
    assert_eq!((etcd.request_timeout, etcd.keep_versions), (Some(Ttl::from_seconds(7)), Some(Ttl::from_seconds(0))));
    assert_eq!(notices.len(), 1, "sync has no effect: {notices:?}");
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (text, want) in [
        ("", "a.hcl: no storage: add storage"),
        (STORE, "a.hcl: no listener: add listener"),
        ("storage \"inmem\" {\n", "a.hcl:2: column 1: expected '}'"),
        ("storage \"consul\" {}", "a.hcl:1: this storage type is not supported"),
        ("storage \"embedded\" {}", "a.hcl:1: storage needs path"),
        ("storage \"etcd\" {\netcd_api = \"v2\" }", "a.hcl:2: etcd_api must be"),
        ("storage \"etcd\" {\n\ndiscovery_srv = \"x\" }", "a.hcl:3: members are not looked up"),
        (
            "storage \"embedded\" { path = \"/d\"\ncache_size = \"lots\" }",
            "a.hcl:2: cache_size must be a number of bytes",
        ),
        ("storage \"inmem\" {}\nui = \"perhaps\"", "a.hcl:2: ui must be true or false"),
        ("storage \"inmem\" {}\nui = []", "a.hcl:2: ui must be true or false, not a list"),
        ("storage \"inmem\" {}\napi_addr = \"host:1\"", "a.hcl:2: api_addr must be a URL"),
        ("storage \"inmem\" {}\nmax_lease_ttl = \"-1h\"", "a.hcl:2: max_lease_ttl must be a number of seconds"),
        ("storage \"inmem\" {}\nmax_lease_ttl = \"1h\"", "a.hcl:2: default_lease_ttl must not be longer"),
        ("storage \"inmem\" {}\nlog_level = \"loud\"", "a.hcl:2: log_level must be one of trace, debug"),
    ] {
        assert!(error(text).starts_with(want), "{text}: {}", error(text));
    }
    let seal = error(&format!("{STORE}{LISTEN}seal \"cloudkms\" {{ token = \"LEAKME\" }}"));
    assert!(seal.starts_with("a.hcl:3: this seal type is not supported") && !seal.contains("LEAKME"));
    let audit = error(&format!("{STORE}{LISTEN}audit \"file\" {{ options {{ file_path = \"x\" }} }}"));
    assert!(audit.starts_with("a.hcl:3: an audit device needs a name"), "{audit}");
}

#[test]
fn bad_listeners() {
    for (text, want) in [
        ("\"tcp\" {}", "a.hcl:2: set tls_cert_file and tls_key_file, or tls_disable = true"),
        ("\"udp\" {}", "a.hcl:2: a listener is of type"),
        ("\"tcp\" { tls_disable = 1 address = \"host\" }", "a.hcl:2: address must be HOST:PORT"),
        ("\"tcp\" { tls_disable = 1 address = \"::1\" }", "a.hcl:2: address must be HOST:PORT"),
        ("\"tcp\" { tls_disable = 1\naddress = \"{{ GetPrivateIP }}:1\" }", "a.hcl:3: address must be written out"),
        ("\"unix\" {}", "a.hcl:2: a unix listener needs address"),
        ("\"unix\" { address = \"s\" socket_mode = \"999\" }", "a.hcl:2: socket_mode must be an octal"),
        (
            "\"tcp\" { tls_cert_file = \"c\" tls_key_file = \"k\" tls_min_version = \"tls11\" }",
            "a.hcl:2: tls_min_version must be one of",
        ),
        (
            "\"tcp\" { tls_cert_file = \"c\" tls_key_file = \"k\" tls_require_and_verify_client_cert = true }",
            "a.hcl:2: tls_require_and_verify_client_cert needs",
        ),
        (
            "\"tcp\" { tls_disable = 1 x_forwarded_for_authorized_addrs = [\"x\"] }",
            "a.hcl:2: x_forwarded_for_authorized_addrs takes",
        ),
        (
            "\"tcp\" { tls_disable = 1 http_idle_timeout = \"x\" }",
            "a.hcl:2: http_idle_timeout must be a number of seconds",
        ),
    ] {
        let error = listener(text).unwrap_err();
        assert!(error.starts_with(want), "{text}: {error}");
    }
    for address in [":8200", "localhost:1", "[::]:8200"] {
        assert!(listener(&format!("\"tcp\" {{ tls_disable = 1 address = \"{address}\" }}")).is_ok(), "{address}");
    }
}

#[test]
fn notices_name_file_line_and_key() {
    let (config, notices) = parse(&format!(
        "storage \"raft\" {{ path = \"/d\" node_id = \"n\" }}\n{LISTEN}lisener = 1\nplugin_directory = \"p\"\nha_storage \"x\" {{}}\nlistener \"tcp\" {{ tls_disable = 1\n tls_diable = 1 }}"
    ));
    assert!(matches!(config.storage, Storage::Embedded { .. }));
    let said: Vec<_> = notices.iter().map(|n| format!("{:?} {n}", n.level)).collect();
    for want in [
        "Info a.hcl:1: storage \"raft\" is kept in the embedded store",
        "Debug a.hcl:1: \"node_id\" has no effect",
        "Warn a.hcl:3: unknown key \"lisener\"",
        "Debug a.hcl:4: \"plugin_directory\" has no effect",
        "Warn a.hcl:5: \"ha_storage\" is not supported",
        "Warn a.hcl:7: unknown key \"tls_diable\"",
    ] {
        assert!(said.iter().any(|s| s.starts_with(want)), "{want} in {said:?}");
    }
    assert_eq!(said.len(), 6, "{said:?}");
}

#[test]
fn files_and_directories_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("1.hcl", &format!("{STORE}{LISTEN}disable_cache = false\nlog_level = \"debug\""));
    write("2.json", r#"{"disable_cache": true, "listener": {"tcp": {"tls_disable": true, "address": ":1"}}}"#);
    write("notes.txt", "not read");
    let (config, _) = Config::load(&[dir.path().to_owned()]).unwrap();
    assert!(config.disable_cache && config.log_level == LogLevel::Debug && config.listeners.len() == 2);
    let (config, _) = Config::load(&[dir.path().join("2.json"), dir.path().join("1.hcl")]).unwrap();
    assert!(!config.disable_cache);
    let empty = tempfile::tempdir().unwrap();
    let error = Config::load(&[empty.path().to_owned()]).unwrap_err().to_string();
    assert!(error.ends_with("the directory holds no .hcl or .json file"), "{error}");
    let error = Config::load(&[empty.path().join("none.hcl")]).unwrap_err().to_string();
    assert!(error.contains("none.hcl: cannot be read"), "{error}");
    assert!(Config::load(&[]).is_err());
}

#[test]
fn development_is_changed_by_what_a_file_names_and_by_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let file = dir.path().join("dev.hcl");
        std::fs::write(&file, text).unwrap();
        Config::load_dev(Listener::plain("127.0.0.1:1"), &[file]).map(|(config, _)| config)
    };
    let plain = Config::dev(Listener::plain("127.0.0.1:1"));
    assert_eq!(Config::load_dev(Listener::plain("127.0.0.1:1"), &[]).unwrap(), (plain.clone(), Vec::new()));
    assert_eq!(load("").unwrap(), plain);
    let changed =
        load("default_lease_ttl = \"1h\"\nraw_storage_endpoint = false\nstorage \"embedded\" { path = \"/d\" }")
            .unwrap();
    assert_eq!((changed.storage.kind(), changed.default_lease_ttl), ("embedded", Ttl::from_hours(1)));
    assert!(!changed.raw_storage_endpoint && changed.disable_mlock);
    assert_eq!(changed.listeners, plain.listeners);
    assert_eq!(
        load("listener \"tcp\" { address = \"a:2\" tls_disable = true }").unwrap().listeners,
        [Listener::plain("a:2")]
    );
    assert!(load("storage \"consul\" {}").is_err());
}

#[test]
fn what_a_key_does_not_do_is_told() {
    for (line, text) in [
        ("ui = true", "a.hcl:3: \"ui\": there is no user interface"),
        ("introspection_endpoint = true", "a.hcl:3: \"introspection_endpoint\" is not supported"),
        ("telemetry { statsd_address = \"a\" }", "a.hcl:3: \"statsd_address\" is not supported"),
        ("telemetry { nonsense = 1 }", "a.hcl:3: unknown key \"nonsense\""),
    ] {
        let (_, notices) = parse(&format!("{STORE}{LISTEN}{line}"));
        let told: Vec<String> = notices.iter().filter(|n| n.level == Level::Warn).map(|n| n.to_string()).collect();
        assert!(told.len() == 1 && told[0].starts_with(text), "{line}: {told:?}");
    }
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../../docs/configuration.md");
    for key in keys::ALL.iter().flat_map(|table| table.iter()) {
        assert!(page.contains(&format!("`{}`", key.name)), "docs/configuration.md lacks `{}`", key.name);
    }
}

#[test]
fn the_examples_are_read() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let text = std::fs::read_to_string(examples.join("server.hcl")).unwrap();
    let (config, notices) = Config::parse("server.hcl", &text).unwrap();
    assert_eq!((config.listeners.len(), config.audit.len()), (2, 1));
    assert!(notices.iter().all(|n| n.level != Level::Warn), "{notices:?}");
    let policy = std::fs::read_to_string(examples.join("ai-service.hcl")).unwrap();
    assert!(kw_policy::Policy::parse(&policy).unwrap().is_templated());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Texts made of what configurations are made of, in any order.
    fn scraps() -> impl Strategy<Value = String> {
        let scrap = prop_oneof![
            "storage|listener|audit|telemetry|seal|user_lockout|options|backend",
            " \"(tcp|unix|embedded|inmem|file|x)\" ",
            "(path|address|tls_disable|default_lease_ttl|socket_mode|log_level|cache_size)",
            " = ",
            "\"[a-z0-9/:]{0,8}\"",
            "-?[0-9]{1,12}[smh]?",
            "true|false|null",
            "[{}\\[\\],\n#\"]",
            "\\PC{0,4}",
        ];
        prop::collection::vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in scraps()) {
            if let Err(error) = Config::parse("any.hcl", &text) {
                prop_assert!(error.to_string().contains("any.hcl"), "{}", error);
            }
        }

        #[test]
        fn a_listener_keeps_its_address(host in "[a-z]{1,8}", port in 1_u16..) {
            let text = format!("storage \"inmem\" {{}}\nlistener \"tcp\" {{ address = \"{host}:{port}\" tls_disable = true }}");
            let (config, _) = Config::parse("a.hcl", &text).unwrap();
            prop_assert_eq!(&config.listeners[0].bind, &Bind::Tcp(format!("{host}:{port}")));
        }
    }
}
