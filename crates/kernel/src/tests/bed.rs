//! A whole kernel for tests: on a store that lets others go first at every step, with a clock that tests move.
use crate::{Kernel, KernelParts, Method, Presented, Received, Registry, Settings};
use futures_util::future::BoxFuture;
use kw_barrier::SystemRng;
use kw_engine::{Cx, Engine, Lease, LeaseKind, Leased, Mount, Nothing, Request, Response, Routes, Terms, Txn, View};
use kw_store::{Batch, Key, Layer, MemoryStore, Revision, Row, Store, StoreError};
use kw_types::{Clock, Fault, SystemClock, Time, Ttl};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::Semaphore;

pub(crate) struct Bed {
    pub kernel: Kernel,
    pub clock: Arc<ManualClock>,
    pub desk: Arc<Desk>,
    pub store: Arc<MemoryStore>,
    share: String,
}

/// The text of the root token.
pub(crate) const ROOT: &str = "root";

impl Bed {
    /// `seed` decides who goes first at each step.
    pub async fn new(seed: u64) -> Self {
        Self::with(seed, Vec::new()).await
    }

    /// The same with further engines.
    pub async fn with(seed: u64, engines: Vec<Box<dyn Engine>>) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::found(store.clone(), Arc::new(Jumbled { inner: store, state: AtomicU64::new(seed) }), engines).await
    }

    /// On a store that answers at once, as the embedded one does.
    pub async fn at_hand() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::found(store.clone(), store, Vec::new()).await
    }

    /// On a store that is reached in a way of the test's own.
    pub async fn on(store: Arc<MemoryStore>, seen: Arc<dyn Store>) -> Self {
        Self::found(store, seen, Vec::new()).await
    }

    async fn found(store: Arc<MemoryStore>, seen: Arc<dyn Store>, engines: Vec<Box<dyn Engine>>) -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(SystemClock.now().nanos())));
        let desk = Arc::new(Desk::default());
        let kernel = kernel(seen, clock.clone(), desk.clone(), engines);
        let lender = crate::FirstMount { path: "lender/", kind: "lender", description: "", options: &[] };
        let keys = kernel.start_dev(&[lender], Some(ROOT.to_owned())).await.unwrap();
        Self { kernel, clock, desk, store, share: keys.unseal_key.expose().clone() }
    }

    /// Another node on the same store, with the same clock.
    pub async fn beside(&self, seed: u64) -> Self {
        self.beside_on(Arc::new(Jumbled { inner: self.store.clone(), state: AtomicU64::new(seed) })).await
    }

    /// The same, in a way of the test's own.
    pub async fn beside_on(&self, seen: Arc<dyn Store>) -> Self {
        let kernel = kernel(seen, self.clock.clone(), self.desk.clone(), Vec::new());
        assert!(kernel.unseal_with_share(&self.share).await.unwrap());
        let (clock, desk, store, share) =
            (self.clock.clone(), self.desk.clone(), self.store.clone(), self.share.clone());
        Self { kernel, clock, desk, store, share }
    }

    /// One request. `verb` is `GET`, `POST` ...; a body that is null is none. Gives the status and the body.
    pub async fn call(&self, verb: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        self.send(verb, path, token, body, None).await
    }

    /// The same with `X-Vault-Wrap-TTL`.
    pub async fn send(&self, verb: &str, path: &str, token: &str, body: Value, wrap: Option<&str>) -> (u16, Value) {
        let method = match verb {
            "GET" => Method::Get,
            "LIST" => Method::List,
            "DELETE" => Method::Delete,
            _ => Method::Post,
        };
        let answer = self
            .kernel
            .handle(&Received {
                method,
                raw_path: path,
                content_type: "application/json",
                body: if body.is_null() { bytes::Bytes::new() } else { body.to_string().into() },
                token: (!token.is_empty()).then(|| Presented::new(token)),
                wrap_ttl: wrap,
                ..Received::default()
            })
            .await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// A new token's text; `by` makes it. Panics where that is refused.
    pub async fn token(&self, by: &str, body: Value) -> String {
        let (status, answer) = self.call("POST", "auth/token/create", by, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Whether a token may look at itself.
    pub async fn lives(&self, token: &str) -> bool {
        self.call("GET", "auth/token/lookup-self", token, Value::Null).await.0 == 200
    }

    /// How many commits the store has seen.
    pub fn revision(&self) -> u64 {
        self.store.revision().0
    }

    pub fn turn_back(&self, seconds: i64) {
        self.turn_back_millis(seconds * 1000);
    }

    pub fn turn_back_millis(&self, millis: i64) {
        self.clock.0.fetch_sub(millis * 1_000_000, Ordering::SeqCst);
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.0.store(self.kernel.now().plus(Ttl::from_seconds(seconds)).nanos(), Ordering::SeqCst);
    }
}

fn kernel(store: Arc<dyn Store>, clock: Arc<ManualClock>, desk: Arc<Desk>, further: Vec<Box<dyn Engine>>) -> Kernel {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Drawers::new()), Box::new(Lender::new(desk))];
    engines.extend(further);
    Kernel::new(KernelParts {
        store,
        clock,
        rng: Arc::new(SystemRng),
        registry: Registry::new(engines, Vec::new()),
        settings: settings(),
    })
}

/// The identifier in a token's text.
pub(crate) fn ident(token: &str) -> &str {
    &token[2..18]
}

fn settings() -> Settings {
    Settings {
        version: String::new(),
        api_version: String::new(),
        build_date: String::new(),
        cluster_name: String::new(),
        api_addr: String::new(),
        cluster_addr: String::new(),
        default_lease_ttl: Ttl::from_hours(768),
        max_lease_ttl: Ttl::from_hours(768),
        raw_storage: false,
        audit_by_api: true,
        audit_devices: Vec::new(),
        lockouts: Default::default(),
        sanitized: Value::Null,
        log_level: String::new(),
    }
}

pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// A store in memory whose every step lets other tasks run, more or less of them.
struct Jumbled {
    inner: Arc<MemoryStore>,
    state: AtomicU64,
}

impl Jumbled {
    async fn wait(&self) {
        let state = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // Mostly a few turns; now and then so many that others finish whole requests meanwhile.
        let turns = if mixed & 7 == 0 { 60 } else { mixed >> 62 };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

impl Layer for Jumbled {
    fn inner(&self) -> &dyn Store {
        self.inner.as_ref()
    }
    fn peek(&self, _: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        None
    }
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.get(key).await
        })
    }
    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.keys(start, end, limit).await
        })
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async move {
            self.wait().await;
            let done = self.inner.commit(batch).await;
            self.wait().await;
            done
        })
    }
}

/// Documents of each token, as the engine for that keeps them.
struct Drawers(Routes);

#[derive(Request)]
struct At {
    #[capture]
    path: String,
}

impl Drawers {
    fn new() -> Self {
        let read = async |_: &Cx<'_>, view: View<'_>, at: At| {
            let found = view.get::<Value>(&at.path).await?;
            found.map(|document| kw_engine::Reply::data(&document)).transpose()
        };
        Self(Routes::new().at("{path...}").read(read))
    }
}

impl Engine for Drawers {
    fn kind(&self) -> &'static str {
        "cubbyhole"
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
    fn per_token(&self) -> bool {
        true
    }
}

/// The outside world of [`Lender`]: what is out, and how it behaves.
pub(crate) struct Desk {
    pub out: Mutex<Vec<u64>>,
    /// Each loan takes one place to be made.
    pub places: Semaphore,
    /// Nothing can be taken back.
    pub is_broken: std::sync::atomic::AtomicBool,
    /// What this mount has given out cannot be taken back, nor does it fail: it takes for ever.
    pub silent: Mutex<String>,
    /// How often something was brought back.
    pub brought: AtomicU64,
    count: AtomicU64,
}

impl Default for Desk {
    fn default() -> Self {
        let is_broken = std::sync::atomic::AtomicBool::new(false);
        let (brought, count) = (AtomicU64::new(0), AtomicU64::new(0));
        let places = Semaphore::new(Semaphore::MAX_PERMITS);
        Self { out: Mutex::default(), places, is_broken, silent: Mutex::default(), brought, count }
    }
}

/// Engines hold no state, so the desk is found by a number.
static DESKS: Mutex<Vec<Arc<Desk>>> = Mutex::new(Vec::new());

/// An engine that lends numbers out.
struct Lender(Routes);

#[derive(Serialize, Deserialize)]
struct Loan {
    desk: usize,
    number: u64,
}

#[derive(Serialize, Response)]
struct Lent {
    number: u64,
}

impl Loan {
    fn desk(&self) -> Arc<Desk> {
        DESKS.lock()[self.desk].clone()
    }
}

impl Lease for Loan {
    const KIND: &'static str = "loan";
    type Secret = Lent;
    async fn create(&self, _: &Cx<'_>, _: View<'_>) -> Result<Lent, Fault> {
        let desk = self.desk();
        desk.places.acquire().await.unwrap().forget();
        desk.out.lock().push(self.number);
        Ok(Lent { number: self.number })
    }
    async fn renew(&self, _: &Cx<'_>, _: Txn<'_>, asked: Terms) -> Result<Terms, Fault> {
        Ok(asked)
    }
    async fn revoke(&self, cx: &Cx<'_>, _: Txn<'_>) -> Result<(), Fault> {
        let desk = self.desk();
        let is_silent = *desk.silent.lock() == cx.mount().path.as_str();
        if is_silent {
            std::future::pending::<()>().await;
        }
        if desk.is_broken.load(Ordering::SeqCst) {
            return Err(Fault::unavailable("the desk is closed"));
        }
        desk.brought.fetch_add(1, Ordering::SeqCst);
        // A peer takes its time.
        tokio::task::yield_now().await;
        desk.out.lock().retain(|n| *n != self.number);
        Ok(())
    }
}

impl Lender {
    fn new(desk: Arc<Desk>) -> Self {
        let mut desks = DESKS.lock();
        let at = desks.len();
        desks.push(desk.clone());
        let lend = async move |cx: &Cx<'_>, _: Txn<'_>, _: Nothing| {
            let number = desk.count.fetch_add(1, Ordering::SeqCst);
            let terms = Terms { ttl: Ttl::from_seconds(600), max_ttl: Ttl::from_seconds(3600), renewable: true };
            Ok(cx.issue(Loan { desk: at, number }, terms)) as Result<Leased<Loan>, Fault>
        };
        Self(Routes::new().at("lend").write(lend))
    }
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
}
