//! Making a credential: what promise 2 of the design says.
use super::revoke_now_or_later;
use super::row::{self, LeaseRow, LeaseState};
use crate::kernel::Kernel;
use crate::token::Session;
use kw_engine::{Cx, Mount, PlannedLease};
use kw_store::Txn;
use kw_types::{Fault, Ident, Ttl};
use serde_json::value::RawValue;

/// A lease whose row will be there when the handler's transaction is committed.
pub(crate) struct Intended {
    pub id: String,
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
    let max = terms.max_ttl.capped(cx.max_ttl());
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
    let row = LeaseRow {
        id: format!("{path}/{}", Ident::new(now, kernel.rng.as_ref())),
        path: path.to_owned(),
        mount_uuid: cx.mount().uuid.clone(),
        kind: plan.kind().to_owned(),
        data: plan.data()?,
        token: session.entry.ident.clone(),
        issued: now,
        expires: now.plus(ttl),
        ttl,
        ends: now.plus(max),
        renewable: terms.renewable,
        state: LeaseState::Intended,
        last_renewal: None,
        failures: 0,
        failure: String::new(),
    };
    row.put(txn, None)?;
    Ok(Intended { id: row.id, ttl, renewable: row.renewable, warnings })
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
            revoke_now_or_later(kernel, &lease.id).await?;
            Err(fault)
        }
    }
}

/// Marks the lease as active. Errors: 403 when its token was revoked meanwhile; the credential is then taken back.
pub(crate) async fn confirm(kernel: &Kernel, lease: &Intended, session: &Session) -> Result<(), Fault> {
    let done = kernel
        .transact(async |txn| {
            let Some(mut row) = row::get(txn.view(), &lease.id).await? else { return Ok(false) };
            let alive = session.entry.kind == crate::token::TokenType::Batch
                || txn.rescoped(crate::rows::TOKENS).pin(&row.token).await?;
            if alive {
                row.state = LeaseState::Active;
                txn.rescoped(crate::rows::LEASES).put(&row.id, &row)?;
            }
            Ok(alive)
        })
        .await?;
    if done {
        return Ok(());
    }
    revoke_now_or_later(kernel, &lease.id).await?;
    Err(Fault::denied().because("the token was revoked while its credential was being made"))
}
