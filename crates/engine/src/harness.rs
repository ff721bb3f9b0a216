//! Runs an engine's routes without a kernel, for unit tests: a store in memory, a clock that stands still, chance from a seed.
//!
//! What the kernel adds (policies, tokens, audit, the envelope) is not here. What an engine relies on is: handlers commit or
//! abort, a conflict runs them again, a lease is stored before it is created and revoked if its creation fails.
#![expect(clippy::expect_used, reason = "only tests use this, and a panic is how a test fails")]
use crate::{
    Access, AuthMethod, Body, Caller, Cx, CxParts, Engine, Grant, Handler, Keyed, LeaseKind, LoginOutcome, Mount,
    MountConfig, Origin, Reply, Terms, Txn, View,
};
use kw_schema::{Found, Input, Op, Params, Verb};
use kw_store::{Clear, MemoryStore, Revision, StoreError, TxnCore};
use kw_types::{Clock, Fault, FaultKind, MountPath, Rng, Time, Ttl};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// One mount of one engine. Change the public fields to change who asks; `call` and its friends block the thread.
pub struct Harness<E> {
    engine: E,
    pub mount: Mount,
    /// Who asks; routes that are open to anybody are called without it.
    pub caller: Caller,
    pub remote: Option<IpAddr>,
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
    store: MemoryStore,
    clock: ManualClock,
    rng: SeededRng,
    conflict: AtomicBool,
    runtime: tokio::runtime::Runtime,
    issued: Vec<Issued>,
}

/// A lease as the kernel would have stored it.
#[derive(Clone, Debug)]
pub struct Issued {
    pub kind: &'static str,
    /// What [`crate::Lease::revoke`] is given.
    pub data: Box<RawValue>,
    pub terms: Terms,
}

impl<E: Engine> Harness<E> {
    /// A mount without options at `{kind}/`; the clock stands at 2026-01-01T00:00:00Z, the caller is a root token.
    pub fn new(engine: E) -> Self {
        let kind = engine.kind().to_owned();
        let mount = Mount {
            path: MountPath::parse(&kind).expect("a kind is a good mount path"),
            kind,
            description: String::new(),
            uuid: "00000000-0000-4000-8000-000000000001".to_owned(),
            accessor: "harness_00000001".to_owned(),
            options: BTreeMap::new(),
            config: MountConfig::default(),
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            auth: false,
            tainted: false,
        };
        let caller = Caller {
            token_ident: "token1".to_owned(),
            accessor: "accessor1".to_owned(),
            display_name: "root".to_owned(),
            policies: vec!["root".to_owned()],
            is_root: true,
            ..Caller::default()
        };
        Self {
            engine,
            mount,
            caller,
            remote: Some(IpAddr::from([127, 0, 0, 1])),
            default_ttl: Ttl::from_hours(768),
            max_ttl: Ttl::from_hours(768),
            store: MemoryStore::new(),
            clock: ManualClock(AtomicI64::new(Time::from_seconds(1_767_225_600).nanos())),
            rng: SeededRng(AtomicU64::new(1)),
            conflict: AtomicBool::new(false),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for tests"),
            issued: Vec::new(),
        }
    }

    /// Sets options of the mount and lets the engine check them, as `sys/mounts` does. Errors: those of [`Engine::check`].
    pub fn set_options(&mut self, options: &[(&str, &str)]) -> Result<(), Fault> {
        self.mount.options.extend(options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        self.engine.check(&mut self.mount)
    }

    pub fn engine(&self) -> &E {
        &self.engine
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Ttl) {
        self.clock.0.store(self.clock.now().plus(by).nanos(), Ordering::SeqCst);
    }

    /// The next write finds a conflict at its commit, once: its handler must do the same again.
    pub fn conflict_once(&self) {
        self.conflict.store(true, Ordering::SeqCst);
    }

    /// Finds the route of a path (relative to the mount; `?name=value` may follow), runs it, commits, and creates a planned
    /// lease: its secret is then the reply's data. `body` is the JSON of the request; `Value::Null` sends none.
    ///
    /// Errors: the handler's; 404 "unsupported path" and 405 where the kernel would say so; 500 for a broken route.
    pub fn call(&mut self, verb: Verb, path: &str, body: Value) -> Result<Reply, Fault> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call_text(verb, path, &body)
    }

    /// The same with the body as it is, for what `Value` cannot say: digits, order, broken JSON.
    pub fn call_text(&mut self, verb: Verb, path: &str, body: &str) -> Result<Reply, Fault> {
        let (reply, issued) = self.runtime.block_on(self.run(verb, path, body))?;
        self.issued.extend(issued);
        Ok(reply)
    }

    /// The `data` of a read; null where the answer has none.
    pub fn read(&mut self, path: &str) -> Result<Value, Fault> {
        self.call(Verb::Read, path, Value::Null).and_then(|r| data_of(&r))
    }

    /// The `keys` of a listing.
    pub fn list(&mut self, path: &str) -> Result<Value, Fault> {
        self.call(Verb::List, path, Value::Null).and_then(|r| Ok(data_of(&r)?["keys"].take()))
    }

    /// The `data` of a write.
    pub fn write(&mut self, path: &str, body: Value) -> Result<Value, Fault> {
        self.call(Verb::Write, path, body).and_then(|r| data_of(&r))
    }

    /// The `data` of a patch.
    pub fn patch(&mut self, path: &str, body: Value) -> Result<Value, Fault> {
        self.call(Verb::Patch, path, body).and_then(|r| data_of(&r))
    }

    /// The `data` of a delete.
    pub fn delete(&mut self, path: &str) -> Result<Value, Fault> {
        self.call(Verb::Delete, path, Value::Null).and_then(|r| data_of(&r))
    }

    /// The token that a login grants. Errors: also the fault of wrong credentials.
    pub fn login(&mut self, path: &str, body: Value) -> Result<Grant, Fault> {
        match self.call(Verb::Write, path, body)?.body {
            Body::Login(login) => match login.outcome {
                LoginOutcome::Granted(grant) => Ok(*grant),
                LoginOutcome::Wrong { fault, .. } => Err(fault),
            },
            _ => Err(Fault::internal("the route did not log in")),
        }
    }

    /// Whether the route of a write finds what it names, which decides between `create` and `update`; true without a check.
    pub fn exists(&self, verb: Verb, path: &str) -> Result<bool, Fault> {
        let routes = self.engine.routes(&self.mount);
        let Found::Op { op, captures, .. } = routes.table().find(path, verb) else { return Err(Fault::unsupported()) };
        let Handler::Write { exists: Some(exists), .. } = &op.handler else { return Ok(true) };
        let (prefix, full) = (self.prefix(), format!("{}{path}", self.mount.path));
        let input = Input { captures, params: Params::default() };
        self.runtime.block_on(exists(&self.cx(&full, op.access), View::new(&self.store, &Clear, &prefix), &input))
    }

    /// The leases issued so far, oldest first.
    pub fn issued(&self) -> &[Issued] {
        &self.issued
    }

    /// Renews a lease as the kernel does, and gives the terms that the engine took.
    pub fn renew(&self, lease: &Issued, asked: Terms) -> Result<Terms, Fault> {
        let kind = self.lease_kind(lease)?;
        self.in_txn(async |cx, txn| (kind.renew)(cx, txn, &lease.data, asked).await)
    }

    /// Revokes a lease as the kernel does. It may be called again for the same lease.
    pub fn revoke(&self, lease: &Issued) -> Result<(), Fault> {
        let kind = self.lease_kind(lease)?;
        self.in_txn(async |cx, txn| (kind.revoke)(cx, txn, &lease.data).await)
    }

    /// The names of all rows of the mount (of all tokens, where they are per token).
    pub fn row_names(&self) -> Result<Vec<String>, Fault> {
        let prefix = self.mount.rows_prefix();
        self.runtime.block_on(async { View::new(&self.store, &Clear, &prefix).names("", crate::Page::default()).await })
    }

    async fn run(&self, verb: Verb, path: &str, body: &str) -> Result<(Reply, Option<Issued>), Fault> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (op, captures) = match self.engine.routes(&self.mount).table().find(path, verb) {
            Found::Op { op, captures, .. } => (op, captures),
            Found::Path(_) => return Err(Fault::unsupported()),
            Found::Nothing => return Err(Fault::new(FaultKind::NotFound, "unsupported path")),
        };
        let mut params = Params::from_json(body.as_bytes())?;
        params.add_pairs(query)?;
        let input = Input { captures, params };
        let full = format!("{}{path}", self.mount.path);
        let cx = self.cx(&full, op.access);
        let reply = self.handle(&cx, op, &input).await?;
        let Body::Lease(planned) = reply.body else { return Ok((reply, None)) };
        let issued = Issued { kind: planned.kind(), data: planned.data()?, terms: planned.terms() };
        let prefix = self.prefix();
        match planned.create(&cx, View::new(&self.store, &Clear, &prefix)).await {
            Ok(secret) => Ok((Reply { body: Body::Data(secret.into()), ..reply }, Some(issued))),
            Err(fault) => {
                let kind = self.lease_kind(&issued)?;
                let core = TxnCore::new(&self.store, &Clear);
                (kind.revoke)(&cx, core.scoped(&prefix), &issued.data).await?;
                core.commit().await?;
                Err(fault)
            }
        }
    }

    async fn handle<'a>(&'a self, cx: &'a Cx<'a>, op: &Op<Handler>, input: &'a Input<'a>) -> Result<Reply, Fault> {
        let prefix = self.prefix();
        let run = match &op.handler {
            Handler::Read(run) => return run(cx, View::new(&self.store, &Clear, &prefix), input).await,
            Handler::Write { run, .. } => run,
        };
        for _ in 0..10 {
            let core = TxnCore::new(&self.store, &Clear);
            let reply = run(cx, core.scoped(&prefix), input).await?;
            match self.commit(core).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(|_| reply).map_err(Fault::from),
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn in_txn<T>(&self, run: impl AsyncFn(&Cx<'_>, Txn<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let (prefix, path) = (self.prefix(), self.mount.path.to_string());
        self.runtime.block_on(async {
            let core = TxnCore::new(&self.store, &Clear);
            let out = run(&self.cx(&path, Access::Open), core.scoped(&prefix)).await?;
            self.commit(core).await?;
            Ok(out)
        })
    }

    async fn commit(&self, core: TxnCore<'_>) -> Result<Revision, StoreError> {
        if self.conflict.swap(false, Ordering::SeqCst) { Err(StoreError::Conflict) } else { core.commit().await }
    }

    fn cx<'a>(&'a self, path: &'a str, access: Access) -> Cx<'a> {
        Cx::from(CxParts {
            clock: &self.clock,
            rng: &self.rng,
            keyed: &Mixed,
            mount: &self.mount,
            caller: (access != Access::Open).then_some(&self.caller),
            remote: self.remote,
            path,
            default_ttl: self.mount.config.default_lease_ttl.or(self.default_ttl),
            max_ttl: self.mount.config.max_lease_ttl.or(self.max_ttl),
        })
    }

    fn prefix(&self) -> String {
        let rows = self.mount.rows_prefix();
        if self.engine.per_token() { format!("{rows}{}/", self.caller.token_ident) } else { rows }
    }

    fn lease_kind(&self, lease: &Issued) -> Result<LeaseKind, Fault> {
        let kinds = self.engine.leases();
        let found = kinds.into_iter().find(|k| k.name == lease.kind);
        found.ok_or_else(|| Fault::internal(format_args!("Engine::leases lacks the kind {:?}", lease.kind)))
    }
}

impl<E: AuthMethod> Harness<E> {
    /// Asks the method whether a token with this origin may be renewed.
    pub fn renew_login(&self, origin: &Origin) -> Result<(Ttl, Ttl, Ttl), Fault> {
        let (prefix, path) = (self.prefix(), self.mount.path.to_string());
        let cx = self.cx(&path, Access::Open);
        self.runtime.block_on(self.engine.renew(&cx, View::new(&self.store, &Clear, &prefix), origin))
    }

    /// What the token of this grant would remember.
    pub fn origin(grant: &Grant) -> Origin {
        Origin { internal: grant.internal.clone(), policies: grant.policies.clone(), metadata: grant.metadata.clone() }
    }
}

/// The `data` of a reply; null where it has none. Errors: 500 for a login or an answer that is not JSON.
pub fn data_of(reply: &Reply) -> Result<Value, Fault> {
    match &reply.body {
        Body::Empty => Ok(Value::Null),
        Body::Data(raw) => serde_json::from_str(raw.get()).map_err(Fault::internal),
        Body::Bare { bytes, .. } => serde_json::from_slice(bytes).map_err(Fault::internal),
        Body::Login(_) | Body::Lease(_) => Err(Fault::internal("the answer is no data")),
    }
}

/// Time that passes only when a test says so.
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// The same bytes in every run (SplitMix64). Not for anything but tests.
struct SeededRng(AtomicU64);

impl Rng for SeededRng {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            for (slot, byte) in chunk.iter_mut().zip(mixed(state).to_le_bytes()) {
                *slot = byte;
            }
        }
    }
}

/// Stands for the keyed hashes: different for different input, and nothing more.
struct Mixed;

impl Keyed for Mixed {
    fn mac(&self, purpose: &str, data: &[u8]) -> Result<[u8; 32], Fault> {
        let mut state = 0_u64;
        for byte in purpose.bytes().chain([0]).chain(data.iter().copied()) {
            state = mixed(state ^ u64::from(byte));
        }
        let mut out = [0; 32];
        SeededRng(AtomicU64::new(state)).fill(&mut out);
        Ok(out)
    }
}

fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
