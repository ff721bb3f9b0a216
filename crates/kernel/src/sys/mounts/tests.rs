use super::change::change;
use crate::departures::Departure;
use crate::rows::{DEPARTURES, LEASES, MOUNTS, TOKENS};
use crate::{Kernel, KernelParts, Method, Presented, Received, Registry, Settings, jobs};
use kw_barrier::SystemRng;
use kw_engine::{
    AuthMethod, Cx, Data, Engine, Grant, Lease, LeaseKind, Leased, Login, Mount, Nothing, Origin, Page, RenewFuture,
    Response, Routes, Terms, Txn, View,
};
use kw_store::{MemoryStore, StoreError};
use kw_types::{Clock, Fault, Time, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An engine whose credentials are rows of its own, and cannot be taken back while there is a row `broken`.
struct Lender(Routes);

#[derive(Serialize, Deserialize)]
struct Loan {}

#[derive(Serialize, Response)]
struct Lent {
    #[field(kind = "Bool")]
    lent: bool,
}

impl Lease for Loan {
    const KIND: &'static str = "loan";
    type Secret = Lent;
    async fn create(&self, _: &Cx<'_>, _: View<'_>) -> Result<Lent, Fault> {
        Ok(Lent { lent: true })
    }
    async fn renew(&self, _: &Cx<'_>, _: Txn<'_>, asked: Terms) -> Result<Terms, Fault> {
        Ok(asked)
    }
    async fn revoke(&self, _: &Cx<'_>, txn: Txn<'_>) -> Result<(), Fault> {
        if txn.view().exists("broken").await? { Err(Fault::unavailable("broken")) } else { Ok(()) }
    }
}

async fn lend(cx: &Cx<'_>, _: Txn<'_>, _: Nothing) -> Result<Leased<Loan>, Fault> {
    Ok(cx.issue(Loan {}, Terms::default()))
}

async fn break_it(_: &Cx<'_>, txn: Txn<'_>, _: Nothing) -> Result<(), Fault> {
    txn.put_bytes("broken", "yes");
    Ok(())
}

async fn is_broken(_: &Cx<'_>, view: View<'_>, _: Nothing) -> Result<Data<Lent>, Fault> {
    Ok(Data(Lent { lent: view.exists("broken").await? }))
}

impl Engine for Lender {
    fn kind(&self) -> &'static str {
        "lender"
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
    fn leases(&self) -> Vec<LeaseKind> {
        vec![LeaseKind::of::<Loan>()]
    }
    fn other_names(&self) -> &'static [&'static str] {
        &["lender-v2"]
    }
    fn check(&self, mount: &mut Mount) -> Result<(), Fault> {
        if mount.kind == "lender-v2" {
            mount.kind = self.kind().to_owned();
        }
        Ok(())
    }
}

/// A method that lets everybody in.
struct Door(Routes);

impl Engine for Door {
    fn kind(&self) -> &'static str {
        "door"
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

impl AuthMethod for Door {
    fn renew<'a>(&'a self, _: &'a Cx<'a>, _: View<'a>, _: &'a Origin) -> RenewFuture<'a> {
        Box::pin(async { Ok((Ttl::ZERO, Ttl::ZERO, Ttl::ZERO)) })
    }
}

async fn enter(_: &Cx<'_>, _: Txn<'_>, _: Nothing) -> Result<Login, Fault> {
    Ok(Login::granted(Grant::default()))
}

#[derive(Default)]
struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Time {
        Time::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

struct Running {
    kernel: Kernel,
    clock: Arc<StandingClock>,
    root: String,
}

async fn running() -> Running {
    let lender = Lender(Routes::new().at("loan").write(lend).at("break").write(break_it).at("broken").read(is_broken));
    let clock = Arc::new(StandingClock(AtomicI64::new(1_800_000_000)));
    let kernel = Kernel::new(KernelParts {
        store: Arc::new(MemoryStore::new()),
        clock: clock.clone(),
        rng: Arc::new(SystemRng),
        registry: Registry::new(vec![Box::new(lender)], vec![Box::new(Door(Routes::new().at("login").login(enter)))]),
        settings: Settings {
            version: String::new(),
            api_version: String::new(),
            build_date: String::new(),
            cluster_name: String::new(),
            api_addr: String::new(),
            cluster_addr: String::new(),
            default_lease_ttl: Ttl::from_hours(1),
            max_lease_ttl: Ttl::from_hours(768),
            raw_storage: false,
            audit_by_api: true,
            audit_devices: Vec::new(),
            lockouts: Default::default(),
            sanitized: Value::Null,
            log_level: String::new(),
        },
    });
    let keys = kernel.start_dev(&[], None).await.unwrap();
    Running { kernel, clock, root: keys.root_token.expose().clone() }
}

impl Running {
    async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
        let received = Received {
            method,
            raw_path: path,
            body: if body.is_null() { bytes::Bytes::new() } else { body.to_string().into() },
            token: (!token.is_empty()).then(|| Presented::new(token)),
            ..Received::default()
        };
        let answer = self.kernel.handle(&received).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::Post, path, &self.root, body).await
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.call(Method::Get, path, token, Value::Null).await
    }

    async fn delete(&self, path: &str) -> u16 {
        self.call(Method::Delete, path, &self.root, Value::Null).await.0
    }

    async fn rows(&self, prefix: &str) -> usize {
        self.kernel.view(prefix).names("", Page::default()).await.unwrap().len()
    }

    async fn mount(&self, path: &str) -> Arc<crate::mounts::Mounted> {
        self.kernel.mounts.current(&self.kernel).await.unwrap().exact(path).unwrap().clone()
    }

    /// Deletes the row `broken`, also of a mount that serves nothing any more.
    async fn mend(&self, mount: &Mount) {
        let core = self.kernel.txn();
        core.scoped(&mount.rows_prefix()).delete("broken");
        core.commit().await.unwrap();
    }

    /// Lets time pass, and the jobs do what is due.
    async fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
        jobs::round(&self.kernel).await.unwrap();
    }
}

#[tokio::test]
async fn of_two_mounts_that_overlap_only_the_first_is_made() {
    let running = running().await;
    let tries = Cell::new(0);
    let inner = running.mount("cubbyhole").await;
    let made = change(&running.kernel, async |txn, table| {
        tries.set(tries.get() + 1);
        if table.overlap("a/b/").is_some() {
            return Err(Fault::bad_request("in use"));
        }
        if tries.get() == 1 {
            assert_eq!(running.post("sys/mounts/a", json!({"type": "lender"})).await.0, 204);
        }
        txn.rescoped(MOUNTS).put("a/b/", &**inner)
    });
    assert_eq!(made.await.unwrap_err().kind().status(), 400);
    assert_eq!(tries.get(), 2);
    assert!(running.kernel.mounts.current(&running.kernel).await.unwrap().exact("a/b").is_none());
}

#[tokio::test]
async fn a_disabled_engine_takes_its_credentials_back_and_leaves_nothing() {
    let running = running().await;
    running.post("sys/mounts/lent", json!({"type": "lender-v2"})).await;
    let prefix = running.mount("lent").await.rows_prefix();
    assert_eq!(running.mount("lent").await.kind, "lender");
    running.post("lent/loan", Value::Null).await;
    assert_eq!(running.rows("lease/lent/").await, 1);
    assert_eq!(running.delete("sys/mounts/lent").await, 204);
    assert_eq!(running.rows("lease/lent/").await + running.rows(DEPARTURES).await + running.rows(&prefix).await, 0);
    assert_eq!(running.post("lent/loan", Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_taken_back_keeps_its_engine_but_not_the_path() {
    let running = running().await;
    running.post("sys/mounts/lent", json!({"type": "lender"})).await;
    let old = running.mount("lent").await;
    for path in ["lent/loan", "lent/loan", "lent/break"] {
        running.post(path, Value::Null).await;
    }
    assert_eq!(running.delete("sys/mounts/lent").await, 204);
    assert_eq!(running.post("lent/loan", Value::Null).await.0, 404);
    assert_eq!((running.rows("lease/lent/").await, running.rows(DEPARTURES).await), (2, 1));

    // Another engine takes the path; the old one's end is none of its business.
    assert_eq!(running.post("sys/mounts/lent", json!({"type": "lender"})).await.0, 204);
    assert_eq!(running.get("lent/broken", &running.root).await.1["data"]["lent"], false);
    let (_, mine) = running.post("lent/loan", Value::Null).await;
    running.later(30).await;
    assert_eq!((running.rows("lease/lent/").await, running.rows(&old.rows_prefix()).await), (3, 1));

    running.mend(&old).await;
    running.later(60).await;
    running.later(60).await;
    assert_eq!((running.rows("lease/lent/").await, running.rows(DEPARTURES).await), (1, 0));
    let kept = running.kernel.view(LEASES).exists(mine["lease_id"].as_str().unwrap()).await.unwrap();
    assert!(kept, "the lease of the new engine lives on");
}

#[tokio::test]
async fn a_disabled_method_ends_its_tokens() {
    let running = running().await;
    running.post("sys/auth/front", json!({"type": "door"})).await;
    let (_, first) = running.call(Method::Post, "auth/front/login", "", Value::Null).await;
    let token = first["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!(running.get("auth/token/lookup-self", &token).await.0, 200);
    assert_eq!(running.delete("sys/auth/front").await, 204);
    assert_eq!(running.get("auth/token/lookup-self", &token).await.0, 403);
    assert_eq!(running.rows(TOKENS).await, 1, "the root token alone is left");
}

#[tokio::test]
async fn batch_tokens_end_with_their_method_though_they_are_no_rows() {
    let running = running().await;
    running.post("sys/auth/front", json!({"type": "door", "config": {"token_type": "batch"}})).await;
    let (_, first) = running.call(Method::Post, "auth/front/login", "", Value::Null).await;
    let token = first["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!(running.get("auth/token/lookup-self", &token).await.0, 200);
    running.delete("sys/auth/front").await;
    assert_eq!(running.get("auth/token/lookup-self", &token).await.0, 403);
}

#[tokio::test]
async fn a_departure_that_was_cut_off_is_finished_by_the_jobs() {
    let running = departed(Ttl::from_seconds(10)).await;
    running.later(1).await;
    assert_eq!(running.rows(TOKENS).await, 2, "the request is given time to do it itself");
    running.later(10).await;
    assert_eq!((running.rows(TOKENS).await, running.rows(DEPARTURES).await), (1, 0));
}

#[tokio::test]
async fn a_departure_of_a_clock_that_was_ahead_does_not_wait_for_that() {
    let running = departed(Ttl::from_hours(24)).await;
    running.later(1).await;
    assert_eq!((running.rows(TOKENS).await, running.rows(DEPARTURES).await), (1, 0));
}

/// A mount with one login has gone, and nothing more was done; that is left to whoever looks after so long.
async fn departed(wait: Ttl) -> Running {
    let running = running().await;
    running.post("sys/auth/front", json!({"type": "door"})).await;
    running.call(Method::Post, "auth/front/login", "", Value::Null).await;
    let mount = running.mount("auth/front").await;
    let next = running.kernel.now().plus(wait);
    let departure = Departure { id: mount.uuid.clone(), mount: Mount::clone(&mount), target: None, next };
    let cut_off = change(&running.kernel, async |txn, _| {
        txn.rescoped(MOUNTS).delete(mount.path.as_str());
        txn.rescoped(DEPARTURES).put(&departure.id, &departure)
    });
    cut_off.await.unwrap();
    running
}

#[tokio::test]
async fn nothing_is_given_out_by_a_mount_that_goes_at_the_same_moment() {
    let running = running().await;
    running.post("sys/mounts/lent", json!({"type": "lender"})).await;
    let mount = running.mount("lent").await;
    let core = running.kernel.txn();
    crate::mounts::hold(core.scoped(""), &mount).await.unwrap();
    core.scoped("").put_bytes("given out", "x");
    running.delete("sys/mounts/lent").await;
    assert_eq!(core.commit().await.unwrap_err(), StoreError::Conflict);
    let core = running.kernel.txn();
    running.post("sys/mounts/lent", json!({"type": "lender"})).await;
    assert_eq!(crate::mounts::hold(core.scoped(""), &mount).await.unwrap_err().kind().status(), 404);
}

#[tokio::test]
async fn a_moved_mount_keeps_its_rows_and_loses_its_leases() {
    let running = running().await;
    running.post("sys/mounts/lent", json!({"type": "lender"})).await;
    let accessor = running.mount("lent").await.accessor.clone();
    running.post("lent/loan", Value::Null).await;
    running.post("lent/break", Value::Null).await;
    let (status, answer) = running.post("sys/remount", json!({"from": "lent", "to": "deep/er"})).await;
    assert_eq!(status, 200);
    let id = answer["migration_id"].as_str().unwrap();
    assert_eq!(running.get("deep/er/broken", &running.root).await.1["data"]["lent"], true);
    assert_eq!(running.get("lent/broken", &running.root).await.0, 404);
    assert_eq!(running.mount("deep/er").await.accessor, accessor);
    let state = async |path: &str| running.get(path, &running.root).await.1["data"]["migration_info"].clone();
    let path = format!("sys/remount/status/{id}");
    assert_eq!(state(&path).await["status"], "in-progress");
    running.mend(running.mount("deep/er").await.as_ref()).await;
    running.later(30).await;
    running.later(30).await;
    assert_eq!(running.rows("lease/lent/").await, 0);
    let done = json!({"source_mount": "lent/", "target_mount": "deep/er/", "status": "success"});
    assert_eq!(state(&path).await, done);
}

#[tokio::test]
async fn callers_see_only_mounts_that_they_can_use() {
    let running = running().await;
    for (path, visibility) in [("lent", ""), ("other", ""), ("open", "unauth")] {
        let body = json!({"type": "lender", "config": {"listing_visibility": visibility}});
        running.post(&format!("sys/mounts/{path}"), body).await;
    }
    running.post("sys/policies/acl/p", json!({"policy": "path \"lent/loan\" { capabilities = [\"update\"] }"})).await;
    let (_, made) = running.post("auth/token/create", json!({"policies": ["p"], "no_default_policy": true})).await;
    let token = made["auth"]["client_token"].as_str().unwrap();
    let seen = async |token: &str| {
        let (_, answer) = running.get("sys/internal/ui/mounts", token).await;
        answer["data"]["secret"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(seen("").await, ["open/"]);
    assert_eq!(seen(token).await, ["lent/", "open/"]);
    assert_eq!(seen(&running.root).await.len(), 6);
    assert_eq!(running.get("sys/internal/ui/mounts", "s.wrong").await.0, 403);
    let (status, answer) = running.get("sys/internal/ui/mounts/lent/any/thing", token).await;
    assert_eq!((status, &answer["data"]["path"]), (200, &json!("lent/")));
    let refused = running.get("sys/internal/ui/mounts/other/thing", token).await;
    assert_eq!(refused.0, 403);
    let absent = running.get("sys/internal/ui/mounts/none/thing", token).await;
    assert_eq!(absent, refused, "who may not see a mount cannot find out whether it is there");
}

#[tokio::test]
async fn a_capability_of_a_path_that_an_answer_has_for_itself_stands_in_its_data_alone() {
    let running = running().await;
    let (status, answer) = running.post("sys/capabilities-self", json!({"paths": ["auth", "lent/x"]})).await;
    assert_eq!((status, &answer["auth"], &answer["data"]["auth"]), (200, &Value::Null, &json!(["root"])));
}

#[tokio::test]
async fn versions_of_options_only_grow() {
    let running = running().await;
    running.post("sys/mounts/lent", json!({"type": "lender", "options": {"version": "2", "x": "1"}})).await;
    for (version, status) in [("1", 400), ("", 400), ("two", 400), ("2", 204), ("3", 204)] {
        let tuned = running.post("sys/mounts/lent/tune", json!({"options": {"version": version, "x": ""}})).await;
        assert_eq!(tuned.0, status, "{version:?}");
    }
    assert_eq!(running.mount("lent").await.options, [("version".to_owned(), "3".to_owned())].into());
}
