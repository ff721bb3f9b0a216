//! The marks in both stores: who may be copied to whom, and how far it has come.
use kw_barrier::SystemRng;
use kw_kernel::{MIGRATION_FORMAT, MIGRATION_ROW, MigrationMark, MigrationState};
use kw_store::{Batch, Key, Revision, Row, Store, StoreError, Write};
use kw_types::{Clock, RngExt, SystemClock};
use std::time::Duration;

/// A shared source must have been silent for so long before it is copied.
const SILENCE: Duration = Duration::from_secs(3);
/// Nodes look for the mark several times a second; whoever still writes after so long does not look.
const PATIENCE_ROUNDS: u32 = 20;
const STEP: Duration = Duration::from_millis(500);

/// A mark as it was found or written. It is only changed on the condition that nobody else has.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub mark: MigrationMark,
    revision: Revision,
}

/// A migration that may go on.
pub(super) struct Ready {
    pub source: Marked,
    pub destination: Marked,
    /// The source's revision, which must not change any more.
    pub of_revision: Revision,
    /// All rows up to this key are there already; `None` at the beginning.
    pub copied: Option<Vec<u8>>,
    /// How many that are.
    pub rows: u64,
}

/// Judges both stores, marks them, and waits until nobody writes to the source any more. Errors: what is in the way, and what
/// to do.
pub(super) async fn begin(source: &dyn Store, destination: &dyn Store) -> Result<Ready, String> {
    let (left, arriving) = (find(source).await?, find(destination).await?);
    judge(source, destination, left.as_ref(), arriving.as_ref()).await?;
    let left = match left {
        Some(left) => left,
        None => put(source, fresh_mark(destination.kind()), Revision(0)).await?,
    };
    let of_revision = come_to_rest(source).await?;
    let anew = MigrationState::Arriving { copied: String::new(), rows: 0, of_revision: of_revision.0 };
    let (mark, before) = match arriving {
        // Nothing has been written since, so what was copied still holds.
        Some(Marked { mark, revision }) if is_of(&mark, of_revision) => (mark, revision),
        Some(Marked { mark, revision }) => (MigrationMark { state: anew, ..mark }, revision),
        None => (MigrationMark { other: source.kind().to_owned(), state: anew, ..left.mark.clone() }, Revision(0)),
    };
    let destination = put(destination, mark, before).await?;
    let (copied, rows) = match &destination.mark.state {
        MigrationState::Arriving { copied, rows, .. } if !copied.is_empty() => (hex::decode(copied).ok(), *rows),
        _ => (None, 0),
    };
    Ok(Ready { source: left, destination, of_revision, copied, rows })
}

/// Notes how far the copy has come.
pub(super) async fn note(
    store: &dyn Store,
    marked: &Marked,
    copied: &[u8],
    rows: u64,
    of: Revision,
) -> Result<Marked, String> {
    let state = MigrationState::Arriving { copied: hex::encode(copied), rows, of_revision: of.0 };
    put(store, MigrationMark { state, ..marked.mark.clone() }, marked.revision).await
}

/// From here on the destination is the store. The source is closed first: after a crash in between neither is served, and the
/// next run does the rest.
pub(super) async fn finish(source: &dyn Store, destination: &dyn Store, ready: &Ready) -> Result<(), String> {
    let moved = MigrationMark { state: MigrationState::Moved, ..ready.source.mark.clone() };
    put(source, moved, ready.source.revision).await?;
    take(destination, &ready.destination).await
}

/// Takes the mark from the source. Errors: there is none, or it is of a store that is not whole.
pub(super) async fn reset(source: &dyn Store) -> Result<(), String> {
    let Some(marked) = find(source).await? else {
        return Err("the source is not marked: there is nothing to reset".to_owned());
    };
    if let MigrationState::Arriving { .. } = marked.mark.state {
        return Err(format!("the source cannot be reset: {}", marked.mark.refusal()));
    }
    take(source, &marked).await
}

async fn find(store: &dyn Store) -> Result<Option<Marked>, String> {
    let Some(Row { value, revision }) = store.get(MIGRATION_ROW.as_bytes()).await.map_err(|e| of(store, &e))? else {
        return Ok(None);
    };
    let mark: MigrationMark = serde_json::from_slice(&value)
        .map_err(|_| format!("the row {MIGRATION_ROW} of the {} store cannot be read", store.kind()))?;
    if mark.format > MIGRATION_FORMAT {
        return Err("the migration was begun by a newer Keywright: complete it with that version".to_owned());
    }
    Ok(Some(Marked { mark, revision }))
}

async fn judge(
    source: &dyn Store,
    destination: &dyn Store,
    left: Option<&Marked>,
    arriving: Option<&Marked>,
) -> Result<(), String> {
    if let Some(Marked { mark, .. }) = left
        && matches!(mark.state, MigrationState::Arriving { .. })
    {
        return Err(format!("the source cannot be copied: {}", mark.refusal()));
    }
    let Some(Marked { mark, .. }) = arriving else {
        if let Some(Marked { mark, .. }) = left.filter(|l| l.mark.state == MigrationState::Moved) {
            return Err(format!("the source cannot be copied: {}", mark.refusal()));
        }
        if is_empty(source).await? {
            return Err("the source holds no data: is it the right one?".to_owned());
        }
        return match is_empty(destination).await? {
            true => Ok(()),
            false => Err("the destination holds other data: name an empty store".to_owned()),
        };
    };
    if !matches!(mark.state, MigrationState::Arriving { .. }) {
        return Err(format!("the destination is no place to copy to: {}", mark.refusal()));
    }
    match left {
        Some(left) if left.mark.id == mark.id => Ok(()),
        _ => Err("the destination holds an unfinished copy of another source: name that one, or an empty destination"
            .to_owned()),
    }
}

async fn is_empty(store: &dyn Store) -> Result<bool, String> {
    let keys = store.keys(&[], &[], 2).await.map_err(|e| of(store, &e))?;
    Ok(keys.iter().all(|key| key == MIGRATION_ROW.as_bytes()))
}

fn is_of(mark: &MigrationMark, revision: Revision) -> bool {
    matches!(mark.state, MigrationState::Arriving { of_revision, .. } if of_revision == revision.0)
}

fn fresh_mark(other: &str) -> MigrationMark {
    MigrationMark {
        format: MIGRATION_FORMAT,
        id: hex::encode(SystemRng.bytes::<16>()),
        since: SystemClock.now(),
        other: other.to_owned(),
        state: MigrationState::Leaving,
    }
}

/// Waits until no node writes any more. A store with a lock of its own has nobody else.
async fn come_to_rest(source: &dyn Store) -> Result<Revision, String> {
    let mut newest = source.newest().await.map_err(|e| of(source, &e))?;
    if !source.is_shared() {
        return Ok(newest);
    }
    let mut silent = Duration::ZERO;
    for _ in 0..PATIENCE_ROUNDS {
        if silent >= SILENCE {
            return Ok(newest);
        }
        tokio::time::sleep(STEP).await;
        let now = source.newest().await.map_err(|e| of(source, &e))?;
        silent = if now == newest { silent + STEP } else { Duration::ZERO };
        newest = now;
    }
    Err("the source is still being written to: stop all servers that run on it, then try again".to_owned())
}

async fn put(store: &dyn Store, mark: MigrationMark, before: Revision) -> Result<Marked, String> {
    let value = serde_json::to_vec(&mark).map_err(|e| e.to_string())?;
    let revision = commit(store, Some(value), before).await?;
    Ok(Marked { mark, revision })
}

async fn take(store: &dyn Store, marked: &Marked) -> Result<(), String> {
    commit(store, None, marked.revision).await.map(|_| ())
}

async fn commit(store: &dyn Store, value: Option<Vec<u8>>, before: Revision) -> Result<Revision, String> {
    let key = Key::from_static(MIGRATION_ROW.as_bytes());
    let seen = vec![(key.clone(), before)];
    let batch = Batch { seen, writes: vec![Write { key, value: value.map(Into::into) }], ..Batch::default() };
    match store.commit(batch).await {
        Ok(revision) => Ok(revision),
        Err(StoreError::Conflict) => Err("another migration of these stores is running".to_owned()),
        Err(error) => Err(of(store, &error)),
    }
}

/// An error of one of the two stores.
pub(super) fn of(store: &dyn Store, error: &StoreError) -> String {
    format!("the {} store: {error}", store.kind())
}
