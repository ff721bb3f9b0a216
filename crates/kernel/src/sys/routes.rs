//! Declaring routes of the system.
use super::Call;
use crate::answer::{AuthAnswer, Envelope, WrapAnswer};
use crate::kernel::Kernel;
use crate::received::EdgeRules;
use crate::run::{Outcome, Shape};
use futures_util::future::LocalBoxFuture;
use kw_engine::{Body, JsonText, Reply};
use kw_schema::{Access, Field, Input, Op, Request, RouteTable, Verb};
use kw_types::Fault;

type RunFn = Box<dyn for<'a> Fn(&'a Call<'a>) -> LocalBoxFuture<'a, Result<Outcome, Fault>> + Send + Sync>;
/// Given the presented token besides the input.
type CheckFn =
    Box<dyn for<'a> Fn(&'a Kernel, &'a str, &'a Input<'a>) -> LocalBoxFuture<'a, Result<(), Fault>> + Send + Sync>;
type ExistsFn = Box<dyn for<'a> Fn(&'a Kernel, &'a Input<'a>) -> LocalBoxFuture<'a, Result<bool, Fault>> + Send + Sync>;

/// What runs an operation of the system.
pub(crate) struct SysHandler {
    run: RunFn,
    exists: Option<ExistsFn>,
    check: Option<CheckFn>,
    open_while_sealed: bool,
    unaudited: bool,
    gate: Option<Gate>,
    bare: bool,
}

/// A group of routes whose access the listener may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Rekey,
    GenerateRoot,
    Metrics,
}

impl SysHandler {
    /// Who may call it through this listener.
    pub fn access(&self, declared: Access, edge: EdgeRules) -> Access {
        match self.gate {
            Some(Gate::Rekey) if edge.closes_rekey => Access::Sudo,
            Some(Gate::GenerateRoot) if edge.closes_generate_root => Access::Sudo,
            Some(Gate::Metrics) if edge.opens_metrics => Access::Open,
            _ => declared,
        }
    }

    pub async fn run(&self, call: &Call<'_>) -> Result<Outcome, Fault> {
        (self.run)(call).await
    }

    /// Whether what a write names is there; where nothing says so, it counts as there.
    pub async fn exists(&self, kernel: &Kernel, input: &Input<'_>) -> Result<bool, Fault> {
        match &self.exists {
            Some(exists) => exists(kernel, input).await,
            None => Ok(true),
        }
    }

    /// Refuses what cannot succeed whoever asks. Comes before the token is judged, and costs none of its uses.
    pub async fn check(&self, kernel: &Kernel, presented: &str, input: &Input<'_>) -> Result<(), Fault> {
        match &self.check {
            Some(check) => check(kernel, presented, input).await,
            None => Ok(()),
        }
    }

    /// Whether it answers before the barrier is open.
    pub fn is_open_while_sealed(&self) -> bool {
        self.open_while_sealed
    }

    /// Whether any other method on its path is 405 without a text, whoever asks.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Whether audit never hears of it.
    pub fn is_unaudited(&self) -> bool {
        self.unaudited
    }
}

/// What a system handler may return.
pub(crate) trait Answering {
    fn fields(out: &mut Vec<Field>);
    fn into_outcome(self) -> Result<Outcome, Fault>;
}

/// Whatever an engine may return, the system may too.
impl<O: kw_engine::Outcome> Answering for O {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }

    fn into_outcome(self) -> Result<Outcome, Fault> {
        of_reply(self.into_reply()?)
    }
}

fn of_reply(reply: Reply) -> Result<Outcome, Fault> {
    let envelope = |data| Envelope {
        data,
        warnings: reply.warnings.clone(),
        lease_duration: reply.lease_duration.seconds(),
        ..Envelope::default()
    };
    let shape = match reply.body {
        Body::Empty if reply.warnings.is_empty() && reply.status.is_none() => Shape::Empty,
        Body::Empty => Shape::Envelope(Box::new(envelope(None))),
        Body::Data(data) => Shape::Envelope(Box::new(envelope(Some(data)))),
        Body::Bare { content_type, bytes } => Shape::Bare { content_type, bytes },
        Body::Login(_) | Body::Lease(_) => return Err(Fault::internal("a system handler returned a login or a lease")),
    };
    Ok(Outcome { status: reply.status, ..Outcome::of(Envelope::default()) }.with_shape(shape))
}

/// `data` whose members stand at the top level of the answer too.
pub(crate) struct Flat<O>(pub O);

impl<O: kw_engine::Outcome> Answering for Flat<O> {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }

    fn into_outcome(self) -> Result<Outcome, Fault> {
        let mut outcome = self.0.into_outcome()?;
        if let Shape::Envelope(envelope) = &mut outcome.shape {
            envelope.is_flat = true;
        }
        Ok(outcome)
    }
}

/// A JSON body without any envelope, as health and the seal answer.
pub(crate) struct BareJson<T>(pub u16, pub T);

impl<T: serde::Serialize> Answering for BareJson<T> {
    fn fields(_: &mut Vec<Field>) {}

    fn into_outcome(self) -> Result<Outcome, Fault> {
        let bytes =
            serde_json::to_vec(&self.1).map_err(|e| Fault::internal(format_args!("answer: {:?}", e.classify())))?;
        let shape = Shape::Bare { content_type: "application/json", bytes };
        Ok(Outcome { status: Some(self.0), ..Outcome::of(Envelope::default()) }.with_shape(shape))
    }
}

/// An answer with `auth`: a token made or renewed.
pub(crate) struct Authed(pub AuthAnswer, pub Vec<String>);

impl Answering for Authed {
    fn fields(_: &mut Vec<Field>) {}

    fn into_outcome(self) -> Result<Outcome, Fault> {
        Ok(Outcome::of(Envelope { auth: Some(Box::new(self.0)), warnings: self.1, ..Envelope::default() }))
    }
}

/// An answer about a lease: its id and times, with or without data.
pub(crate) struct OfLease {
    pub id: String,
    pub renewable: bool,
    pub duration_seconds: u64,
    pub data: Option<JsonText>,
    pub warnings: Vec<String>,
}

impl Answering for OfLease {
    fn fields(_: &mut Vec<Field>) {}

    fn into_outcome(self) -> Result<Outcome, Fault> {
        let Self { id: lease_id, renewable, duration_seconds: lease_duration, data, warnings } = self;
        Ok(Outcome::of(Envelope { lease_id, renewable, lease_duration, data, warnings, ..Envelope::default() }))
    }
}

/// An answer with `wrap_info`.
pub(crate) struct Wrapped(pub WrapAnswer);

impl Answering for Wrapped {
    fn fields(_: &mut Vec<Field>) {}

    fn into_outcome(self) -> Result<Outcome, Fault> {
        Ok(Outcome::of(Envelope { wrap: Some(Box::new(self.0)), ..Envelope::default() }))
    }
}

impl Outcome {
    fn with_shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }
}

/// A table of the system's routes; built like `kw_engine::Routes`.
#[derive(Default)]
pub(crate) struct SysRoutes {
    table: RouteTable<SysHandler>,
    at: &'static str,
}

macro_rules! verbs {
    ($($name:ident => $verb:ident),*) => {$(
        pub fn $name<Q: Request + 'static, O: Answering + 'static, F>(self, run: F) -> Self
        where
            F: AsyncFn(&Call<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
        {
            self.add::<Q, O, F>(Verb::$verb, run)
        }
    )*};
}

impl SysRoutes {
    /// The operations that follow are on this pattern.
    pub fn at(mut self, pattern: &'static str) -> Self {
        self.at = pattern;
        self
    }

    verbs!(read => Read, list => List, write => Write, delete => Delete);

    /// Anybody may call the last operation.
    pub fn open(self) -> Self {
        self.last(|op| op.access = Access::Open)
    }

    /// The last operation needs the `sudo` capability too.
    pub fn sudo(self) -> Self {
        self.last(|op| op.access = Access::Sudo)
    }

    /// The last operation answers even while sealed. Such are open and, since there may be no audit device, unaudited.
    pub fn while_sealed(self) -> Self {
        self.open().last(|op| {
            op.handler.open_while_sealed = true;
            op.handler.unaudited = true;
            op.handler.bare = true;
        })
    }

    /// The path of the last operation is of the node and not of a mount: any other method on it is 405 without a text.
    pub fn bare(self) -> Self {
        self.last(|op| op.handler.bare = true)
    }

    /// The last write needs `create` for what is not there yet, and `update` for what is.
    pub fn creates_if_absent<Q: Request + 'static, F>(self, found: F) -> Self
    where
        F: AsyncFn(&Kernel, Q) -> Result<bool, Fault> + Send + Sync + Copy + 'static,
    {
        let check: ExistsFn =
            Box::new(move |kernel, input| Box::pin(async move { found(kernel, Q::parse(input)?).await }));
        self.last(|op| op.handler.exists = Some(check))
    }

    /// The listener decides about access to the last operation.
    pub fn gated(self, gate: Gate) -> Self {
        self.last(|op| op.handler.gate = Some(gate))
    }

    /// The last operation is refused by `check`, before it is asked who calls, where it says so.
    pub fn refuses_first<Q: Request + 'static, F>(self, check: F) -> Self
    where
        F: AsyncFn(&Kernel, &str, Q) -> Result<(), Fault> + Send + Sync + Copy + 'static,
    {
        let check: CheckFn = Box::new(move |kernel, presented, input| {
            Box::pin(async move { check(kernel, presented, Q::parse(input)?).await })
        });
        self.last(|op| op.handler.check = Some(check))
    }

    pub fn table(&self) -> &RouteTable<SysHandler> {
        &self.table
    }

    fn last(mut self, adjust: impl FnOnce(&mut Op<SysHandler>)) -> Self {
        if let Some(op) = self.table.last() {
            adjust(op);
        }
        self
    }

    fn add<Q: Request + 'static, O: Answering + 'static, F>(mut self, verb: Verb, run: F) -> Self
    where
        F: AsyncFn(&Call<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        let run = std::sync::Arc::new(run);
        let run: RunFn = Box::new(move |call| {
            let run = run.clone();
            Box::pin(async move { run(call, Q::parse(&call.resolved.input)?).await?.into_outcome() })
        });
        let (mut fields, mut answer) = (Vec::new(), Vec::new());
        Q::fields(&mut fields);
        O::fields(&mut answer);
        let handler = SysHandler {
            run,
            exists: None,
            check: None,
            open_while_sealed: false,
            unaudited: false,
            gate: None,
            bare: false,
        };
        self.table.add(self.at, Op { verb, access: Access::Token, doc: Q::DOC, fields, answer, handler });
        self
    }
}
