//! Mounts that leave their path: disabled or moved. The path is free at once; what hangs on it is taken back step by step, by
//! whatever node, and a crash between two steps only means that the next one is done later.
use crate::kernel::Kernel;
use crate::lease::{LeaseRow, end_soon, revoke_now_or_later};
use crate::rows::{DEPARTURES, LEASES, LOCKOUTS, MOVES, TOKENS};
use crate::token::{TokenEntry, revoke_entry};
use kw_engine::Mount;
use kw_store::{Page, Txn};
use kw_types::{Fault, MountPath, Time, Ttl};
use serde::{Deserialize, Serialize};

/// The row of a departure. It goes when all is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Departure {
    pub id: String,
    /// As it was, with the path that it left.
    pub mount: Mount,
    /// Where it went; `None` when it was disabled.
    pub target: Option<MountPath>,
    /// Nothing is done before.
    pub next: Time,
}

/// How a move went, for `sys/remount/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Move {
    pub source: String,
    pub target: String,
    pub is_done: bool,
    pub began: Time,
}

/// How long to wait for credentials that could not be taken back at once; the expiry job tries them meanwhile.
const PAUSE: Ttl = Ttl::from_seconds(5);

/// How long a request has that ended a mount, until others go on with it. No wait is longer.
pub(crate) const LEFT_TO_REQUEST: Ttl = Ttl::from_seconds(10);

/// How many rows are read or written at a time.
const STEP: usize = 256;

/// Goes on with every departure whose time has come.
pub(crate) async fn carry_on(kernel: &Kernel, steps: usize) -> Result<(), Fault> {
    for id in kernel.view(DEPARTURES).names("", Page::default()).await? {
        let departure = kernel.view(DEPARTURES).get::<Departure>(&id).await?;
        let now = kernel.now();
        // What seems to wait for longer was noted by a clock that was ahead.
        let is_due = |d: &Departure| d.next <= now || d.next > now.plus(LEFT_TO_REQUEST);
        if let Some(departure) = departure.filter(is_due) {
            depart(kernel, &departure, steps).await?;
        }
    }
    Ok(())
}

/// Takes back at once what can be taken back quickly: so most callers find everything gone when they are answered. Stops at the
/// first credential that resists, or after `limit`.
pub(crate) async fn hurry(kernel: &Kernel, departure: &Departure, limit: Ttl) -> Result<(), Fault> {
    let began = kernel.now();
    for lease in leases_of(kernel, departure, 1000).await?.leases {
        if kernel.now().since(began) >= limit {
            break;
        }
        revoke_now_or_later(kernel, &lease.id).await?;
        if kernel.view(LEASES).exists(&lease.id).await? {
            break;
        }
    }
    depart(kernel, departure, 4096).await
}

/// One round for one mount: first what it gave out, then, if it is disabled, its own rows.
async fn depart(kernel: &Kernel, departure: &Departure, steps: usize) -> Result<(), Fault> {
    let found = leases_of(kernel, departure, steps).await?;
    for idents in found.tokens.chunks(STEP) {
        kernel.transact(async |txn| end_logins(txn, departure, idents).await).await?;
    }
    for lease in found.leases.iter().filter(|l| l.is_being_made(kernel.now())) {
        // This tells its maker that it is not wanted any more.
        revoke_now_or_later(kernel, &lease.id).await?;
    }
    let ids: Vec<String> = found.leases.iter().map(|lease| lease.id.clone()).collect();
    for some in ids.chunks(STEP) {
        kernel.transact(async |txn| end_soon(kernel, txn, some).await).await?;
    }
    if !found.leases.is_empty() || found.is_cut {
        return wait(kernel, departure, if found.leases.is_empty() { Ttl::ZERO } else { PAUSE }).await;
    }
    if departure.target.is_none() && !delete_rows(kernel, &departure.mount, steps).await? {
        return Ok(());
    }
    finish(kernel, departure).await
}

/// What a mount gave out and is still there.
#[derive(Default)]
struct GivenOut {
    leases: Vec<LeaseRow>,
    /// Identifiers of tokens, each with the id of its login's lease.
    tokens: Vec<(String, String)>,
    /// There may be more.
    is_cut: bool,
}

/// Finds leases below the path that was left, `max` at most. Another mount may have the path by now: its leases are not ours.
async fn leases_of(kernel: &Kernel, departure: &Departure, max: usize) -> Result<GivenOut, Fault> {
    let (rows, folder) = (kernel.view(LEASES), departure.mount.path.as_str());
    let (mut found, mut after) = (GivenOut::default(), String::new());
    loop {
        let page = rows.rows(folder, Page::new(&after, STEP)).await?;
        for (name, plain) in &page {
            let id = format!("{folder}{name}");
            if plain.is_empty() {
                let ident = name.rsplit('/').next().unwrap_or_default().to_owned();
                let entry = kernel.view(TOKENS).get::<TokenEntry>(&ident).await?;
                if entry.is_none_or(|e| e.mount_uuid == departure.mount.uuid) {
                    found.tokens.push((ident, id));
                }
                continue;
            }
            let lease: LeaseRow = serde_json::from_slice(plain)
                .map_err(|e| Fault::internal(format_args!("lease row: {:?}", e.classify())))?;
            if lease.mount_uuid == departure.mount.uuid {
                found.leases.push(lease);
            }
        }
        if found.leases.len() + found.tokens.len() >= max {
            found.is_cut = true;
            return Ok(found);
        }
        match page.last() {
            Some((last, _)) if page.len() == STEP => after.clone_from(last),
            _ => return Ok(found),
        }
    }
}

async fn end_logins(txn: Txn<'_>, departure: &Departure, idents: &[(String, String)]) -> Result<(), Fault> {
    let tokens = txn.rescoped(TOKENS);
    for (ident, lease) in idents {
        match tokens.view().get::<TokenEntry>(ident).await? {
            Some(entry) if entry.mount_uuid == departure.mount.uuid => revoke_entry(txn, &entry),
            Some(_) => {}
            None => txn.rescoped(LEASES).delete(lease),
        }
    }
    Ok(())
}

/// Deletes what a disabled mount had stored. Gives whether nothing is left.
async fn delete_rows(kernel: &Kernel, mount: &Mount, steps: usize) -> Result<bool, Fault> {
    let lockouts = format!("{LOCKOUTS}{}/", mount.accessor);
    for prefix in [mount.rows_prefix(), lockouts] {
        for _ in 0..steps.div_ceil(STEP) {
            let names = kernel.view(&prefix).names("", Page::new("", STEP)).await?;
            if names.is_empty() {
                break;
            }
            let delete = async |txn: Txn<'_>| {
                names.iter().for_each(|name| txn.rescoped(&prefix).delete(name));
                Ok(())
            };
            kernel.transact(delete).await?;
        }
        if !kernel.view(&prefix).names("", Page::new("", 1)).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn wait(kernel: &Kernel, departure: &Departure, pause: Ttl) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(DEPARTURES);
            let Some(mut row) = rows.view().get::<Departure>(&departure.id).await? else { return Ok(()) };
            row.next = kernel.now().plus(pause);
            rows.put(&departure.id, &row)
        })
        .await
}

async fn finish(kernel: &Kernel, departure: &Departure) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            txn.rescoped(DEPARTURES).delete(&departure.id);
            let moves = txn.rescoped(MOVES);
            match moves.view().get::<Move>(&departure.id).await? {
                Some(row) => moves.put(&departure.id, &Move { is_done: true, ..row }),
                None => Ok(()),
            }
        })
        .await
}
