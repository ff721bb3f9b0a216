//! Letting go of old entries in the table of changes.
use crate::error::refused;
use crate::session::Dialer;
use kw_store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A change is kept for one to two such periods. A node that hears nothing for longer forgets what it remembers.
const KEEP: Duration = Duration::from_secs(300);

/// How often each node looks whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Works until its runtime ends.
pub(crate) async fn run(dialer: Arc<Dialer>) {
    loop {
        sleep(LOOK_EVERY).await;
        if let Err(e) = trim(&dialer, KEEP).await {
            tracing::warn!("old entries of {} could not be removed: {e}", dialer.sql.changes);
        }
    }
}

/// Moves the mark if it is old enough, then deletes what lies before the last one. The deletion is a transaction of its own,
/// so that commits do not wait for it; whoever reads in between knows already that the entries do not count any more.
pub(crate) async fn trim(dialer: &Dialer, keep: Duration) -> Result<(), StoreError> {
    let session = dialer.dial().await?;
    let work = async {
        let client = &session.client;
        let moved = client.execute(&dialer.sql.mark(), &[&keep.as_secs_f64()]).await.map_err(|e| refused(&e))?;
        if moved > 0 {
            let deleted = client.execute(&dialer.sql.trim(), &[]).await.map_err(|e| refused(&e))?;
            tracing::debug!("removed {deleted} old entries of {}", dialer.sql.changes);
        }
        Ok(())
    };
    let outcome = session.in_time(work).await;
    session.end().await;
    outcome
}
