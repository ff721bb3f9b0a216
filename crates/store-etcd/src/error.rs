//! What a failed call means for the caller.
use kw_store::StoreError;
use std::error::Error as _;
use tonic::{Code, Status};

/// The failure of a call that has certainly changed nothing, since it only reads.
pub(crate) fn refused(status: &Status) -> StoreError {
    certain(status).unwrap_or_else(|| StoreError::Unavailable(text(status)))
}

/// The failure of a commit: unless etcd says by its answer that it has not taken place, it may have.
pub(crate) fn of_commit(status: &Status) -> StoreError {
    certain(status).unwrap_or_else(|| StoreError::Unknown(text(status)))
}

/// Whether etcd wants us to log in again. It says so before it does anything.
pub(crate) fn is_of_login(status: &Status) -> bool {
    let is_old = status.message().contains("auth") && status.message().contains("old");
    is_of_etcd(status) && (status.code() == Code::Unauthenticated || is_old)
}

/// Whether another member may do better, or the same one a little later.
pub(crate) fn may_pass(status: &Status) -> bool {
    !is_of_etcd(status)
        || is_of_login(status)
        || matches!(status.code(), Code::Unavailable | Code::Unknown | Code::DeadlineExceeded | Code::Cancelled)
}

/// Whether there is no leader at the moment, which an election of a second or two ends.
pub(crate) fn is_leaderless(status: &Status) -> bool {
    let text = status.message();
    status.code() == Code::Unavailable && (text.contains("no leader") || text.contains("leader changed"))
}

/// What etcd answers before it does anything, or after it has refused the whole.
fn certain(status: &Status) -> Option<StoreError> {
    if !is_of_etcd(status) {
        return None;
    }
    let says = |part: &str| status.message().contains(part);
    match status.code() {
        Code::ResourceExhausted if says("space exceeded") => Some(StoreError::NoSpace),
        Code::ResourceExhausted if says("larger than max") => Some(StoreError::TooLarge),
        Code::InvalidArgument if says("too large") || says("too many operations") => Some(StoreError::TooLarge),
        Code::DataLoss => Some(StoreError::Corrupt(text(status))),
        Code::ResourceExhausted
        | Code::InvalidArgument
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::OutOfRange => Some(StoreError::Unavailable(text(status))),
        // Asked for with each request, and found out before the request is looked at.
        Code::Unavailable if status.message() == "etcdserver: no leader" => Some(StoreError::Unavailable(text(status))),
        _ if is_of_login(status) => Some(StoreError::Unavailable(text(status))),
        _ => None,
    }
}

/// Whether this is an answer, and not a failure on the way.
fn is_of_etcd(status: &Status) -> bool {
    status.source().is_none()
}

fn text(status: &Status) -> String {
    match status.source() {
        Some(source) => format!("the connection to etcd failed: {source}"),
        None => status.message().to_owned(),
    }
}

pub(crate) fn closing() -> StoreError {
    StoreError::Unavailable("it is closing".to_owned())
}

pub(crate) fn too_slow() -> StoreError {
    StoreError::Unavailable("etcd did not answer in time".to_owned())
}
