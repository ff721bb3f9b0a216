use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of a store that was killed: everything but the lock.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != "lock" {
            out.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    out
}

/// A copy in a fresh directory, as a crash would have left it.
fn lay_out(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn log_names(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    files.keys().filter(|n| n.starts_with("log-")).cloned().collect()
}

async fn content(store: &dyn Store) -> Result<BTreeMap<Key, Vec<u8>>, StoreError> {
    let mut rows = BTreeMap::new();
    for (key, row) in store.scan(b"", b"", usize::MAX).await? {
        // Both ways of reading must agree, or say that they cannot.
        assert_eq!(store.get(&key).await?.map(|r| r.value), Some(row.value.clone()));
        rows.insert(key, row.value.to_vec());
    }
    Ok(rows)
}

/// Opens the copy: either an error, or exactly the rows given. Returns whether it was an error.
async fn error_or_unchanged(files: &BTreeMap<String, Vec<u8>>, want: &BTreeMap<Key, Vec<u8>>, what: &str) -> bool {
    let dir = lay_out(files);
    let store = match open(dir.path(), &small()) {
        Ok(store) => store,
        Err(e) => {
            assert!(matches!(e, OpenError::Store(StoreError::Corrupt(_)) | OpenError::Newer { .. }), "{what}: {e}");
            return true;
        }
    };
    match content(store.as_ref()).await {
        Ok(found) => {
            assert!(found == *want, "{what}: silently changed");
            false
        }
        Err(e) => {
            assert!(matches!(e, StoreError::Corrupt(_) | StoreError::Unavailable(_)), "{what}: {e}");
            true
        }
    }
}

/// A store with rows in the table, in a sealed segment perhaps, and in the log, dropped without folding.
async fn some_store() -> (BTreeMap<String, Vec<u8>>, BTreeMap<Key, Vec<u8>>) {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 400).await;
    blind(store.as_ref(), vec![suite::delete("row/000003"), put("row/000005", "changed")]).await;
    let want = content(store.as_ref()).await.unwrap();
    drop(store);
    (files(dir.path()), want)
}

/// The last segment with records in it, and where the last record begins and ends.
fn last_record(files: &BTreeMap<String, Vec<u8>>) -> (String, usize, usize) {
    let mut found = None;
    for name in log_names(files) {
        let bytes = &files[&name];
        let number = u64::from_str_radix(name.strip_prefix("log-").unwrap(), 16).unwrap();
        let mut offset = segment::HEADER_LEN as usize;
        while let Some(head) = bytes.get(offset..).and_then(|b| record::Head::decode(b, number)) {
            let start = offset + record::HEAD_LEN;
            if !head.fits(&bytes[start..start + head.payload_len as usize]) {
                break;
            }
            let end = offset + head.record_len() as usize;
            found = Some((name.clone(), offset, end));
            offset = end;
        }
    }
    found.unwrap()
}

/// Three states of a store: before the last commit, and after it.
async fn before_and_after() -> (BTreeMap<String, Vec<u8>>, BTreeMap<String, Vec<u8>>) {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 20).await;
    let before = files(dir.path());
    blind(store.as_ref(), vec![put("last/a", vec![b'a'; 700]), put("last/b", vec![b'b'; 500])]).await;
    (before, files(dir.path()))
}

async fn check_torn(files: &BTreeMap<String, Vec<u8>>, what: &str) {
    let dir = lay_out(files);
    let store = open(dir.path(), &small()).unwrap_or_else(|e| unreachable!("{what}: {e}"));
    expect_rows(store.as_ref(), 20).await;
    assert_eq!(store.keys(b"last/", b"last0", 10).await.unwrap().len(), 0, "{what}: half a batch");
    // It goes on as if nothing had been.
    fill(store.as_ref(), 20, 22).await;
    drop(store);
    expect_rows(open_small(&dir).as_ref(), 22).await;
}

#[tokio::test]
async fn a_torn_tail_is_cut_at_each_length() {
    let (before, after) = before_and_after().await;
    let (name, start, end) = last_record(&after);
    let written = start + 32 + 4 + 2 * (8 + 6) + 1200;
    assert!(end >= written);
    let lengths = (start..written).filter(|at| *at < start + 80 || at % 37 == 0 || at % 512 < 3 || *at > written - 5);
    for at in lengths {
        let mut torn = before.clone();
        let mut bytes = before[&name].clone();
        bytes[start..at].copy_from_slice(&after[&name][start..at]);
        // The rest was never written, ...
        torn.insert(name.clone(), bytes.clone());
        check_torn(&torn, &format!("zeros from {at}")).await;
        // ... or the file ends there.
        bytes.truncate(at);
        torn.insert(name.clone(), bytes);
        check_torn(&torn, &format!("ends at {at}")).await;
    }
}

#[tokio::test]
async fn a_whole_record_that_nobody_was_told_of_is_kept() {
    let (before, mut after) = before_and_after().await;
    after.insert("acknowledged".to_owned(), before["acknowledged"].clone());
    let dir = lay_out(&after);
    faults::plan(dir.path(), "log", Op::Sync, ErrorKind::Other);
    assert!(open(dir.path(), &small()).is_err(), "it is synced before it can be read");
    faults::clear(dir.path());
    let store = open_small(&dir);
    assert_eq!(store.keys(b"last/", b"last0", 10).await.unwrap().len(), 2);
    drop(store);
    assert_eq!(files(dir.path())["acknowledged"][8..16], 21_u64.to_be_bytes());
}

#[tokio::test]
async fn an_acknowledged_record_is_never_cut() {
    let (_, after) = before_and_after().await;
    let (name, start, end) = last_record(&after);
    for at in (start..end).step_by(101) {
        let mut torn = after.clone();
        torn.get_mut(&name).unwrap()[at..].fill(0);
        let dir = lay_out(&torn);
        match open(dir.path(), &small()) {
            // Only the padding was lost.
            Ok(store) => assert_eq!(store.keys(b"last/", b"last0", 10).await.unwrap().len(), 2, "{at}"),
            Err(e) => {
                let text = e.to_string();
                assert!(text.contains(&name) && text.contains(&format!("offset {start}")), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn flipped_bits_in_small_files_and_the_log() {
    let (files, want) = some_store().await;
    let mut errors = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "base") {
        let used = if name.starts_with("log-") {
            bytes.len() - bytes.iter().rev().take_while(|b| **b == 0).count()
        } else {
            bytes.len()
        };
        let step = if used < 1000 { 5 } else { 8 * 257 + 3 };
        for bit in (0..used * 8).step_by(step) {
            let mut damaged = files.clone();
            damaged.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8);
            errors += usize::from(error_or_unchanged(&damaged, &want, &format!("{name}, bit {bit}")).await);
        }
    }
    assert!(errors > 50, "{errors}");
}

#[tokio::test]
async fn flipped_bits_in_the_base_table() {
    let (files, want) = some_store().await;
    let bytes = &files["base"];
    let mut errors = 0;
    let first_block = (0..400 * 8).step_by(13);
    for bit in first_block.chain((400 * 8..bytes.len() * 8).step_by(8 * 4099 + 1)) {
        let mut damaged = files.clone();
        damaged.get_mut("base").unwrap()[bit / 8] ^= 1 << (bit % 8);
        errors += usize::from(error_or_unchanged(&damaged, &want, &format!("base, bit {bit}")).await);
    }
    assert!(errors > 50, "{errors}");
}

#[tokio::test]
async fn missing_and_cut_files() {
    let (files, want) = some_store().await;
    for name in files.keys() {
        let mut missing = files.clone();
        missing.remove(name);
        let error = error_or_unchanged(&missing, &want, &format!("without {name}")).await;
        assert!(error || name.starts_with("log-"), "nobody missed {name}");
        for len in [0, 1, 511, 512, 4096, 4104, files[name].len() / 2, files[name].len() - 1] {
            let mut cut = files.clone();
            cut.get_mut(name).unwrap().truncate(len);
            error_or_unchanged(&cut, &want, &format!("{name} cut to {len}")).await;
        }
    }
}

#[tokio::test]
async fn files_of_another_store_are_not_taken() {
    let (files, _) = some_store().await;
    let other = TempDir::new().unwrap();
    let options = Options { rng: Arc::new(Counting(AtomicU8::new(77))), ..small() };
    drop(open(other.path(), &options).unwrap());
    let mut mixed = files.clone();
    let name = log_names(&files)[0].clone();
    let foreign: PathBuf = other.path().join("log-0000000000000001");
    mixed.insert(name, std::fs::read(foreign).unwrap());
    assert!(open(lay_out(&mixed).path(), &small()).is_err());
}

#[tokio::test]
async fn verify_finds_what_no_read_has_touched() {
    let (files, _) = some_store().await;
    assert!(verify(lay_out(&files).path()).is_ok());
    let mut found = 0;
    for at in (8200..files["base"].len()).step_by(4104 * 3) {
        let mut damaged = files.clone();
        damaged.get_mut("base").unwrap()[at] ^= 1;
        found += usize::from(verify(lay_out(&damaged).path()).is_err());
    }
    assert!(found > 5, "{found}");
}
