//! Running the handler of an admitted request, and what follows from what it returns.
use crate::admit::Admitted;
use crate::answer::{Answer, AuthAnswer, Envelope};
use crate::help;
use crate::kernel::Kernel;
use crate::lease::{self, Intended};
use crate::lockout;
use crate::mounts::{self, Mounted};
use crate::resolve::{Resolved, Target};
use crate::sys::Call;
use crate::token::{Made, Session, by_grant};
use kw_engine::{Body, Cx, Engine, Grant, Handler, Input, Login, LoginOutcome, PlannedLease, ReadFn, Reply, WriteFn};
use kw_store::{StoreError, TxnCore};
use kw_types::{Fault, FaultKind};
use std::sync::Arc;

/// What came of a request, before it is bytes.
pub(crate) struct Outcome {
    pub status: Option<u16>,
    pub shape: Shape,
}

pub(crate) enum Shape {
    Envelope(Box<Envelope>),
    /// The whole body, without an envelope.
    Bare {
        content_type: &'static str,
        bytes: Vec<u8>,
    },
    Empty,
}

/// How often a handler is run again when others change what it read.
const CONFLICTS_MAX: u32 = 64;

/// Stage "done": nothing else calls a handler, and it takes an [`Admitted`].
pub(crate) async fn run(kernel: &Kernel, admitted: &Admitted<'_>) -> Result<Outcome, Fault> {
    let resolved = admitted.resolved;
    match &resolved.target {
        Target::Engine(op) => run_engine(kernel, admitted, &op.handler).await,
        Target::System(op) => {
            let call =
                Call { kernel, resolved, session: admitted.who.session.as_ref(), list_limit: admitted.who.list_limit };
            let outcome = op.handler.run(&call).await?;
            Ok(with_unknown_params(outcome, resolved, &op.fields))
        }
        Target::NoOperation(_) => {
            Err(Fault::new(FaultKind::Unsupported, "1 error occurred:\n\t* unsupported operation\n\n"))
        }
        Target::Help => help::page(kernel, resolved),
        Target::NoBareOperation => Err(Fault::silent(FaultKind::Unsupported)),
        Target::SealedAlready => Ok(Outcome { shape: Shape::Empty, ..Outcome::of(Envelope::default()) }),
        Target::NoPath => Err(Fault::new(FaultKind::NotFound, "1 error occurred:\n\t* unsupported path\n\n")),
        Target::NoMount => {
            let text = format!("no handler for route {:?}. route entry not found.", resolved.path.as_str());
            Err(Fault::new(FaultKind::NotFound, text))
        }
    }
}

async fn run_engine(kernel: &Kernel, admitted: &Admitted<'_>, handler: &Handler) -> Result<Outcome, Fault> {
    let resolved = admitted.resolved;
    let mount = resolved.mount.as_ref().ok_or_else(|| Fault::internal("an engine's route without a mount"))?;
    let session = admitted.who.session.as_ref();
    let caller = session.map(|s| &s.caller);
    let remote = resolved.received.remote.map(|a| a.ip());
    let cx = kernel.cx(mount, resolved.path.as_str(), caller, remote);
    let prefix = resolved.rows_prefix(session.map_or("", |s| &s.entry.ident));
    let reply = match handler {
        Handler::Read(read) => {
            let sight = kernel.sight();
            match read(&cx, kernel.view(&prefix).noted_in(&sight), &resolved.input).await {
                Ok(reply) if !sight.doubts_answer() => reply,
                Err(fault) if !sight.doubts_refusal() => return Err(fault),
                _ => Box::pin(read_as_one(kernel, &cx, &prefix, read, &resolved.input)).await?,
            }
        }
        Handler::Write { run, .. } => return Box::pin(run_write(kernel, admitted, mount, &cx, &prefix, run)).await,
    };
    finish(reply, resolved, Extra::None)
}

/// Reads once more, since rows changed while they were read: what is answered or refused now was true at one moment.
async fn read_as_one(
    kernel: &Kernel,
    cx: &Cx<'_>,
    prefix: &str,
    read: &ReadFn,
    input: &Input<'_>,
) -> Result<Reply, Fault> {
    for _ in 0..CONFLICTS_MAX {
        let core = kernel.txn();
        let outcome = read(cx, core.scoped(prefix).view(), input).await;
        let settled = if outcome.is_ok() { core.commit().await.map(|_| ()) } else { core.check().await };
        match settled {
            Ok(()) => return outcome,
            Err(StoreError::Conflict) => tokio::task::yield_now().await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// What the kernel adds to a reply.
enum Extra {
    None,
    Auth(Box<AuthAnswer>),
    Lease(Intended, Box<serde_json::value::RawValue>),
}

async fn run_write(
    kernel: &Kernel,
    admitted: &Admitted<'_>,
    mount: &Arc<Mounted>,
    cx: &Cx<'_>,
    prefix: &str,
    run: &WriteFn,
) -> Result<Outcome, Fault> {
    let resolved = admitted.resolved;
    for _ in 0..CONFLICTS_MAX {
        let core = kernel.txn();
        let concluded = match run(cx, core.scoped(prefix), &resolved.input).await {
            Ok(mut reply) => {
                let body = std::mem::replace(&mut reply.body, Body::Empty);
                conclude(kernel, admitted, mount, cx, core, body)
                    .await
                    .map(|(body, extra)| (Reply { body, ..reply }, extra))
            }
            Err(fault) => Err(aborted(&core, fault).await),
        };
        match concluded {
            Ok((reply, extra)) => return finish(reply, resolved, extra),
            Err(Aborted::Conflict) => tokio::task::yield_now().await,
            Err(Aborted::Fault(fault)) => return Err(fault),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Commits what a handler did, with what its reply asks the kernel for. Gives back what is left of the body.
async fn conclude(
    kernel: &Kernel,
    admitted: &Admitted<'_>,
    mount: &Arc<Mounted>,
    cx: &Cx<'_>,
    core: TxnCore<'_>,
    body: Body,
) -> Result<(Body, Extra), Aborted> {
    let extra = match body {
        Body::Login(login) => log_in(kernel, mount, admitted.resolved, core, *login).await?,
        Body::Lease(plan) => {
            let session = admitted.who.session.as_ref().ok_or_else(Fault::denied)?;
            issue(kernel, mount, cx, core, plan.as_ref(), session).await?
        }
        body => {
            if !core.is_empty()
                && let Err(fault) = mounts::hold(core.scoped(""), mount).await
            {
                return Err(aborted(&core, fault).await);
            }
            core.commit().await?;
            return Ok((body, Extra::None));
        }
    };
    Ok((Body::Empty, extra))
}

/// A refusal before the commit: it is given out only if what was read was true at one moment. Two rows that were read one after
/// the other may never have been so together, and then the handler has judged by a state that never was.
async fn aborted(core: &TxnCore<'_>, fault: Fault) -> Aborted {
    match core.check().await {
        Ok(()) => Aborted::Fault(fault),
        Err(error) => error.into(),
    }
}

/// Why a handler's transaction did not end well.
enum Aborted {
    /// Others changed what it read: again.
    Conflict,
    Fault(Fault),
}

impl From<StoreError> for Aborted {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Conflict { Self::Conflict } else { Self::Fault(error.into()) }
    }
}

impl From<Fault> for Aborted {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A login: the lockout is asked, then entity and token are part of the handler's transaction.
async fn log_in(
    kernel: &Kernel,
    mount: &Mounted,
    resolved: &Resolved<'_>,
    core: TxnCore<'_>,
    login: Login,
) -> Result<Extra, Aborted> {
    let locks = kernel.registry.method(&mount.kind).is_some_and(|m| m.locks_out());
    match login.outcome {
        LoginOutcome::Wrong { alias, fault } => {
            // Before it counts against anybody.
            core.check().await?;
            if locks {
                lockout::failed(kernel, mount, &alias).await?;
            }
            Err(Aborted::Fault(fault))
        }
        LoginOutcome::Granted(grant) => {
            let alias = grant.alias.as_ref().map(|a| a.name.clone()).filter(|_| locks);
            if let Some(alias) = &alias {
                lockout::check(kernel, mount, alias).await?;
            }
            let made = match enter(kernel, mount, resolved, &core, *grant).await {
                Ok(made) => made,
                Err(fault) => return Err(aborted(&core, fault).await),
            };
            core.commit().await?;
            if let Some(alias) = &alias {
                lockout::succeeded(kernel, mount, alias).await?;
            }
            Ok(Extra::Auth(Box::new(made.answer())))
        }
    }
}

/// What a login adds to the handler's transaction.
async fn enter(
    kernel: &Kernel,
    mount: &Mounted,
    resolved: &Resolved<'_>,
    core: &TxnCore<'_>,
    grant: Grant,
) -> Result<Made, Fault> {
    mounts::hold(core.scoped(""), mount).await?;
    by_grant(kernel, core.scoped(""), mount, resolved.path.as_str(), grant).await
}

/// A credential: stored, made, confirmed.
async fn issue(
    kernel: &Kernel,
    mount: &Mounted,
    cx: &Cx<'_>,
    core: TxnCore<'_>,
    plan: &dyn PlannedLease,
    session: &Arc<Session>,
) -> Result<Extra, Aborted> {
    if let Err(fault) = mounts::hold(core.scoped(""), mount).await {
        return Err(aborted(&core, fault).await);
    }
    let lease = lease::intend(kernel, cx, core.scoped(""), plan, session)?;
    core.commit().await?;
    let secret = lease::create_outside(kernel, cx, mount, plan, &lease).await?;
    lease::confirm(kernel, &lease, session).await?;
    Ok(Extra::Lease(lease, secret))
}

fn finish(reply: Reply, resolved: &Resolved<'_>, extra: Extra) -> Result<Outcome, Fault> {
    let mut envelope = Envelope {
        warnings: reply.warnings,
        accessor: reply.accessor,
        lease_duration: reply.lease_duration.seconds(),
        mount_type: resolved.engine.map(Engine::kind),
        ..Envelope::default()
    };
    match extra {
        Extra::Auth(auth) => envelope.auth = Some(auth),
        Extra::Lease(lease, secret) => {
            envelope.lease_id = lease.id;
            envelope.lease_duration = lease.ttl.seconds();
            envelope.renewable = lease.renewable;
            envelope.data = Some(secret.into());
            envelope.warnings.extend(lease.warnings);
        }
        Extra::None => match reply.body {
            Body::Data(data) => envelope.data = Some(data),
            Body::Bare { content_type, bytes } => {
                let shape = Shape::Bare { content_type, bytes };
                return Ok(Outcome { status: reply.status, shape });
            }
            Body::Empty if envelope.warnings.is_empty() => {
                return Ok(Outcome { status: reply.status, shape: Shape::Empty });
            }
            Body::Empty => {}
            Body::Login(_) | Body::Lease(_) => {
                return Err(Fault::internal("a read handler returned a login or a lease"));
            }
        },
    }
    let fields = if let Target::Engine(op) = &resolved.target { op.fields.as_slice() } else { &[] };
    Ok(with_unknown_params(Outcome { status: reply.status, ..Outcome::of(envelope) }, resolved, fields))
}

/// Tells the caller which parameters meant nothing here.
fn with_unknown_params(mut outcome: Outcome, resolved: &Resolved<'_>, fields: &[kw_schema::Field]) -> Outcome {
    let Shape::Envelope(envelope) = &mut outcome.shape else { return outcome };
    if resolved.input.params.is_empty() || fields.iter().any(|f| f.place == kw_schema::Place::Body) {
        return outcome;
    }
    let unknown: Vec<&str> =
        resolved.input.params.iter().map(|(n, _)| n).filter(|n| !fields.iter().any(|f| f.name == *n)).collect();
    if !unknown.is_empty() {
        envelope.warnings.push(format!("Endpoint ignored these unrecognized parameters: [{}]", unknown.join(" ")));
    }
    outcome
}

impl Outcome {
    pub fn of(envelope: Envelope) -> Self {
        Self { status: None, shape: Shape::Envelope(Box::new(envelope)) }
    }

    pub fn envelope(&self) -> Option<&Envelope> {
        match &self.shape {
            Shape::Envelope(envelope) => Some(envelope),
            _ => None,
        }
    }

    pub fn into_answer(self, request_id: &str) -> Answer {
        match self.shape {
            Shape::Envelope(envelope) => Answer::json(self.status.unwrap_or(200), envelope.to_json(request_id)),
            Shape::Bare { content_type, bytes } => {
                Answer { status: self.status.unwrap_or(200), content_type, body: bytes.into(), headers: Vec::new() }
            }
            Shape::Empty => Answer::empty(self.status.unwrap_or(204)),
        }
    }
}

#[cfg(test)]
mod tests;
