//! Leases: credentials that end, and how they are made, renewed and taken back.
use crate::outcome::{Body, Outcome, Reply, raw};
use crate::{Cx, Response, Txn, View};
use futures_util::future::LocalBoxFuture;
use kw_schema::Field;
use kw_types::{Fault, Ttl};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::future::Future;

/// How long a credential lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Zero: the mount's default.
    pub ttl: Ttl,
    /// The longest life with all renewals; zero: the mount's bound. Never over the mount's bound.
    pub max_ttl: Ttl,
    pub renewable: bool,
}

/// A kind of credential. The value is what is stored with the lease: all that [`Lease::revoke`] needs, and nothing more.
/// Fields that only [`Lease::create`] needs (a new password) are marked `#[serde(skip)]`.
pub trait Lease: Serialize + DeserializeOwned + 'static {
    /// Unique within the engine; stored, so never change it.
    const KIND: &'static str;

    /// What the caller gets.
    type Secret: Response;

    /// Makes the credential in the outside world. Called once, after the lease is stored.
    fn create(&self, cx: &Cx<'_>, view: View<'_>) -> impl Future<Output = Result<Self::Secret, Fault>>;

    /// Makes it live longer, or refuses. `asked` is what the kernel will grant; the answer may shorten it.
    fn renew(&self, cx: &Cx<'_>, txn: Txn<'_>, asked: Terms) -> impl Future<Output = Result<Terms, Fault>>;

    /// Takes it back. May be called more than once, and for a credential whose creation did not come to its end: what is
    /// already gone is success.
    fn revoke(&self, cx: &Cx<'_>, txn: Txn<'_>) -> impl Future<Output = Result<(), Fault>>;
}

/// A planned credential: the only thing a handler can return that becomes one. Made by [`Cx::issue`] alone.
pub struct Leased<L> {
    pub(crate) lease: L,
    pub(crate) terms: Terms,
    pub(crate) warnings: Vec<String>,
}

impl<L> Leased<L> {
    /// Adds a warning for the caller.
    #[must_use]
    pub fn warn(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }
}

impl<L: Lease> Outcome for Leased<L> {
    fn fields(out: &mut Vec<Field>) {
        L::Secret::fields(out);
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        let Leased { lease, terms, warnings } = self;
        Ok(Reply { warnings, ..Reply::new(Body::Lease(Box::new(Planned { lease, terms }))) })
    }
}

struct Planned<L> {
    lease: L,
    terms: Terms,
}

/// A planned credential of any kind, as the kernel sees it.
pub trait PlannedLease {
    fn kind(&self) -> &'static str;
    fn terms(&self) -> Terms;
    /// What is stored.
    fn data(&self) -> Result<Box<RawValue>, Fault>;
    /// Makes it; the answer is the JSON for the caller.
    fn create<'a>(&'a self, cx: &'a Cx<'_>, view: View<'a>) -> LocalBoxFuture<'a, Result<Box<RawValue>, Fault>>;
}

impl<L: Lease> PlannedLease for Planned<L> {
    fn kind(&self) -> &'static str {
        L::KIND
    }

    fn terms(&self) -> Terms {
        self.terms
    }

    fn data(&self) -> Result<Box<RawValue>, Fault> {
        raw(&self.lease)
    }

    fn create<'a>(&'a self, cx: &'a Cx<'_>, view: View<'a>) -> LocalBoxFuture<'a, Result<Box<RawValue>, Fault>> {
        Box::pin(async move { raw(&self.lease.create(cx, view).await?) })
    }
}

type RenewFn = for<'a> fn(&'a Cx<'a>, Txn<'a>, &'a RawValue, Terms) -> LocalBoxFuture<'a, Result<Terms, Fault>>;
type RevokeFn = for<'a> fn(&'a Cx<'a>, Txn<'a>, &'a RawValue) -> LocalBoxFuture<'a, Result<(), Fault>>;

/// A kind of lease by name: how the kernel renews and revokes what it reads from the store.
#[derive(Clone, Copy)]
pub struct LeaseKind {
    pub name: &'static str,
    pub renew: RenewFn,
    pub revoke: RevokeFn,
}

impl LeaseKind {
    pub fn of<L: Lease>() -> Self {
        Self {
            name: L::KIND,
            renew: |cx, txn, data, asked| Box::pin(async move { stored::<L>(data)?.renew(cx, txn, asked).await }),
            revoke: |cx, txn, data| Box::pin(async move { stored::<L>(data)?.revoke(cx, txn).await }),
        }
    }
}

fn stored<L: Lease>(data: &RawValue) -> Result<L, Fault> {
    serde_json::from_str(data.get())
        .map_err(|e| Fault::internal(format_args!("lease data of kind {}: {:?}", L::KIND, e.classify())))
}
