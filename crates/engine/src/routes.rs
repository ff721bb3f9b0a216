//! Declaring routes: a pattern, then what can be done there.
use crate::outcome::{Outcome, Reply};
use crate::{Cx, Login, Txn, View};
use futures_util::future::LocalBoxFuture;
use kw_schema::{Access, Input, Op, Request, RouteTable, Verb};
use kw_types::Fault;

/// A handler that reads.
pub type ReadFn =
    Box<dyn for<'a> Fn(&'a Cx<'a>, View<'a>, &'a Input<'a>) -> LocalBoxFuture<'a, Result<Reply, Fault>> + Send + Sync>;
/// A handler that reads and writes.
pub type WriteFn =
    Box<dyn for<'a> Fn(&'a Cx<'a>, Txn<'a>, &'a Input<'a>) -> LocalBoxFuture<'a, Result<Reply, Fault>> + Send + Sync>;
/// Says whether what a write names is there already.
pub type Exists =
    Box<dyn for<'a> Fn(&'a Cx<'a>, View<'a>, &'a Input<'a>) -> LocalBoxFuture<'a, Result<bool, Fault>> + Send + Sync>;

/// What runs an operation.
pub enum Handler {
    Read(ReadFn),
    /// Without `exists`, a write needs the `update` capability; with it, `create` for what is new.
    Write {
        run: WriteFn,
        exists: Option<Exists>,
    },
}

/// The routes of an engine. `at` names a pattern (see [`RouteTable`]); each call after it adds an operation there, described by
/// the docs and fields of the handler's request type.
///
/// ```ignore
/// Routes::new().at("roles/{name}").read(role::read).write(role::write).creates_if(role::exists).delete(role::delete)
/// ```
#[derive(Default)]
pub struct Routes {
    table: RouteTable<Handler>,
    at: &'static str,
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    /// The operations that follow are on this pattern.
    #[must_use]
    pub fn at(mut self, pattern: &'static str) -> Self {
        self.at = pattern;
        self
    }

    #[must_use]
    pub fn read<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, View<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.reader::<Q, O, F>(Verb::Read, run)
    }

    #[must_use]
    pub fn list<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, View<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.reader::<Q, O, F>(Verb::List, run)
    }

    /// A recursive list.
    #[must_use]
    pub fn scan<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, View<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.reader::<Q, O, F>(Verb::Scan, run)
    }

    /// A GET that changes something (dynamic credentials): read for the policy, a transaction for the handler.
    #[must_use]
    pub fn read_with_txn<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.writer::<Q, O, F>(Verb::Read, run)
    }

    #[must_use]
    pub fn write<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.writer::<Q, O, F>(Verb::Write, run)
    }

    #[must_use]
    pub fn patch<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.writer::<Q, O, F>(Verb::Patch, run)
    }

    #[must_use]
    pub fn delete<Q: Request + 'static, O: Outcome + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        self.writer::<Q, O, F>(Verb::Delete, run)
    }

    /// A write that anybody may call and that logs in.
    #[must_use]
    pub fn login<Q: Request + 'static, F>(self, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<Login, Fault> + Send + Sync + 'static,
    {
        self.writer::<Q, Login, F>(Verb::Write, run).open()
    }

    /// The last write needs `create` for what is not there yet, and `update` for what is.
    #[must_use]
    pub fn creates_if_absent<Q: Request + 'static, F>(mut self, found: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, View<'_>, Q) -> Result<bool, Fault> + Send + Sync + Copy + 'static,
    {
        let check: Exists =
            Box::new(move |cx, view, input| Box::pin(async move { found(cx, view, Q::parse(input)?).await }));
        if let Some(Op { handler: Handler::Write { exists, .. }, .. }) = self.table.last() {
            *exists = Some(check);
        }
        self
    }

    /// Anybody may call the last operation.
    #[must_use]
    pub fn open(self) -> Self {
        self.access(Access::Open)
    }

    /// The last operation needs the `sudo` capability too.
    #[must_use]
    pub fn sudo(self) -> Self {
        self.access(Access::Sudo)
    }

    pub fn table(&self) -> &RouteTable<Handler> {
        &self.table
    }

    fn access(mut self, access: Access) -> Self {
        if let Some(op) = self.table.last() {
            op.access = access;
        }
        self
    }

    fn reader<Q: Request + 'static, O: Outcome + 'static, F>(self, verb: Verb, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, View<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        let run = std::sync::Arc::new(run);
        let handler: ReadFn = Box::new(move |cx, view, input| {
            let run = run.clone();
            Box::pin(async move { run(cx, view, Q::parse(input)?).await?.into_reply() })
        });
        self.add::<Q, O>(verb, Handler::Read(handler))
    }

    fn writer<Q: Request + 'static, O: Outcome + 'static, F>(self, verb: Verb, run: F) -> Self
    where
        F: AsyncFn(&Cx<'_>, Txn<'_>, Q) -> Result<O, Fault> + Send + Sync + 'static,
    {
        let run = std::sync::Arc::new(run);
        let handler: WriteFn = Box::new(move |cx, txn, input| {
            let run = run.clone();
            Box::pin(async move { run(cx, txn, Q::parse(input)?).await?.into_reply() })
        });
        self.add::<Q, O>(verb, Handler::Write { run: handler, exists: None })
    }

    fn add<Q: Request, O: Outcome>(mut self, verb: Verb, handler: Handler) -> Self {
        let (mut fields, mut answer) = (Vec::new(), Vec::new());
        Q::fields(&mut fields);
        O::fields(&mut answer);
        self.table.add(self.at, Op { verb, access: Access::Token, doc: Q::DOC, fields, answer, handler });
        self
    }
}
