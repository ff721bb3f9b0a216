//! The RabbitMQ engine against a real broker, which the test starts for itself.
//!
//! Needs Debian's package `rabbitmq-server`. Without it the test is skipped, and says so; with `KW_REQUIRE_REAL=1` it fails.
#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this file is a test")]

use kw_engine::harness::Harness;
use kw_engine::{Engine, LeaseKind, Mount, Routes, Secret};
use kw_outbound::{Answer, Client, Guard, Options, Request, Url};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The script itself: the one in `/usr/sbin` changes the user and writes to `/var/log`.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The longest start of a broker on a busy machine, in tenths of a second.
const START_TENTHS_MAX: u32 = 1200;

/// A broker in a folder of its own, gone with this value.
struct Broker {
    api: String,
    amqp_port: u16,
    processes: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Broker {
    /// `None` when the package is not installed and that is allowed.
    fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
            let required = std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1");
            assert!(!required, "KW_REQUIRE_REAL=1, but the package rabbitmq-server is not installed");
            eprintln!("SKIPPED: the RabbitMQ engine was NOT tested; install the package rabbitmq-server");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let [api, amqp_port, epmd, dist] = free_ports();
        let root = folder.path().to_owned();
        let path = |name: &str| root.join(name);
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp_port}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {api}\n"
        );
        std::fs::write(path("rabbitmq.conf"), config).unwrap();
        std::fs::write(path("enabled_plugins"), "[rabbitmq_management].").unwrap();
        // The broker would start a daemon that outlives it, if there were none.
        let epmd_process = Command::new("epmd").args(["-address", "127.0.0.1", "-port", &epmd.to_string()]).spawn();
        let log = std::fs::File::create(path("console.log")).unwrap();
        let server = Command::new(SERVER)
            .env("HOME", folder.path())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("RABBITMQ_DIST_PORT", dist.to_string())
            .env("RABBITMQ_NODENAME", format!("t{amqp_port}@localhost"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .stdout(log)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let api = format!("http://127.0.0.1:{api}");
        let processes = vec![server.unwrap(), epmd_process.unwrap()];
        let broker = Self { api, amqp_port, processes, _folder: folder };
        for _ in 0..START_TENTHS_MAX {
            if broker.status(&["whoami"], "guest", "guest") == Some(200) {
                return Some(broker);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the broker did not start: {}", std::fs::read_to_string(path("console.log")).unwrap_or_default());
    }

    fn ask(&self, segments: &[&str], user: &str, password: &str) -> Option<Answer> {
        let url = Url::parse(&self.api).unwrap().at(&["api"]).at(segments);
        let request = Request::get(url).basic_auth(user, &Secret::new(password.to_owned())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Client::new(Options::new(Guard::OPERATOR)).unwrap().send(request)).ok()
    }

    fn status(&self, segments: &[&str], user: &str, password: &str) -> Option<u16> {
        self.ask(segments, user, password).map(|a| a.status.as_u16())
    }

    /// What the administrator sees.
    fn see(&self, segments: &[&str]) -> Value {
        self.ask(segments, "guest", "guest").unwrap().json().unwrap()
    }

    fn users(&self) -> Vec<String> {
        let users = self.see(&["users"]);
        users.as_array().unwrap().iter().map(|u| u["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether AMQP 0-9-1 takes this login: the broker goes on with `tune` (10, 30), or closes the connection.
    fn amqp_login(&self, user: &str, password: &str) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.amqp_port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"AMQP\0\0\x09\x01").unwrap();
        assert!(read_frame(&mut stream).is_some_and(|f| f.starts_with(&[0, 10, 0, 10])), "start is expected");
        let response = format!("\0{user}\0{password}");
        let mut payload = vec![0, 10, 0, 11, 0, 0, 0, 0];
        payload.extend(b"\x05PLAIN");
        payload.extend(u32::try_from(response.len()).unwrap().to_be_bytes());
        payload.extend(response.bytes());
        payload.extend(b"\x05en_US");
        let mut frame = vec![1, 0, 0];
        frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend(payload);
        frame.push(0xce);
        stream.write_all(&frame).unwrap();
        read_frame(&mut stream).is_some_and(|f| f.starts_with(&[0, 10, 0, 30]))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // The broker's script has children, all in the group that bears its number.
            let _gone = Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", process.id())])
                .stderr(Stdio::null())
                .status();
            let _gone = process.kill();
            let _reaped = process.wait();
        }
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 7];
    stream.read_exact(&mut head).ok()?;
    let mut payload = vec![0; u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize + 1];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|l| l.local_addr().unwrap().port())
}

/// The engine from the list of all.
struct RabbitMq(Box<dyn Engine>);

impl Engine for RabbitMq {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn doc(&self) -> &'static str {
        self.0.doc()
    }
    fn routes(&self, mount: &Mount) -> &Routes {
        self.0.routes(mount)
    }
    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        self.0.variants()
    }
    fn leases(&self) -> Vec<LeaseKind> {
        self.0.leases()
    }
}

#[test]
fn users_of_a_real_broker_live_as_long_as_their_lease() {
    let Some(broker) = Broker::start() else { return };
    let engine = kw_secrets::all().into_iter().find(|e| e.kind() == "rabbitmq").unwrap();
    let mut mount = Harness::new(RabbitMq(engine));
    let connection = |password: &str| json!({"connection_uri": broker.api, "username": "guest", "password": password});
    let wrong = mount.write("config/connection", connection("wrong")).unwrap_err();
    assert!(wrong.to_string().contains("401"), "{wrong}");
    mount.write("config/connection", connection("guest")).unwrap();

    let vhosts = r#"{"/": {"configure": "^c$", "write": "^w$", "read": "^r$"}}"#;
    let topics = r#"{"/": {"amq.topic": {"write": "^tw$", "read": "^tr$"}}}"#;
    mount.write("roles/r", json!({"tags": "monitoring", "vhosts": vhosts, "vhost_topics": topics})).unwrap();
    mount.caller.display_name = "ann/ä b%".to_owned();
    let secret = mount.read("creds/r").unwrap();
    let (user, password) = (secret["username"].as_str().unwrap(), secret["password"].as_str().unwrap());

    assert_eq!(broker.status(&["whoami"], user, password), Some(200));
    assert_eq!(broker.status(&["whoami"], user, "wrong"), Some(401));
    assert!(broker.amqp_login(user, password) && !broker.amqp_login(user, "wrong"));
    let permissions = broker.see(&["users", user, "permissions"]);
    let want = json!([{"user": user, "vhost": "/", "configure": "^c$", "write": "^w$", "read": "^r$"}]);
    assert_eq!(permissions, want);
    let permissions = broker.see(&["users", user, "topic-permissions"]);
    let want = json!([{"user": user, "vhost": "/", "exchange": "amq.topic", "write": "^tw$", "read": "^tr$"}]);
    assert_eq!(permissions, want);

    let lease = mount.issued()[0].clone();
    mount.renew(&lease, lease.terms).unwrap();
    mount.revoke(&lease).unwrap();
    assert_eq!(broker.status(&["whoami"], user, password), Some(401));
    assert!(!broker.amqp_login(user, password));
    assert_eq!(broker.users(), ["guest"]);
    mount.revoke(&lease).unwrap();

    mount.write("roles/bad", json!({"vhosts": r#"{"/": {"read": ".*"}, "no-such-vhost": {"read": ".*"}}"#})).unwrap();
    assert_eq!(mount.read("creds/bad").unwrap_err().kind().status(), 500);
    assert_eq!(broker.users(), ["guest"]);
}
