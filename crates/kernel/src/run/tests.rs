//! A handler that refuses refuses by what was true at one moment, whoever commits between two of its reads.
use crate::tests::bed::{Bed, ROOT};
use futures_util::future::join_all;
use kw_engine::{Cx, Engine, Fault, Mount, Nothing, Routes, Txn, View};
use serde_json::{Value, json};

/// A thing that is always in exactly one of two places, and a row that tells in which: whoever reads both rows finds it.
struct Shuttle(Routes);

const SIGN: &str = "sign";

async fn seek(view: View<'_>) -> Result<String, Fault> {
    let place = view.get::<String>(SIGN).await?.unwrap_or_else(|| "nowhere".to_owned());
    let thing = view.get::<String>(&place).await?;
    thing.map(|_| place.clone()).ok_or_else(|| Fault::not_found().because(place))
}

impl Shuttle {
    fn new() -> Self {
        let bring = async |_: &Cx<'_>, txn: Txn<'_>, _: Nothing| {
            let from = txn.view().get::<String>(SIGN).await?.unwrap_or_default();
            let to = if from == "here" { "there" } else { "here" };
            txn.delete(&from);
            txn.put(to, "thing")?;
            txn.put(SIGN, to)
        };
        let find = async |_: &Cx<'_>, view: View<'_>, _: Nothing| seek(view).await.map(|_| ());
        let find_to_write = async |_: &Cx<'_>, txn: Txn<'_>, _: Nothing| seek(txn.view()).await.map(|_| ());
        // Says in its answer what the others say by refusing.
        let whether = async |_: &Cx<'_>, view: View<'_>, _: Nothing| {
            kw_engine::Reply::data(&json!({"found": seek(view).await.is_ok()}))
        };
        let routes = Routes::new().at("bring").write(bring).at("find").read(find).write(find_to_write);
        Self(routes.at("whether").read(whether))
    }
}

impl Engine for Shuttle {
    fn kind(&self) -> &'static str {
        "shuttle"
    }
    fn doc(&self) -> &'static str {
        ""
    }
    fn routes(&self, _: &Mount) -> &Routes {
        &self.0
    }
    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.0)]
    }
}

/// What these requests are answered while the thing is brought to and fro.
async fn meanwhile(seed: u64, verb: &str, path: &str) -> Vec<(u16, Value)> {
    let bed = Bed::with(seed, vec![Box::new(Shuttle::new())]).await;
    let made = bed.call("POST", "sys/mounts/shuttle", ROOT, json!({"type": "shuttle"})).await;
    assert_eq!(made.0, 204, "{}", made.1);
    let bring = async || {
        let (status, body) = bed.call("POST", "shuttle/bring", ROOT, json!({})).await;
        assert_eq!(status, 204, "{body}");
    };
    bring().await;
    let all_brought = async {
        for _ in 0..12 {
            bring().await;
        }
    };
    let ask = async || {
        let mut answers = Vec::new();
        for _ in 0..8 {
            answers.push(bed.call(verb, path, ROOT, Value::Null).await);
        }
        answers
    };
    let (_, answers) = tokio::join!(all_brought, join_all((0..3).map(|_| ask())));
    answers.into_iter().flatten().collect()
}

const SEEDS: std::ops::Range<u64> = 0..12;

#[tokio::test]
async fn a_reader_does_not_refuse_by_rows_of_two_moments() {
    for seed in SEEDS {
        for (status, body) in meanwhile(seed, "GET", "shuttle/find").await {
            assert_eq!(status, 204, "seed {seed}: {body}");
        }
    }
}

#[tokio::test]
async fn a_writer_does_not_refuse_by_rows_of_two_moments() {
    for seed in SEEDS {
        for (status, body) in meanwhile(seed, "POST", "shuttle/find").await {
            assert_eq!(status, 204, "seed {seed}: {body}");
        }
    }
}

#[tokio::test]
async fn a_reader_does_not_answer_by_rows_of_two_moments() {
    for seed in SEEDS {
        for (status, body) in meanwhile(seed, "GET", "shuttle/whether").await {
            assert_eq!((status, &body["data"]["found"]), (200, &json!(true)), "seed {seed}: {body}");
        }
    }
}

/// The kernel's own transactions and reads.
#[tokio::test]
async fn the_kernel_does_not_refuse_by_rows_of_two_moments() {
    let bed = Bed::new(5).await;
    let bring = async |from: &str, to: &str| {
        let moved = bed.kernel.transact(async |txn| {
            let rows = txn.rescoped("test/");
            rows.delete(from);
            rows.put(to, "thing")?;
            rows.put(SIGN, to)
        });
        moved.await.unwrap();
    };
    bring("there", "here").await;
    let all_brought = async {
        for _ in 0..60 {
            bring("here", "there").await;
            bring("there", "here").await;
        }
    };
    let seek_all = async {
        for _ in 0..200 {
            bed.kernel.transact(async |txn| seek(txn.rescoped("test/").view()).await).await.unwrap();
            bed.kernel.look("test/", async |view| seek(view).await).await.unwrap();
        }
    };
    tokio::join!(all_brought, seek_all);
}

#[tokio::test]
async fn a_write_leaves_nothing_behind_in_a_mount_that_goes_at_the_same_moment() {
    for seed in 0..24 {
        let bed = Bed::with(seed, vec![Box::new(Shuttle::new())]).await;
        bed.call("POST", "sys/mounts/shuttle", ROOT, json!({"type": "shuttle"})).await;
        let table = bed.kernel.mounts.current(&bed.kernel).await.unwrap();
        let rows = table.exact("shuttle/").unwrap().rows.clone();
        let bring = async || {
            let (status, body) = bed.call("POST", "shuttle/bring", ROOT, json!({})).await;
            assert!(status == 204 || status == 404, "seed {seed}: {status} {body}");
        };
        let go = async {
            assert_eq!(bed.call("DELETE", "sys/mounts/shuttle", ROOT, Value::Null).await.0, 204);
        };
        tokio::join!(bring(), bring(), bring(), go, bring());
        let left = bed.kernel.view(&rows).names("", kw_store::Page::default()).await.unwrap();
        assert_eq!(left, Vec::<String>::new(), "seed {seed}");
    }
}
