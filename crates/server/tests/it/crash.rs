//! What was acknowledged is there after `kill -9`, nothing is there by half, and damage on the disk is told, never served.
use crate::support::{Caller, Keys, Server, Setup, files};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// What the writers were told is done.
#[derive(Default)]
struct Told {
    /// The newest version of each writer's secret; its data holds the number of the version.
    versions: [u64; 2],
    /// Keys of plain writes, whose value is the key.
    keys: Vec<String>,
    /// Tokens made, and tokens of logins.
    tokens: Vec<String>,
    /// Logins with the counted secret id, in all rounds.
    logins: u64,
}

/// The uses that the counted secret id begins with.
const USES: u64 = 1_000_000;

/// A place in chance: the same number gives the same numbers.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let rounds: u64 = std::env::var("KW_CRASH_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(10);
    let setup = Setup::embedded();
    let mut server = setup.open();
    let (role, secret) = prepare(&server);
    let mut chance = Chance(u64::from(std::process::id()));
    let told = Mutex::new(Told::default());
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let millis = chance.below(500);
        told.lock().unwrap().keys.clear();
        told.lock().unwrap().tokens.clear();
        server = kill_while_writing(&setup, server, round, millis, &told, (&role, &secret));
        slowest = slowest.max(server.start_time);
        let told = told.lock().unwrap();
        check(&server, &told, &secret).unwrap_or_else(|why| panic!("round {round}, killed after {millis} ms: {why}"));
    }
    assert!(slowest < Duration::from_secs(5), "a start took {slowest:?}");
    let told = told.lock().unwrap();
    assert!(told.versions.iter().all(|v| *v > 0) && told.logins > 0, "the writers did nothing");
    println!("{rounds} rounds, {:?} versions, {} logins, the slowest start {slowest:?}", told.versions, told.logins);
}

fn prepare(server: &Server) -> (String, String) {
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    server.mount_auth("approle", "approle");
    let root = server.root();
    root.post("auth/approle/role/r", json!({"token_ttl": "1h", "token_policies": "default"})).ok();
    let role = root.get("auth/approle/role/r/role-id").ok().at("/data/role_id");
    let secret = root.post("auth/approle/role/r/secret-id", json!({"num_uses": USES})).ok().at("/data/secret_id");
    (role, secret)
}

fn kill_while_writing(
    setup: &Setup,
    server: Server,
    round: u64,
    millis: u64,
    told: &Mutex<Told>,
    login: (&str, &str),
) -> Server {
    let (root, nobody, keys) = (server.root(), server.nobody(), server.keys.clone());
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let root = &root;
            scope.spawn(move || write_versions(root, writer, told));
            scope.spawn(move || write_keys(root, &format!("r{round}-w{writer}"), told));
        }
        scope.spawn(|| make_tokens(&root, told));
        scope.spawn(|| log_in(&nobody, login, told));
        std::thread::sleep(Duration::from_millis(millis));
        server.kill();
    });
    setup.reopen(&keys)
}

/// Check-and-set writes, one after the other.
fn write_versions(root: &Caller, writer: usize, told: &Mutex<Told>) {
    let path = format!("kv/data/counted/{writer}");
    // The version before the last kill may have been stored without having been acknowledged.
    let Some(now) = root.try_call("GET", &path.replace("/data/", "/metadata/"), &Value::Null) else { return };
    let mut version = now.json()["data"]["current_version"].as_u64().unwrap_or(0);
    told.lock().unwrap().versions[writer] = version;
    loop {
        let body = json!({"data": {"n": version + 1}, "options": {"cas": version}});
        match root.try_call("POST", &path, &body) {
            Some(answer) => answer.ok(),
            None => return,
        };
        version += 1;
        told.lock().unwrap().versions[writer] = version;
    }
}

fn write_keys(root: &Caller, prefix: &str, told: &Mutex<Told>) {
    for n in 0.. {
        let key = format!("{prefix}-{n}");
        let Some(answer) = root.try_call("POST", &format!("kv/data/{key}"), &json!({"data": {"v": key}})) else {
            return;
        };
        answer.ok();
        told.lock().unwrap().keys.push(key);
    }
}

fn make_tokens(root: &Caller, told: &Mutex<Told>) {
    let body = json!({"ttl": "1h", "policies": ["default"]});
    while let Some(answer) = root.try_call("POST", "auth/token/create", &body) {
        told.lock().unwrap().tokens.push(answer.ok().client_token());
    }
}

fn log_in(nobody: &Caller, (role, secret): (&str, &str), told: &Mutex<Told>) {
    let body = json!({"role_id": role, "secret_id": secret});
    while let Some(answer) = nobody.try_call("POST", "auth/approle/login", &body) {
        let mut told = told.lock().unwrap();
        told.tokens.push(answer.ok().client_token());
        told.logins += 1;
    }
}

fn check(server: &Server, told: &Told, secret: &str) -> Result<(), String> {
    let root = server.root();
    for (writer, acknowledged) in told.versions.iter().enumerate() {
        check_versions(&root, writer, *acknowledged)?;
    }
    for key in &told.keys {
        let answer = root.get(&format!("kv/data/{key}"));
        want(answer.data()["data"]["v"] == json!(key), || format!("{key}: {}", answer.text()))?;
    }
    for token in &told.tokens {
        let found = server.with(token).get("auth/token/lookup-self").data();
        let lives = found["ttl"].as_u64().is_some_and(|t| t > 3000) && found["expire_time"].is_string();
        want(lives, || format!("a token: {found}"))?;
    }
    // A token that is listed is there as a whole, acknowledged or not.
    let listed = root.list("auth/token/accessors").ok().data()["keys"].as_array().cloned().unwrap_or_default();
    for accessor in listed.iter().rev().take(100) {
        let found = root.post("auth/token/lookup-accessor", json!({"accessor": accessor}));
        want(found.status == 200 && found.data()["path"].is_string(), || format!("an accessor: {}", found.text()))?;
    }
    let left = root.post("auth/approle/role/r/secret-id/lookup", json!({"secret_id": secret}));
    let used = USES - left.data()["secret_id_num_uses"].as_u64().unwrap_or(0);
    want(used >= told.logins, || format!("{} logins were acknowledged, {used} uses counted", told.logins))
}

/// Each version holds its own number, the newest is the acknowledged one or one that was under way.
fn check_versions(root: &Caller, writer: usize, acknowledged: u64) -> Result<(), String> {
    let metadata = root.get(&format!("kv/metadata/counted/{writer}")).data();
    let current = metadata["current_version"].as_u64().unwrap_or(0);
    want((acknowledged..=acknowledged + 1).contains(&current), || format!("at {current}, told {acknowledged}"))?;
    let Some(versions) = metadata["versions"].as_object() else {
        return want(acknowledged == 0, || metadata.to_string());
    };
    want(versions.contains_key(&current.to_string()), || format!("no metadata of version {current}"))?;
    for version in versions.keys() {
        let answer = root.get(&format!("kv/data/counted/{writer}?version={version}"));
        want(answer.data()["data"]["n"].as_u64() == version.parse().ok(), || {
            format!("version {version}: {}", answer.text())
        })?;
    }
    Ok(())
}

fn want(is_so: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(why()) }
}

/// How one file of the store is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Bit,
    Cut,
    Garbled,
}

#[test]
fn damaged_files_are_told_and_never_served() {
    let setup = Setup::embedded();
    let server = setup.open();
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    for n in 0..40 {
        server
            .root()
            .post(&format!("kv/data/{n}"), json!({"data": {"v": format!("value-{n}-{}", "x".repeat(200))}}))
            .ok();
    }
    let (keys, data) = (server.keys.clone(), server.data());
    server.kill();
    let sound = tempfile::tempdir().unwrap();
    copy(&data, sound.path());
    let mut chance = Chance(u64::from(std::process::id()));
    let (mut refused, mut served) = (0, 0);
    for round in 0..24 {
        fs::remove_dir_all(&data).unwrap();
        copy(sound.path(), &data);
        let damage = [Damage::Bit, Damage::Cut, Damage::Garbled][round % 3];
        let what = spoil(&data, damage, &mut chance);
        match serves_sound_data(&setup, &keys).unwrap_or_else(|why| panic!("round {round}, {what}: {why}")) {
            true => served += 1,
            false => refused += 1,
        }
    }
    // The control: without damage all is there; and the damages were not all in bytes that mean nothing.
    fs::remove_dir_all(&data).unwrap();
    copy(sound.path(), &data);
    assert!(serves_sound_data(&setup, &keys).unwrap());
    assert!(refused > 0, "no damage was noticed");
    println!("{refused} starts or reads refused, {served} with all data");
}

/// Whether all data came back; `false` if the server said that something is wrong. Errors: neither.
fn serves_sound_data(setup: &Setup, keys: &Keys) -> Result<bool, String> {
    let before = fs::read_to_string(setup.path("log")).unwrap_or_default().len();
    let mut server = match setup.try_start() {
        Ok(server) => server,
        Err(log) => {
            let said = log.get(before..).unwrap_or_default();
            let is_clear = said.contains("data/") && !said.contains("panicked");
            return if is_clear { Ok(false) } else { Err(format!("an unclear text: {said}")) };
        }
    };
    server.keys = keys.clone();
    let opened = server.nobody().post("sys/unseal", json!({"key": keys.shares[0]}));
    if opened.status >= 500 {
        return Ok(false);
    }
    if opened.json()["sealed"] != json!(false) {
        return Err(format!("unseal: {} {}", opened.status, opened.text()));
    }
    let mut is_whole = true;
    for n in 0..40 {
        let answer = server.root().get(&format!("kv/data/{n}"));
        let wanted = json!(format!("value-{n}-{}", "x".repeat(200)));
        match answer.status {
            200 if answer.data()["data"]["v"] == wanted => {}
            500.. => is_whole = false,
            _ => return Err(format!("key {n}: {} {}", answer.status, answer.text())),
        }
    }
    Ok(is_whole)
}

fn spoil(data: &Path, damage: Damage, chance: &mut Chance) -> String {
    // Neither the empty lock nor the mark, which is older than the log after a loss of power anyway.
    let spoilt = |f: &std::path::PathBuf| !f.ends_with("lock") && !f.ends_with("acknowledged");
    let mut files: Vec<_> = files(data).into_iter().filter(spoilt).collect();
    files.sort();
    let file = &files[usize::try_from(chance.below(files.len() as u64)).unwrap()];
    let mut bytes = fs::read(file).unwrap();
    // Most of a log is zeros that were reserved: the damage is to fall into what is in use.
    let used = bytes.iter().rposition(|b| *b != 0).unwrap_or(0) as u64 + 1;
    let at = usize::try_from(chance.below(used)).unwrap();
    match damage {
        Damage::Bit => bytes[at] ^= 1 << chance.below(8),
        Damage::Cut => {
            bytes.truncate(bytes.len() - (1 + usize::try_from(chance.below(4096)).unwrap()).min(bytes.len()))
        }
        Damage::Garbled => {
            let end = (at + 64).min(bytes.len());
            bytes[at..end].iter_mut().for_each(|b| *b = !*b);
        }
    }
    fs::write(file, bytes).unwrap();
    format!("{damage:?} of {} at {at}", file.display())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn two_servers_never_share_a_directory() {
    let setup = Setup::embedded();
    let server = setup.open();
    let said = setup.try_start().err().expect("a second server runs on the same directory");
    assert!(said.contains("another") && said.contains("data"), "{said}");
    server.root().get("sys/mounts").ok();
    let keys = server.keys.clone();
    server.kill();
    // The control: the directory of one that is gone, however it went, is free.
    setup.reopen(&keys).root().get("sys/mounts").ok();
}

#[test]
fn nobody_else_can_read_the_files() {
    let mut setup = Setup::embedded();
    setup.umask = "000";
    let top = format!("log_file = {:?}\npid_file = {:?}", setup.file("server.log"), setup.file("server.pid"));
    setup = setup.with_top(&top);
    setup.listeners += &format!("listener \"unix\" {{ address = {:?} }}", setup.file("socket"));
    let server = setup.open();
    let options = json!({"type": "file", "options": {"file_path": setup.file("audit/audit.log")}});
    server.root().post("sys/audit/a", options).ok();
    server.root().get("sys/mounts").ok();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut seen = files(&server.data());
    assert!(seen.len() >= 4, "{seen:?}");
    seen.extend(["audit/audit.log", "server.log", "socket"].map(|name| setup.path(name)));
    for path in seen {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(fs::read_to_string(setup.path("server.pid")).unwrap(), server.id().to_string());
    for folder in ["data", "audit"] {
        assert_eq!(mode(&setup.path(folder)), 0o700, "{folder}");
    }
    server.stop();
    assert!(!setup.path("server.pid").exists());
}
