use super::*;

#[tokio::test]
async fn a_second_one_is_refused() {
    let dir = TempDir::new().unwrap();
    let first = open_small(&dir);
    let Err(error) = open(dir.path(), &small()) else { unreachable!("two stores in one directory") };
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains(&dir.path().display().to_string()));
    assert!(matches!(verify(dir.path()), Err(OpenError::InUse(_))));
    first.close().await.unwrap();
    open(dir.path(), &small()).unwrap();
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let dir = TempDir::new().unwrap();
    drop(open_small(&dir));
    std::fs::write(dir.path().join("format"), "keywright-store 2\nwhatever comes then\n").unwrap();
    let Err(error) = open(dir.path(), &small()) else { unreachable!("opened a newer format") };
    assert!(matches!(error, OpenError::Newer { found: 2, .. }));
    assert!(error.to_string().contains("newer version"));
}

#[tokio::test]
async fn an_unfinished_creation_is_begun_anew() {
    let dir = TempDir::new().unwrap();
    faults::plan(dir.path(), "acknowledged", Op::Sync, ErrorKind::Other);
    assert!(matches!(open(dir.path(), &small()), Err(OpenError::Io { .. })));
    faults::clear(dir.path());
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 10).await;
    expect_rows(store.as_ref(), 10).await;
}

#[tokio::test]
async fn a_failed_sync_poisons() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 10).await;
    faults::plan(dir.path(), "log", Op::Sync, ErrorKind::Other);
    let batch = || Batch { writes: vec![put("lost", "1")], ..Batch::default() };
    assert!(matches!(store.commit(batch()).await, Err(StoreError::Poisoned(_))));
    faults::clear(dir.path());
    assert!(matches!(store.commit(batch()).await, Err(StoreError::Poisoned(_))), "it is never tried again");
    assert!(matches!(store.trouble(), Some(StoreError::Poisoned(_))));
    assert_eq!(value(store.as_ref(), "lost").await, None);
    expect_rows(store.as_ref(), 10).await;
    store.close().await.unwrap();
    drop(store);
    let store = open_small(&dir);
    expect_rows(store.as_ref(), 10).await;
    fill(store.as_ref(), 10, 20).await;
}

#[tokio::test]
async fn a_failed_write_poisons() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    faults::plan(dir.path(), "log", Op::Write, ErrorKind::Other);
    let batch = Batch { writes: vec![put("lost", "1")], ..Batch::default() };
    assert!(matches!(store.commit(batch).await, Err(StoreError::Poisoned(_))));
    faults::clear(dir.path());
}

#[tokio::test]
async fn a_failed_fold_poisons_and_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 50).await;
    faults::plan(dir.path(), "base", Op::Sync, ErrorKind::Other);
    let mut done = 50;
    loop {
        let write = put(&format!("row/{done:06}"), format!("value {done} {}", "x".repeat(300)));
        match store.commit(Batch { writes: vec![write], ..Batch::default() }).await {
            Ok(_) => done += 1,
            Err(e) => break assert!(matches!(e, StoreError::Poisoned(_)), "{e:?}"),
        }
        assert!(done < 5000, "the fold never failed");
    }
    faults::clear(dir.path());
    drop(store);
    expect_rows(open_small(&dir).as_ref(), done).await;
}

/// redb reads no more after an error, so the process had better be started anew: that is said, and nothing wrong is read.
#[tokio::test]
async fn a_read_that_the_disk_refuses_poisons() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 400).await;
    store.close().await.unwrap();
    drop(store);
    let store = open(dir.path(), &Options { base_cache_bytes: 0, row_cache_bytes: 0, ..small() }).unwrap();
    assert_eq!(store.trouble(), None);
    faults::plan(dir.path(), "base", Op::Other, ErrorKind::Other);
    assert!(store.get(b"row/000003").await.is_err());
    faults::clear(dir.path());
    assert!(matches!(store.trouble(), Some(StoreError::Poisoned(_))));
    let batch = Batch { writes: vec![put("late", "1")], ..Batch::default() };
    assert!(matches!(store.commit(batch).await, Err(StoreError::Poisoned(_))));
    drop(store);
    expect_rows(open_small(&dir).as_ref(), 400).await;
}

/// Writes until the store is full, in a way that can be checked; returns how many rows were acknowledged.
async fn fill_up(store: &dyn Store, from: usize) -> usize {
    for done in from..from + 100_000 {
        let write = put(&format!("row/{done:06}"), format!("value {done} {}", "x".repeat(300)));
        match store.commit(Batch { writes: vec![write], ..Batch::default() }).await {
            Ok(_) => {}
            Err(e) => {
                assert_eq!(e, StoreError::NoSpace);
                return done;
            }
        }
    }
    unreachable!("it never got full")
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 300).await;
    for name in ["log", "base"] {
        faults::plan(dir.path(), name, Op::Create, ErrorKind::StorageFull);
    }
    faults::plan(dir.path(), "base", Op::Write, ErrorKind::StorageFull);
    let done = fill_up(store.as_ref(), 300).await;
    assert_eq!(fill_up(store.as_ref(), done).await, done, "still full");
    assert_eq!(store.trouble(), Some(StoreError::NoSpace));
    expect_rows(store.as_ref(), done).await;
    faults::clear(dir.path());
    let more = done + 500;
    // The folder tries again when the next commit asks, and that commit may still be refused by what was found before.
    for _ in 0..100 {
        let write = put(&format!("row/{done:06}"), format!("value {done} x"));
        if store.commit(Batch { writes: vec![write], ..Batch::default() }).await.is_ok() {
            break;
        }
    }
    fill(store.as_ref(), done + 1, more).await;
    expect_rows(store.as_ref(), more).await;
    assert_eq!(store.trouble(), None);
    store.close().await.unwrap();
    drop(store);
    expect_rows(open_small(&dir).as_ref(), more).await;
}

/// On a real file system of 3 MiB, where one can be mounted.
#[tokio::test]
async fn a_really_full_disk_refuses_and_recovers() {
    let dir = TempDir::new().unwrap();
    let run = |program: &str, args: &[&str]| {
        std::process::Command::new(program).args(args).status().is_ok_and(|status| status.success())
    };
    let path = dir.path().to_str().unwrap();
    if !run("mount", &["-t", "tmpfs", "-o", "size=6m", "tmpfs", path]) {
        return;
    }
    {
        let store = open_small(&dir);
        std::fs::write(dir.path().join("ballast"), vec![0; 1024 * 1024]).unwrap();
        let done = fill_up(store.as_ref(), 0).await;
        expect_rows(store.as_ref(), done).await;
        std::fs::remove_file(dir.path().join("ballast")).unwrap();
        for _ in 0..100 {
            let write = put(&format!("row/{done:06}"), format!("value {done} x"));
            if store.commit(Batch { writes: vec![write], ..Batch::default() }).await.is_ok() {
                break;
            }
        }
        fill(store.as_ref(), done + 1, done + 50).await;
        expect_rows(store.as_ref(), done + 50).await;
        drop(store);
        expect_rows(open_small(&dir).as_ref(), done + 50).await;
    }
    assert!(run("umount", &[path]));
}
