pub(crate) mod bed;

use crate::rows::LEASES;
use bed::{Bed, ROOT};
use kw_store::Page;
use serde_json::{Value, json};
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
