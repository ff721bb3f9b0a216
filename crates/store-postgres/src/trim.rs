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
    let (seconds, trim) = (keep.as_secs_f64(), &dialer.sql.trim());
    let work = async {
        let client = &session.client;
        let mark = async { client.execute(&dialer.sql.mark(), &[&seconds]).await.map_err(|e| refused(&e)) };
        let moved = session.in_time(mark).await?;
        let mut deleted = moved;
        while deleted > 0 {
            deleted = session.in_time(async { client.execute(trim, &[]).await.map_err(|e| refused(&e)) }).await?;
            tracing::debug!("removed {deleted} old entries of {}", dialer.sql.changes);
        }
        Ok(())
    };
    let outcome = work.await;
    session.end().await;
    outcome
}
