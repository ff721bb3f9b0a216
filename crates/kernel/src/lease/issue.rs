//! Making a credential: what promise 2 of the design says.
use super::revoke::take_back;
use super::row::{self, LeaseRow, LeaseState};
use crate::kernel::Kernel;
use crate::rows::TOKENS;
use crate::token::{Session, TokenType};
use kw_engine::{Cx, Mount, PlannedLease};
use kw_store::Txn;
use kw_types::{Fault, Ident, Ttl};
use serde_json::value::RawValue;

/// A lease whose row will be there when the handler's transaction is committed.
pub(crate) struct Intended {
    pub id: String,
    /// As it was stored.
    pub(super) row: Box<LeaseRow>,
    pub ttl: Ttl,
    pub renewable: bool,
    pub warnings: Vec<String>,
}

/// Adds the lease to the handler's transaction: with it is stored all that revoking needs.
pub(crate) fn intend(
    kernel: &Kernel,
    cx: &Cx<'_>,
    txn: Txn<'_>,
    plan: &dyn PlannedLease,
    session: &Session,
) -> Result<Intended, Fault> {
    let now = kernel.now();
    let terms = plan.terms();
    let asker = &session.entry;
    // Nothing is noted when a batch token ends, so its leases end with it by their own time, and with its parent before that.
    let (owner, bound) = match asker.kind {
        TokenType::Service => (&asker.ident, Ttl::ZERO),
        TokenType::Batch => (asker.parent.as_ref().unwrap_or(&asker.ident), asker.ttl_left(now)),
    };
    let max = terms.max_ttl.capped(cx.max_ttl()).capped(bound);
    let wanted = terms.ttl.or(cx.default_ttl());
    let ttl = wanted.capped(max);
    let mut warnings = Vec::new();
    if ttl < wanted {
        warnings.push(format!(
            "TTL of {} exceeded the effective max_ttl of {}; TTL value is capped accordingly",
            wanted.go_text(),
            max.go_text()
        ));
    }
    let path = cx.path().trim_end_matches('/');
    let mut row = LeaseRow {
        id: format!("{path}/{}", Ident::new(now, kernel.rng.as_ref())),
        path: path.to_owned(),
        mount_uuid: cx.mount().uuid.clone(),
        kind: plan.kind().to_owned(),
        data: plan.data()?,
        token: owner.clone(),
        issued: now,
        expires: now,
        ttl,
        ends: now.plus(max),
        renewable: terms.renewable,
        state: LeaseState::Intended,
        is_unconfirmed: true,
        last_renewal: None,
        failures: 0,
        failure: String::new(),
    };
    // If nobody confirms it, because this process died, it is revoked then.
    row.expires = row.made_by();
    row.put(txn, None)?;
    Ok(Intended { id: row.id.clone(), ttl, renewable: row.renewable, warnings, row: Box::new(row) })
}

/// Makes the credential outside. If that fails, what was made of it is taken back, now or by the expiry job.
pub(crate) async fn create_outside(
    kernel: &Kernel,
    cx: &Cx<'_>,
    mount: &Mount,
    plan: &dyn PlannedLease,
    lease: &Intended,
) -> Result<Box<RawValue>, Fault> {
    let prefix = mount.rows_prefix();
    match plan.create(cx, kernel.view(&prefix)).await {
        Ok(secret) => Ok(secret),
        Err(fault) => {
            take_back(kernel, &lease.row).await?;
            Err(fault)
        }
    }
}

/// Marks the lease as active; its time begins to run. Errors: 403 when its token or the lease itself was revoked meanwhile; the
/// credential is then taken back.
pub(crate) async fn confirm(kernel: &Kernel, lease: &Intended, session: &Session) -> Result<(), Fault> {
    let is_batch = session.entry.kind == TokenType::Batch;
    let done = kernel
        .transact(async |txn| {
            let row = row::get(txn.view(), &lease.id).await?.filter(|r| r.state == LeaseState::Intended);
            let Some(mut row) = row else { return Ok(false) };
            let is_alive = is_batch && session.entry.parent.is_none() || txn.rescoped(TOKENS).pin(&row.token).await?;
            if is_alive {
                let before = row.expires;
                row.state = LeaseState::Active;
                row.is_unconfirmed = false;
                row.expires = row.issued.plus(row.ttl);
                row.put(txn, Some(before))?;
            }
            Ok(is_alive)
        })
        .await?;
    if done {
        return Ok(());
    }
    take_back(kernel, &lease.row).await?;
    Err(Fault::denied().because("the token or the lease was revoked while the credential was being made"))
}
