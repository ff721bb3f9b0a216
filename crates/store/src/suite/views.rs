//! What stands on the store: views and transactions.
use super::{blind, put, value};
use crate::{Clear, Page, RowCipher, Store, StoreError, Txn, TxnCore, View};
use bytes::Bytes;
use std::sync::Arc;

pub(super) async fn run(fresh: &impl AsyncFn() -> Arc<dyn Store>) {
    own_writes_are_visible(fresh().await.as_ref()).await;
    listings(fresh().await.as_ref()).await;
    listings_in_a_transaction(fresh().await.as_ref()).await;
    conflicts_and_reset(fresh().await.as_ref()).await;
    values_are_sealed(fresh().await.as_ref()).await;
}

fn page(after: &str, limit: usize) -> Page<'_> {
    Page::new(after, limit)
}

async fn own_writes_are_visible(store: &dyn Store) {
    blind(store, vec![put("m/old", "\"old\""), put("m/gone", "1"), put("other/x", "1")]).await;
    let core = TxnCore::new(store, &Clear);
    let txn: Txn<'_> = core.scoped("m/");
    let view = txn.view();
    txn.put("new", &7).expect("a number serialises");
    txn.put_bytes("index", Bytes::new());
    txn.delete("gone");
    assert_eq!(view.get::<u32>("new").await.expect("a read"), Some(7));
    assert_eq!(view.get::<String>("old").await.expect("a read"), Some("old".to_owned()));
    assert!(view.exists("index").await.expect("a read"));
    assert!(!view.exists("gone").await.expect("a read"));
    assert!(!view.exists("x").await.expect("a read"), "another prefix");
    assert_eq!(value(store, "m/new").await, None, "nothing is written before the commit");
    assert!(!core.is_empty());
    core.commit().await.expect("a commit");
    assert_eq!(value(store, "m/new").await, Some("7".into()));
    assert_eq!(value(store, "m/index").await, Some(Bytes::new()));
    assert_eq!(value(store, "m/gone").await, None);
    assert_eq!(value(store, "other/x").await, Some("1".into()));
    let idle = TxnCore::new(store, &Clear);
    assert!(idle.is_empty());
    assert_eq!(idle.commit().await, Ok(store.revision()));
}

async fn listings(store: &dyn Store) {
    let keys = ["m/a", "m/a/1", "m/a/2/x", "m/b", "m/c/1", "m/c/2", "m/d", "n/z", "m"];
    blind(store, keys.map(|k| put(k, "1")).to_vec()).await;
    let view = View::new(store, &Clear, "m/");
    let children: [(&str, Page<'_>, &[&str]); 11] = [
        ("", page("", 0), &["a", "a/", "b", "c/", "d"]),
        ("", page("", 2), &["a", "a/"]),
        ("", page("a", 2), &["a/", "b"]),
        ("", page("a/", 0), &["b", "c/", "d"]),
        ("", page("c/", 1), &["d"]),
        ("", page("aa", 0), &["b", "c/", "d"]),
        ("", page("d", 0), &[]),
        ("", page("", 0).before("c/2"), &["a", "a/", "b", "c/"]),
        ("", page("b", 1).before("b"), &[]),
        ("a/", page("", 0), &["1", "2/"]),
        ("none/", page("", 0), &[]),
    ];
    for (folder, page, want) in children {
        let found = view.children(folder, page).await.expect("a listing");
        assert_eq!(found, want, "children of {folder:?} {page:?}");
    }
    let names: [(&str, Page<'_>, &[&str]); 5] = [
        ("", page("", 0), &["a", "a/1", "a/2/x", "b", "c/1", "c/2", "d"]),
        ("", page("a/1", 2), &["a/2/x", "b"]),
        ("c/", page("", 0), &["1", "2"]),
        ("c/", page("1", 0), &["2"]),
        ("c/", page("2", 0), &[]),
    ];
    for (folder, page, want) in names {
        assert_eq!(view.names(folder, page).await.expect("a listing"), want, "names under {folder:?} {page:?}");
    }
    let rows = view.rows("c/", page("", 1)).await.expect("rows");
    assert_eq!(rows, [("1".to_owned(), Bytes::from("1"))]);
    let many = (0..1500).map(|i| put(&format!("big/{i:05}"), "")).collect();
    blind(store, many).await;
    let big = View::new(store, &Clear, "big/");
    assert_eq!(big.names("", page("", 0)).await.expect("a listing").len(), 1500);
    assert_eq!(big.children("", page("", 0)).await.expect("a listing").len(), 1500);
    assert_eq!(big.children("", page("00999", 700)).await.expect("a listing").len(), 500);
}

async fn listings_in_a_transaction(store: &dyn Store) {
    blind(store, ["m/a", "m/b/1", "m/b/2", "m/c"].map(|k| put(k, "1")).to_vec()).await;
    let core = TxnCore::new(store, &Clear);
    let txn = core.scoped("m/");
    txn.delete("a");
    txn.delete("b/1");
    txn.put_bytes("b/3", "1");
    txn.put_bytes("e/1", "1");
    let view = txn.view();
    assert_eq!(view.names("", page("", 0)).await.expect("a listing"), ["b/2", "b/3", "c", "e/1"]);
    assert_eq!(view.names("", page("", 2)).await.expect("a listing"), ["b/2", "b/3"]);
    assert_eq!(view.children("", page("", 0)).await.expect("a listing"), ["b/", "c", "e/"]);
    assert_eq!(view.children("", page("b/", 1)).await.expect("a listing"), ["c"]);
    txn.delete("b/2");
    txn.delete("b/3");
    assert_eq!(view.children("", page("", 0)).await.expect("a listing"), ["c", "e/"]);
}

async fn conflicts_and_reset(store: &dyn Store) {
    blind(store, vec![put("m/a", "1")]).await;
    let core = TxnCore::new(store, &Clear);
    let txn = core.scoped("m/");
    assert_eq!(txn.view().get::<u32>("a").await.expect("a read"), Some(1));
    txn.put("b", &1).expect("a number serialises");
    blind(store, vec![put("m/a", "2")]).await;
    assert_eq!(core.commit().await, Err(StoreError::Conflict));
    assert_eq!(value(store, "m/b").await, None);

    let core = TxnCore::new(store, &Clear);
    let txn = core.scoped("m/");
    assert!(!txn.pin("absent").await.expect("a read"));
    txn.put("c", &1).expect("a number serialises");
    blind(store, vec![put("m/absent", "1")]).await;
    assert_eq!(core.commit().await, Err(StoreError::Conflict), "a pinned absence");

    let core = TxnCore::new(store, &Clear);
    let txn = core.scoped("m/");
    assert!(txn.pin("absent").await.expect("a read"));
    txn.put("d", &1).expect("a number serialises");
    core.reset();
    assert!(core.is_empty());
    blind(store, vec![put("m/absent", "2")]).await;
    txn.put("e", &1).expect("a number serialises");
    core.commit().await.expect("what was seen before the reset does not count");
    assert_eq!(value(store, "m/d").await, None);
    assert_eq!(value(store, "m/e").await, Some("1".into()));
}

/// Turns the bytes around and puts the key's length before them: enough to see what was sealed and for which key.
struct Reversed;

impl RowCipher for Reversed {
    fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Bytes, StoreError> {
        Ok(std::iter::once(key.len().to_le_bytes()[0]).chain(plain.iter().rev().copied()).collect())
    }

    fn open(&self, key: &[u8], sealed: &Bytes) -> Result<Bytes, StoreError> {
        match sealed.split_first() {
            Some((len, rest)) if *len == key.len().to_le_bytes()[0] => Ok(rest.iter().rev().copied().collect()),
            _ => Err(StoreError::Corrupt("a row of another key".to_owned())),
        }
    }
}

async fn values_are_sealed(store: &dyn Store) {
    let core = TxnCore::new(store, &Reversed);
    let txn = core.scoped("m/");
    txn.put_bytes("abc", "123");
    txn.put_bytes("index", Bytes::new());
    core.commit().await.expect("a commit");
    assert_eq!(value(store, "m/abc").await, Some("\u{5}321".into()));
    assert_eq!(value(store, "m/index").await, Some(Bytes::new()), "an index row is not encrypted");
    let view = View::new(store, &Reversed, "m/");
    assert_eq!(view.get_bytes("abc").await.expect("a read"), Some("123".into()));
    assert_eq!(view.get_bytes("index").await.expect("a read"), Some(Bytes::new()));
    blind(store, vec![put("m/longer", "\u{5}321")]).await;
    assert!(view.get_bytes("longer").await.is_err(), "a row moved to another key does not open");
}
