//! Parts that need no server.
use super::*;
use crate::address::members;
use crate::follower::changes;
use crate::layout::Layout;
use crate::messages::{ChangedKey, Event};
use crate::position::Position;
use tokio::time::Instant;

fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

#[test]
fn addresses_are_read() {
    let mut options = options("http://a:1, https://b.example:2,c, [::1]:4 ,https://[fe80::1]", "/kw");
    let show = |options: &Options| {
        let found = members(options).unwrap();
        found.iter().map(|m| (m.host.clone(), m.port, m.name.is_some())).collect::<Vec<_>>()
    };
    let want = |host: &str, port, tls| (host.to_owned(), port, tls);
    let mut all = [
        want("a", 1, false),
        want("b.example", 2, true),
        want("c", 2379, false),
        want("::1", 4, false),
        want("fe80::1", 2379, true),
    ];
    assert_eq!(show(&options), all);
    options.tls_ca_file = Some("ca.pem".into());
    (all[2].2, all[3].2) = (true, true);
    assert_eq!(show(&options), all, "TLS where a TLS file is named and nothing else is said");
}

#[test]
fn everything_is_under_the_path() {
    for path in ["kw", "/kw", "kw/", "/kw/"] {
        assert_eq!(Layout::new(path).path, "/kw/");
    }
    assert_eq!(Layout::new("").path, "/");
    let layout = Layout::new("/a/b");
    assert_eq!(layout.row(b"x/\xff"), &b"/a/b/row/x/\xff"[..]);
    assert_eq!(layout.key_of(&layout.row(b"")), Some(Key::new()));
    assert_eq!(layout.key_of(&layout.head()), None);
    assert_eq!(layout.range(b"", b""), ("/a/b/row/".into(), "/a/b/row0".into()));
    assert_eq!(layout.range(b"x", b"y"), ("/a/b/row/x".into(), "/a/b/row/y".into()));
    assert_eq!(layout.everything(), ("/a/b/".into(), "/a/b0".into()));
}

#[test]
fn changes_are_grouped_by_revision() {
    let layout = Layout::new("/kw");
    let event = |key: &str, at| Event { kv: Some(ChangedKey { key: key.to_owned().into(), mod_revision: at }) };
    let events = [
        event("/kw/row/a", 3),
        event("/kw/row/b", 3),
        event("/kw/head", 3),
        event("/kw/fence/1", 4),
        event("/kw/row/a", 6),
    ];
    let found = changes(&layout, events.into_iter());
    let want = [(Revision(3), vec![key("a"), key("b")]), (Revision(4), vec![]), (Revision(6), vec![key("a")])];
    assert_eq!(found, want);
}

#[tokio::test(start_paused = true)]
async fn news_are_told_once_and_in_order() {
    let position = Position::default();
    let (all, some) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    position.watch(Key::new(), all.clone());
    position.watch(key("b"), some.clone());
    let change = |at: u64, k: &str| (Revision(at), vec![key(k)]);
    position.advance(&[change(1, "a"), change(2, "b")]);
    position.advance(&[change(1, "a"), change(2, "b"), change(5, "c")]);
    position.advance(&[]);
    assert_eq!(position.reached(), Revision(5));
    let told: Vec<u64> = all.told.lock().iter().map(|(_, at)| at.0).collect();
    assert_eq!(told, [1, 2, 5]);
    assert_eq!(some.told.lock().len(), 1);
    let soon = || Instant::now() + Duration::from_secs(1);
    assert!(position.come_to(Revision(5), soon(), true).await);
    let began = Instant::now();
    assert!(!position.come_to(Revision(6), soon(), true).await);
    assert_eq!(began.elapsed(), Duration::ZERO, "no news arrive, so nobody waits for them");
    position.set_live(true);
    assert!(!position.come_to(Revision(6), soon(), true).await);
    assert_eq!(began.elapsed().as_secs(), 1);
    let (came, ()) = futures_util::join!(position.come_to(Revision(6), soon(), false), async {
        position.set_live(false);
        tokio::task::yield_now().await;
        position.advance(&[change(7, "a")]);
    });
    assert!(came);
    position.jump(Revision(9));
    position.forget();
    assert_eq!((position.reached(), all.lost.load(Ordering::Relaxed)), (Revision(9), 2));
    assert!(position.check(Revision(9), Revision(9)).is_ok());
    assert!(matches!(position.check(Revision(8), Revision(9)), Err(StoreError::Corrupt(_))));
    assert!(matches!(position.sound(), Err(StoreError::Corrupt(_))), "for good");
}

#[tokio::test(start_paused = true)]
async fn what_is_old_enough_is_known_by_its_mark() {
    let mut marks = crate::trim::Marks::default();
    for revision in [10, 20, 30] {
        marks.add(Revision(revision));
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    let older_than = |seconds| marks.older_than(Duration::from_secs(seconds));
    assert_eq!(older_than(200), None);
    assert_eq!(older_than(180), Some(Revision(10)));
    assert_eq!(older_than(100), Some(Revision(20)));
    assert_eq!(older_than(0), Some(Revision(30)));
}
