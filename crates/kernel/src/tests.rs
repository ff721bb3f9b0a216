pub(crate) mod bed;

use crate::rows::LEASES;
use bed::{Bed, ROOT};
use kw_engine::{Engine, Mount, Routes};
use kw_store::Page;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::LocalSet;

#[tokio::test]
async fn a_request_that_is_cancelled_is_closed_as_abandoned() {
    LocalSet::new()
        .run_until(async {
            let (bed, dir) = (Bed::new(1).await, tempfile::tempdir().unwrap());
            let file = dir.path().join("audit.log");
            let device = json!({"type": "file", "options": {"file_path": file}});
            assert_eq!(bed.call("POST", "sys/audit/f", ROOT, device).await.0, 204);
            bed.desk.places.forget_permits(usize::MAX);
            let begun = async {
                while bed.kernel.view(LEASES).names("lender/", Page::default()).await.unwrap().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                answer = bed.call("POST", "lender/lend", ROOT, Value::Null) => panic!("{answer:?}"),
                () = begun => {}
            }
            let lines = std::fs::read_to_string(&file).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let of = |kind: &str| {
                lines.iter().rfind(|l| l["type"] == kind && l["request"]["path"] == "lender/lend").unwrap()
            };
            assert_eq!(of("request")["request"]["id"], of("response")["request"]["id"]);
            assert!(of("response")["error"].as_str().unwrap().starts_with("abandoned"));
        })
        .await;
}

/// Counts how often it was told to forget.
struct Keeper(Routes, Arc<AtomicUsize>);

impl Engine for Keeper {
    fn kind(&self) -> &'static str {
        "keeper"
    }
    fn doc(&self) -> &'static str {
        ""
    }
    fn routes(&self, _: &Mount) -> &Routes {
        &self.0
    }
    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        Vec::new()
    }
    fn forget(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn engines_forget_what_they_have_parsed_when_the_server_is_sealed() {
    let told = Arc::new(AtomicUsize::new(0));
    LocalSet::new()
        .run_until(async {
            let bed = Bed::with(1, vec![Box::new(Keeper(Routes::new(), told.clone()))]).await;
            let before = told.load(Ordering::Relaxed);
            assert_eq!(bed.call("POST", "sys/seal", ROOT, Value::Null).await.0, 204);
            assert_eq!(told.load(Ordering::Relaxed), before + 1);
        })
        .await;
}
