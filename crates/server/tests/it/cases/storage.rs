//! What is on the disk: nothing that can be read, nothing that can be moved to another place.
use crate::support::{Caller, Server, Setup, files};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kw_barrier::SystemRng;
use kw_store::{Batch, Key, Store, Write};
use kw_store_embedded::{Options, open};
use serde_json::json;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// tokens at rest
#[test]
fn no_token_or_secret_id_is_readable_in_the_store() {
    let setup = Setup::embedded();
    let server = setup.open();
    server.mount_auth("approle", "approle");
    server.mount_auth("userpass", "userpass");
    let root = server.root();
    root.post("auth/approle/role/r", json!({})).ok();
    let mut secrets = vec![server.keys.root.clone(), server.keys.shares[0].clone()];
    for at in 0..40 {
        let made = root.post("auth/token/create", json!({"policies": ["default"], "ttl": "1h"})).ok();
        secrets.extend([made.client_token(), made.at("/auth/accessor")]);
        let secret_id = root.post("auth/approle/role/r/secret-id", json!({})).ok();
        // Its accessor is a name, which opens nothing, and so stands in a key.
        secrets.push(secret_id.at("/data/secret_id"));
        let (id, password) = (format!("chosen-token-{at:04}"), format!("a-password-{at:04}"));
        root.post("auth/token/create", json!({"id": id, "ttl": "1h"})).ok();
        secrets.push(id);
        if at % 8 == 0 {
            root.post(&format!("auth/userpass/users/u{at}"), json!({"password": password})).ok();
            secrets.push(password);
        }
        let wrapped = root
            .header("X-Vault-Wrap-TTL", "1h")
            .post("sys/wrapping/wrap", json!({"k": format!("wrapped-{at:05}")}))
            .ok();
        secrets.extend([wrapped.at("/wrap_info/token"), format!("wrapped-{at:05}")]);
    }
    let data = server.data();
    server.stop();
    let bytes: Vec<u8> = files(&data).iter().flat_map(|f| readable(&fs::read(f).unwrap())).collect();
    assert!(has(&bytes, "tok/"), "the control: keys are readable");
    for secret in secrets {
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let whole = &secret.as_bytes()[..secret.len() / 3 * 3];
        for form in [secret.clone(), hex, STANDARD_NO_PAD.encode(whole)] {
            assert!(!has(&bytes, &form), "{form} is in the store");
        }
    }
}

/// What could be text: all else needs no search.
fn readable(bytes: &[u8]) -> Vec<u8> {
    let runs = bytes.split(|b| !b.is_ascii_graphic()).filter(|run| run.len() >= 3);
    runs.collect::<Vec<_>>().join(&b'\n')
}

fn has(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn with_rows(data: &Path, work: impl AsyncFnOnce(&dyn Store)) {
    let store = open(data, &Options::new(Arc::new(SystemRng))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        work(store.as_ref()).await;
        store.close().await.unwrap();
    });
}

async fn find(store: &dyn Store, ending: &str) -> Key {
    let keys = store.keys(b"m/", b"", usize::MAX).await.unwrap();
    keys.into_iter().find(|k| k.ends_with(ending.as_bytes())).unwrap_or_else(|| panic!("no row {ending}"))
}

async fn put(store: &dyn Store, rows: Vec<(Key, bytes::Bytes)>) {
    let writes = rows.into_iter().map(|(key, value)| Write { key, value: Some(value) }).collect();
    store.commit(Batch { began: store.revision(), seen: Vec::new(), writes }).await.unwrap();
}

/// STORE swap / replay row
#[test]
fn a_row_in_another_rows_place_is_refused() {
    let setup = Setup::embedded();
    let server = setup.open();
    for mount in ["kv", "other"] {
        server.mount(mount, json!({"type": "kv", "options": {"version": "2"}}));
        for name in ["alpha", "beta", "gamma", "delta"] {
            let body = json!({"data": {"k": format!("{name} of {mount}")}});
            server.root().post(&format!("{mount}/data/{name}"), body).ok();
        }
    }
    let (keys, data) = (server.keys.clone(), server.data());
    server.stop();
    with_rows(&data, async |store| {
        let (alpha, beta, gamma) =
            (find(store, "/alpha").await, find(store, "/beta").await, find(store, "/gamma").await);
        let row = async |key: &Key| store.get(key).await.unwrap().unwrap().value;
        let (of_alpha, of_beta, of_gamma) = (row(&alpha).await, row(&beta).await, row(&gamma).await);
        let renamed = Key::from([&gamma[..gamma.len() - 5], b"renamed"].concat());
        let mut flipped = of_gamma.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        put(store, vec![(alpha, of_beta), (beta, of_alpha), (renamed, of_gamma), (gamma, flipped.into())]).await;
    });
    let server = setup.reopen(&keys);
    for name in ["alpha", "beta", "gamma", "renamed"] {
        let (mut refused, mut right) = (0, 0);
        for mount in ["kv", "other"] {
            let answer = server.root().get(&format!("{mount}/data/{name}"));
            match answer.status {
                500 => refused += 1,
                404 => {}
                200 if answer.at("/data/data/k") == format!("{name} of {mount}") => right += 1,
                _ => panic!("{mount}/{name}: {} {}", answer.status, answer.text()),
            }
        }
        // Only the mount whose row came first was touched.
        assert_eq!((refused, right), (1, if name == "renamed" { 0 } else { 1 }), "{name}");
    }
    // The control.
    for mount in ["kv", "other"] {
        assert_eq!(
            server.root().get(&format!("{mount}/data/delta")).ok().at("/data/data/k"),
            format!("delta of {mount}")
        );
    }
}

/// A file system in memory, unmounted at the end.
struct Small(std::path::PathBuf);

impl Small {
    /// `None` where this process may not mount.
    fn mount(folder: std::path::PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(&folder).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// STORE disk full
#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers() {
    let setup = Setup::embedded();
    let Some(_small) = Small::mount(setup.path("data")) else { return eprintln!("skipped: no right to mount") };
    let setup = setup.clone().with_top(&format!(
        "audit \"file\" \"main\" {{\n  options {{ file_path = {:?} }}\n}}",
        setup.file("audit.log")
    ));
    let server = setup.open();
    server.mount("kv", json!({"type": "kv"}));
    let root = server.root();
    fs::write(server.data().join("ballast"), vec![0; 10 << 20]).unwrap();
    let put = |at: usize| root.post(&format!("kv/{at:06}"), json!({"k": format!("{at} {}", "x".repeat(30_000))}));
    let full = (0..2000).find(|at| {
        let answer = put(*at);
        assert!(matches!(answer.status, 204 | 500 | 507), "{}", answer.text());
        answer.status != 204
    });
    let full = full.expect("the disk never was full");
    assert!(full > 10, "only {full} writes");
    let check = |caller: &Caller, upto: usize| {
        for at in 0..upto {
            let found = caller.get(&format!("kv/{at:06}")).ok().at("/data/k");
            assert!(found.starts_with(&format!("{at} ")), "{at}");
        }
    };
    // What is there is read, and who is refused learns nothing of the disk.
    check(&root, full);
    let refused = put(full);
    assert!(refused.status >= 500 && !refused.text().contains("data/"), "{}", refused.text());
    server.nobody().get("sys/health").is(200);
    fs::remove_file(server.data().join("ballast")).unwrap();
    let since = Instant::now();
    while put(full).status != 204 {
        assert!(since.elapsed() < Duration::from_secs(10), "it does not recover");
        std::thread::sleep(Duration::from_millis(20));
    }
    check(&root, full + 1);
    // Each write was told to audit before it was tried.
    let told = fs::read_to_string(setup.path("audit.log")).unwrap();
    assert!(told.matches("\"path\":\"kv/").count() > 2 * full);
    let keys = server.keys.clone();
    server.kill();
    check(&setup.reopen(&keys).root(), full + 1);
}

/// SEAL restart: the key itself. Of texts that came and went, such as a share as it was sent, copies may be left in memory that
/// is not in use any more.
#[test]
fn a_sealed_server_has_no_key_in_memory() {
    let server = Setup::embedded().open();
    let share = server.keys.shares[0].clone();
    let raw: Vec<u8> =
        (0..share.len() / 2).map(|at| u8::from_str_radix(&share[2 * at..2 * at + 2], 16).unwrap()).collect();
    server.root().post("sys/seal", json!({})).is(204);
    assert!(server.is_sealed());
    let Some(memory) = memory(server.id()) else {
        return eprintln!("skipped: no right to read another process's memory");
    };
    assert!(memory.iter().any(|part| has(part, "seal-status")), "the control: texts of the program are found");
    // One share of one is the key.
    assert!(!memory.iter().any(|part| memchr::memmem::find(part, &raw[..32]).is_some()), "the unseal key is in memory");
}

/// All that a process can read, by its mappings.
fn memory(pid: u32) -> Option<Vec<Vec<u8>>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut all = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut parts = Vec::new();
    for line in maps.lines().filter(|l| l.split(' ').nth(1).is_some_and(|rights| rights.starts_with('r'))) {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut part = vec![0; usize::try_from(to - from).ok()?];
        // The kernel's own pages cannot be read.
        if all.seek(SeekFrom::Start(from)).is_ok() && all.read_exact(&mut part).is_ok() {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// UPGRADE/rollback
#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let setup = Setup::embedded();
    let server = setup.open();
    let (keys, data) = (server.keys.clone(), server.data());
    server.stop();
    let format = data.join("format");
    let text = fs::read_to_string(&format).unwrap();
    let newer = with_sum(&text.replacen("keywright-store 1", "keywright-store 9", 1));
    fs::write(&format, &newer).unwrap();
    let content = || -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = files(&data).iter().map(|f| (f.display().to_string(), fs::read(f).unwrap())).collect();
        all.sort();
        all
    };
    let before = content();
    let said = setup.try_start().err().expect("it started on a newer store");
    assert!(said.contains("newer") && said.contains("data"), "{said}");
    assert!(content() == before, "it changed the store");
    fs::write(&format, text).unwrap();
    setup.reopen(&keys).root().get("sys/mounts").ok();
}

/// The file with its checksum made right.
fn with_sum(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with("sum ")).collect();
    let head = format!("{}\n", lines.join("\n"));
    format!("{head}sum {:08x}\n", crc32c::crc32c(head.as_bytes()))
}

/// RUN core dump / swap
#[test]
fn the_process_leaves_no_core_and_shows_no_secret() {
    let server = Server::dev();
    let read = |name: &str| fs::read(format!("/proc/{}/{name}", server.id())).unwrap_or_default();
    let limits = String::from_utf8_lossy(&read("limits")).into_owned();
    let core: Vec<&str> =
        limits.lines().find(|l| l.starts_with("Max core file size")).unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "core dumps are on: {core:?}");
    // The files of an undumpable process belong to root, so that nobody of the same user reads its memory.
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(format!("/proc/{}/environ", server.id())).unwrap().uid(), 0);
    let server = Setup::embedded().open();
    for name in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{}/{name}", server.id())).unwrap_or_default();
        assert!(!has(&bytes, &server.keys.root) && !has(&bytes, &server.keys.shares[0]));
    }
    server.root().get("sys/mounts").ok();
}
