use crate::jobs;
use crate::rows::{TOKENS, WRAPPED};
use crate::tests::bed::{Bed, ROOT, ident};
use futures_util::future::{join, join_all};
use kw_store::Page;
use serde_json::{Value, json};

const SEEDS: std::ops::Range<u64> = 0..40;

async fn wrapped(bed: &Bed) -> String {
    let (status, answer) = bed.send("POST", "sys/wrapping/wrap", ROOT, json!({"a": 1}), Some("5m")).await;
    assert_eq!((status, &answer["request_id"]), (200, &json!("")));
    answer["wrap_info"]["token"].as_str().unwrap().to_owned()
}

async fn unwrap(bed: &Bed, by: &str, body: Value) -> (u16, Value) {
    bed.call("POST", "sys/wrapping/unwrap", by, body).await
}

#[tokio::test]
async fn of_many_who_unwrap_at_once_one_gets_the_answer() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let token = wrapped(&bed).await;
        // The odd ones present the token itself, the even ones name it.
        let tries = (0..12).map(|n| {
            let (by, body) = if n % 2 == 1 { (token.as_str(), Value::Null) } else { (ROOT, json!({"token": token})) };
            unwrap(&bed, by, body)
        });
        let answers = join_all(tries).await;
        let got: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
        assert_eq!(got.len(), 1, "seed {seed}");
        assert_eq!(got[0]["data"], json!({"a": 1}));
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 400 | 403)));
        gone(&bed, &token).await;
    }
}

/// Nothing of the answer is left in the store.
async fn gone(bed: &Bed, token: &str) {
    jobs::round(&bed.kernel).await.unwrap();
    assert!(!bed.kernel.view(TOKENS).exists(ident(token)).await.unwrap());
    assert!(bed.kernel.view(WRAPPED).names("", Page::default()).await.unwrap().is_empty());
    let rows = bed.kernel.view("m/").names("", Page::default()).await.unwrap();
    assert!(!rows.iter().any(|name| name.contains(ident(token))), "{rows:?}");
}

#[tokio::test]
async fn the_token_itself_unwraps_once_even_if_others_look_at_it() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let token = wrapped(&bed).await;
        let lookers = join_all((0..6).map(|_| bed.call("GET", "sys/wrapping/lookup", &token, Value::Null)));
        let tries = join_all((0..6).map(|_| unwrap(&bed, &token, Value::Null)));
        let (_, answers) = join(lookers, tries).await;
        assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "seed {seed}");
    }
}

#[tokio::test]
async fn an_answer_moves_whole_or_not_at_all() {
    for seed in SEEDS {
        let bed = Bed::new(seed).await;
        let token = wrapped(&bed).await;
        let tries = (0..8).map(|n| {
            let path = if n % 2 == 1 { "sys/wrapping/unwrap" } else { "sys/wrapping/rewrap" };
            bed.call("POST", path, ROOT, json!({"token": token}))
        });
        let answers = join_all(tries).await;
        let got: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
        assert_eq!(got.len(), 1, "seed {seed}");
        if let Some(next) = got[0]["wrap_info"]["token"].as_str() {
            assert_eq!(got[0]["wrap_info"]["creation_path"], "sys/wrapping/wrap");
            let (status, answer) = unwrap(&bed, ROOT, json!({"token": next})).await;
            assert_eq!((status, &answer["data"]), (200, &json!({"a": 1})));
        }
    }
}

#[tokio::test]
async fn old_clients_read_the_answer_as_a_document_of_the_token() {
    let bed = Bed::new(1).await;
    let token = wrapped(&bed).await;
    let (status, answer) = bed.call("GET", "cubbyhole/response", &token, Value::Null).await;
    let inner: Value = serde_json::from_str(answer["data"]["response"].as_str().unwrap()).unwrap();
    assert_eq!((status, &inner["data"]), (200, &json!({"a": 1})));
    assert_eq!(unwrap(&bed, &token, Value::Null).await.0, 400);
    gone(&bed, &token).await;
}

#[tokio::test]
async fn a_wrapping_token_is_good_for_nothing_else() {
    let bed = Bed::new(2).await;
    for (verb, path) in [("POST", "auth/token/create"), ("GET", "cubbyhole/other"), ("POST", "sys/wrapping/rewrap")] {
        let token = wrapped(&bed).await;
        assert_eq!(bed.call(verb, path, &token, Value::Null).await.0, 403, "{path}");
        assert_eq!(unwrap(&bed, &token, Value::Null).await.0, 400, "a refused request is a use too");
    }
}
