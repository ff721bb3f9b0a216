//! Finding the store under its path, or founding it.
use crate::OpenError;
use crate::commit::TXN;
use crate::dialer::{Dialer, Identity, RANGE, revision};
use crate::messages::{RangeRequest, RangeResponse, TxnRequest, TxnResponse};
use crate::txn::{nothing_in, put};
use bytes::Bytes;
use kw_store::{Revision, StoreError};
use kw_types::Rng;

/// The number of the layout that is described in `docs/storage.md`.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: &str = "keywright-store ";

/// Finds the store, and founds it if there is nothing under its path. Returns the revision from which on there is news.
pub(crate) async fn find_or_found(dialer: &Dialer, rng: &dyn Rng) -> Result<Revision, OpenError> {
    if let Some(at) = find(dialer).await? {
        return Ok(at);
    }
    let mut id = [0; 16];
    rng.fill(&mut id);
    let format = format!("{MAGIC}{FORMAT}\nid {}\n", hex::encode(id));
    let layout = &dialer.layout;
    let request = TxnRequest {
        compare: vec![nothing_in(layout.everything())],
        success: vec![put(layout.format(), format.into()), put(layout.head(), Bytes::new())],
        failure: Vec::new(),
    };
    // If another node is first, or if this is sent twice, there is something under the path, and we find it.
    let _: TxnResponse = dialer.ask(TXN, request).await?;
    let founded = find(dialer).await?;
    founded.ok_or_else(|| StoreError::Unavailable("the store could not be founded".to_owned()).into())
}

/// `None`: there is nothing under the path.
async fn find(dialer: &Dialer) -> Result<Option<Revision>, OpenError> {
    let layout = &dialer.layout;
    let question = RangeRequest { key: layout.format(), ..RangeRequest::default() };
    let answer: RangeResponse = dialer.ask(RANGE, question).await?;
    let Some(found) = answer.kvs.into_iter().next() else {
        let (key, range_end) = layout.everything();
        let question = RangeRequest { key, range_end, limit: 1, keys_only: true, ..RangeRequest::default() };
        let others: RangeResponse = dialer.ask(RANGE, question).await?;
        let foreign = others.kvs.iter().any(|kv| kv.key != layout.format());
        return if foreign { Err(OpenError::Foreign(layout.path.clone())) } else { Ok(None) };
    };
    let number = format_of(&found.value).ok_or_else(|| OpenError::Foreign(layout.path.clone()))?;
    if number > FORMAT {
        return Err(OpenError::Newer { path: layout.path.clone(), found: number });
    }
    let cluster = answer.header.map_or(0, |header| header.cluster_id);
    // It is set once, and what was found before is what is found now.
    let _ = dialer.identity.set(Identity { format: found.value, cluster });
    Ok(Some(revision(answer.header)))
}

fn format_of(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    text.strip_prefix(MAGIC)?.lines().next()?.parse().ok()
}
