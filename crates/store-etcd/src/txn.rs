//! Batches as etcd's transactions.
//!
//! A member takes 128 comparisons and 128 operations in a transaction unless it is started with other limits. Operations
//! that are more go into transactions within the transaction, which have limits of their own; comparisons cannot, so a batch
//! that has seen more rows is guarded by the head alone (see [`crate::commit`]).
use crate::dialer::{from_etcd, to_etcd};
use crate::layout::Layout;
use crate::messages::compare::{CompareResult, CompareTarget, TargetUnion};
use crate::messages::request_op::Request;
use crate::messages::response_op::Response;
use crate::messages::{Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, ResponseOp, TxnRequest};
use bytes::Bytes;
use kw_store::{Batch, Key, Revision, StoreError, Write};

/// What etcd takes by default of comparisons, and of operations.
const OPERATIONS_MAX: usize = 128;

/// Half of it: so many transactions within a transaction, each with so many operations, and beside them so many comparisons.
const NESTED_MAX: usize = OPERATIONS_MAX / 2;

/// The most writes in a batch: nested as above, with a place for the head.
const WRITES_MAX: usize = (NESTED_MAX - 1) * NESTED_MAX;

/// How many rows can be compared in the transaction, with room for the comparison of the fence.
pub(crate) const SEEN_MAX: usize = NESTED_MAX - 1;

/// Larger batches are not even sent: no etcd is run with a limit so high.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Refuses what no etcd takes. What this one takes, it says itself.
pub(crate) fn check_size(batch: &Batch) -> Result<(), StoreError> {
    let weight = |w: &Write| w.key.len() + w.value.as_ref().map_or(0, Bytes::len);
    let bytes: usize = batch.writes.iter().map(weight).sum();
    if batch.writes.len() > WRITES_MAX || bytes > BATCH_BYTES_MAX { Err(StoreError::TooLarge) } else { Ok(()) }
}

/// The transaction that writes the batch if the comparisons hold and the fence is not there.
pub(crate) fn transaction(layout: &Layout, mut compare: Vec<Compare>, writes: &[Write], fence: Bytes) -> TxnRequest {
    compare.push(unchanged(fence.clone(), Revision(0)));
    let operations: Vec<RequestOp> = writes.iter().map(|w| operation(layout, w)).collect();
    let mut success = if operations.len() < OPERATIONS_MAX { operations } else { nested(operations) };
    success.push(if writes.is_empty() { fetch(layout.head()) } else { put(layout.head(), Bytes::new()) });
    TxnRequest { compare, success, failure: vec![fetch(layout.head()), fetch(fence)] }
}

/// Comparisons with what was seen.
pub(crate) fn as_seen(layout: &Layout, seen: &[(Key, Revision)]) -> Vec<Compare> {
    seen.iter().map(|(key, at)| unchanged(layout.row(key), *at)).collect()
}

/// Holds if the key was last changed then; revision 0: if it is not there.
pub(crate) fn unchanged(key: Bytes, at: Revision) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key,
        range_end: Bytes::new(),
        target_union: Some(TargetUnion::ModRevision(to_etcd(at))),
    }
}

/// Holds if there is nothing in the range.
pub(crate) fn nothing_in((key, range_end): (Bytes, Bytes)) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        key,
        range_end,
        target_union: Some(TargetUnion::CreateRevision(0)),
    }
}

pub(crate) fn put(key: Bytes, value: Bytes) -> RequestOp {
    RequestOp { request: Some(Request::RequestPut(PutRequest { key, value })) }
}

pub(crate) fn delete(key: Bytes) -> RequestOp {
    RequestOp { request: Some(Request::RequestDeleteRange(DeleteRangeRequest { key, range_end: Bytes::new() })) }
}

/// When the only key that was asked for was last changed; `None`: it is not there.
pub(crate) fn fetched(answer: Option<&ResponseOp>) -> Option<Revision> {
    let Some(Response::ResponseRange(range)) = answer?.response.as_ref() else { return None };
    range.kvs.first().map(|kv| from_etcd(kv.mod_revision))
}

fn fetch(key: Bytes) -> RequestOp {
    let question = RangeRequest { key, keys_only: true, ..RangeRequest::default() };
    RequestOp { request: Some(Request::RequestRange(question)) }
}

fn operation(layout: &Layout, write: &Write) -> RequestOp {
    match &write.value {
        Some(value) => put(layout.row(&write.key), value.clone()),
        None => delete(layout.row(&write.key)),
    }
}

fn nested(operations: Vec<RequestOp>) -> Vec<RequestOp> {
    let within = |success: &[RequestOp]| {
        let request = TxnRequest { success: success.to_vec(), ..TxnRequest::default() };
        RequestOp { request: Some(Request::RequestTxn(request)) }
    };
    operations.chunks(NESTED_MAX).map(within).collect()
}
