//! Disabling a mount: nothing of it is served from then on, its credentials are taken back, its rows deleted.
use super::change::change;
use super::sort::Sort;
use crate::departures::{self, Departure};
use crate::kernel::Kernel;
use crate::rows::{DEPARTURES, MOUNTS};
use crate::sys::Call;
use crate::token::drain_revoking;
use kw_engine::{Mount, Request};
use kw_types::{Fault, Ttl};

/// Disables a secrets engine or an auth method and deletes all that it stored. Its leases and tokens are revoked: what
/// cannot be revoked within seconds goes on in the background. There need not be such a mount.
#[derive(Request)]
pub(super) struct Disable {
    /// The path of the mount.
    #[capture]
    path: String,
}

/// The request itself takes credentials back for so long; then it is the background's turn.
const HURRY: Ttl = Ttl::from_seconds(5);

pub(super) async fn secrets(call: &Call<'_>, ask: Disable) -> Result<(), Fault> {
    disable(call.kernel, Sort::Secrets, &ask.path).await
}

pub(super) async fn auth(call: &Call<'_>, ask: Disable) -> Result<(), Fault> {
    disable(call.kernel, Sort::Auth, &ask.path).await
}

async fn disable(kernel: &Kernel, sort: Sort, path: &str) -> Result<(), Fault> {
    let path = sort.path(path)?;
    let departure = change(kernel, async |txn, table| {
        let Some(mount) = table.exact(path.as_str()).filter(|m| sort.holds(m)) else { return Ok(None) };
        if kernel.is_built_in(mount) {
            return Err(Fault::bad_request(match sort {
                Sort::Secrets => format!("cannot unmount {:?}", path.as_str()),
                Sort::Auth => format!("{} credential backend cannot be disabled", mount.kind),
            }));
        }
        let departure = Departure {
            id: mount.uuid.clone(),
            mount: Mount { tainted: true, ..Mount::clone(mount) },
            target: None,
            next: leave_to_request(kernel),
        };
        txn.rescoped(MOUNTS).delete(path.as_str());
        txn.rescoped(DEPARTURES).put(&departure.id, &departure)?;
        Ok(Some(departure))
    })
    .await?;
    if let Some(departure) = departure {
        hurry(kernel, &departure).await;
    }
    Ok(())
}

/// When the background takes over from a request that did not come to its end.
pub(super) fn leave_to_request(kernel: &Kernel) -> kw_types::Time {
    kernel.now().plus(departures::LEFT_TO_REQUEST)
}

/// Does what can be done at once. What goes wrong here is no error for the caller: the departure stands and goes on.
pub(super) async fn hurry(kernel: &Kernel, departure: &Departure) {
    let done = async {
        departures::hurry(kernel, departure, HURRY).await?;
        drain_revoking(kernel, 4096).await
    };
    if let Err(fault) = done.await {
        tracing::warn!(mount = departure.mount.path.as_str(), %fault, "taking back what a mount gave out goes on in the background");
    }
}
