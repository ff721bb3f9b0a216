//! Stage 2: who asks, and whether they may.
use crate::kernel::Kernel;
use crate::resolve::{Resolved, Target};
use crate::token::{Session, TokenType, take_use};
use kw_engine::{Handler, Mount};
use kw_policy::{Ask, GrantedBy, Operation, Params};
use kw_schema::{Access, Field, Input, Kind, Verb};
use kw_store::Revision;
use kw_types::Fault;
use std::sync::Arc;

/// A request that may go on. Made by [`admit`] alone; without one, no handler runs.
pub(crate) struct Admitted<'r> {
    pub resolved: &'r Resolved<'r>,
    pub who: Who,
    _private: (),
}

/// What was found out about the caller.
#[derive(Default)]
pub(crate) struct Who {
    pub session: Option<Arc<Session>>,
    /// This request took the token's last use, and so ends it afterwards.
    pub has_spent: bool,
    pub operation: &'static str,
    /// What policy said; `None` on open routes.
    pub allowed: Option<bool>,
    pub granted_by: Option<GrantedBy>,
    pub reason: String,
    /// Listings show no more than so many names.
    pub list_limit: Option<usize>,
}

/// Why a request may not go on, and what audit is to hear.
pub(crate) struct Refused {
    pub who: Who,
    pub fault: Fault,
}

/// Judges the request.
pub(crate) async fn admit<'r>(kernel: &Kernel, resolved: &'r Resolved<'r>) -> Result<Admitted<'r>, Box<Refused>> {
    let mut who = Who { operation: operation_word(resolved, true), ..Who::default() };
    match judge(kernel, resolved, &mut who).await {
        Ok(()) => Ok(Admitted { resolved, who, _private: () }),
        Err(fault) => Err(Box::new(Refused { who, fault })),
    }
}

async fn judge(kernel: &Kernel, resolved: &Resolved<'_>, who: &mut Who) -> Result<(), Fault> {
    if let Target::System(op) = &resolved.target {
        op.handler.check(kernel, resolved.received.presented(), &resolved.input).await?;
    }
    if resolved.access() == Access::Open {
        return Ok(());
    }
    let token = resolved.received.token.ok_or_else(Fault::denied)?;
    let found = kernel.tokens.find(kernel, token.expose(), resolved.time).await?.ok_or_else(Fault::denied)?;
    let session = who.session.insert(found);
    let remote = resolved.received.remote.map(|a| a.ip());
    if session.entry.is_spent || !session.entry.bound_cidrs.allow(remote) {
        return Err(Fault::denied());
    }
    if session.entry.num_uses > 0 {
        *session = Box::pin(spend(kernel, session)).await?;
    }
    who.has_spent = session.entry.is_spent;
    let (session, rights) = session.with_rights(kernel, resolved.time).await?;
    if let (Target::Help, Some(mount)) = (&resolved.target, &resolved.mount) {
        // What a path is for may be known by whoever may do anything in its mount, as in the OpenAPI document.
        let allowed = rights.acl.has_any_access(mount.path.as_str());
        (who.allowed, who.operation) = (Some(allowed), "help");
        return if allowed { Ok(()) } else { Err(denied_by_policy()) };
    }
    let exists = resolved.verb != Verb::Write || Box::pin(exists(kernel, resolved, session)).await?;
    who.operation = operation_word(resolved, exists);
    let operation = operation_of(resolved.verb, exists);
    let ask = Ask {
        path: resolved.path.as_str(),
        operation,
        params: &AsParams { input: &resolved.input, fields: resolved.fields() },
        wrap_ttl: resolved.wrap_ttl,
    };
    let decision = rights.acl.decide(&ask);
    let allowed = decision.allowed && (resolved.access() != Access::Sudo || decision.sudo);
    who.allowed = Some(allowed);
    who.list_limit = decision.list_limit;
    if allowed {
        who.granted_by = Some(decision.granted_by);
        return Ok(());
    }
    who.reason = decision.reason.to_string();
    Err(denied_by_policy())
}

/// Vault's text for a refusal by policy.
pub(crate) fn denied_by_policy() -> Fault {
    Fault::new(kw_types::FaultKind::Denied, "1 error occurred:\n\t* permission denied\n\n")
}

/// Takes one use off, exactly once on whatever node, before anything else is known: a refused request counts too.
async fn spend(kernel: &Kernel, session: &Session) -> Result<Arc<Session>, Fault> {
    if session.entry.kind == TokenType::Batch {
        return Err(Fault::denied());
    }
    let ident = &session.entry.ident;
    let entry = kernel.transact(async |txn| take_use(txn, ident, kernel.now()).await).await?;
    Ok(Arc::new(Session::new(kernel, entry, Revision(0))))
}

/// Whether what a write names is there: only then is it an update.
async fn exists(kernel: &Kernel, resolved: &Resolved<'_>, session: &Session) -> Result<bool, Fault> {
    let Some(mount) = &resolved.mount else { return Ok(true) };
    let mount: &Mount = mount;
    let remote = resolved.received.remote.map(|a| a.ip());
    let cx = kernel.cx(mount, resolved.path.as_str(), Some(&session.caller), remote);
    match &resolved.target {
        Target::Engine(op) => match &op.handler {
            Handler::Write { exists: Some(check), .. } => {
                let prefix = resolved.rows_prefix(&session.entry.ident);
                check(&cx, kernel.view(&prefix), &resolved.input).await
            }
            _ => Ok(true),
        },
        Target::System(op) => op.handler.exists(kernel, &resolved.input).await,
        _ => Ok(true),
    }
}

pub(crate) fn operation_of(verb: Verb, exists: bool) -> Operation {
    match verb {
        Verb::Read => Operation::Read,
        Verb::List => Operation::List,
        Verb::Scan => Operation::Scan,
        Verb::Write if exists => Operation::Update,
        Verb::Write => Operation::Create,
        Verb::Patch => Operation::Patch,
        Verb::Delete => Operation::Delete,
    }
}

fn operation_word(resolved: &Resolved<'_>, exists: bool) -> &'static str {
    match operation_of(resolved.verb, exists) {
        Operation::Read => "read",
        Operation::List => "list",
        Operation::Scan => "scan",
        Operation::Update => "update",
        Operation::Create => "create",
        Operation::Patch => "patch",
        Operation::Delete => "delete",
    }
}

/// Parameters as policies see them.
pub(crate) struct AsParams<'a> {
    pub input: &'a Input<'a>,
    /// Of the operation: they tell which parameters are lists, whose every element counts.
    pub fields: &'a [Field],
}

impl Params for AsParams<'_> {
    fn each(&self, f: &mut dyn FnMut(&str, &serde_json::Value)) {
        for (name, raw) in self.input.params.iter() {
            f(name, &raw.to_value());
        }
    }

    fn is_list(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name && field.kind == Kind::List)
    }
}
