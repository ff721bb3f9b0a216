//! Deleting versions so that they can come back, and destroying them so that they cannot.
use super::model::{Secret, Version};
use kw_engine::{Cx, Fault, Request, Time, Txn};

/// Deletes the newest version. Its data stays, and can be undeleted.
#[derive(Request)]
pub(super) struct DeleteNewest {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
}

/// Deletes versions. Their data stays, and can be undeleted.
#[derive(Request)]
pub(super) struct Delete {
    #[flatten]
    listed: Listed,
}

/// Brings deleted versions back, and stops those that would delete themselves.
#[derive(Request)]
pub(super) struct Undelete {
    #[flatten]
    listed: Listed,
}

/// Destroys the data of versions for ever.
#[derive(Request)]
pub(super) struct Destroy {
    #[flatten]
    listed: Listed,
}

/// Some versions of a secret.
#[derive(Request)]
pub(super) struct Listed {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    /// The numbers of the versions. Those that are not there are passed over.
    versions: Vec<String>,
}

pub(super) async fn delete_newest(cx: &Cx<'_>, txn: Txn<'_>, request: DeleteNewest) -> Result<(), Fault> {
    let Some(mut secret) = Secret::load(txn.view(), &request.path).await? else { return Ok(()) };
    let newest = secret.history.current;
    end(&mut secret, &[newest], cx.now());
    secret.store(txn)
}

pub(super) async fn delete(cx: &Cx<'_>, txn: Txn<'_>, request: Delete) -> Result<(), Fault> {
    let Some((mut secret, numbers)) = request.listed.load(txn).await? else { return Ok(()) };
    end(&mut secret, &numbers, cx.now());
    secret.store(txn)
}

pub(super) async fn undelete(_: &Cx<'_>, txn: Txn<'_>, request: Undelete) -> Result<(), Fault> {
    let Some((mut secret, numbers)) = request.listed.load(txn).await? else { return Ok(()) };
    for version in listed(&mut secret, &numbers) {
        version.ends = Time::ZERO;
    }
    secret.store(txn)
}

pub(super) async fn destroy(_: &Cx<'_>, txn: Txn<'_>, request: Destroy) -> Result<(), Fault> {
    let Some((mut secret, numbers)) = request.listed.load(txn).await? else { return Ok(()) };
    for number in numbers {
        secret.destroy(txn, number);
    }
    secret.store(txn)
}

impl Listed {
    async fn load(&self, txn: Txn<'_>) -> Result<Option<(Secret, Vec<u64>)>, Fault> {
        let numbers: Result<Vec<u64>, _> = self.versions.iter().map(|text| text.parse()).collect();
        let numbers = numbers.map_err(|_| Fault::bad_request("'versions' must be a list of whole numbers"))?;
        if numbers.is_empty() {
            return Err(Fault::bad_request("no version number provided"));
        }
        Ok(Secret::load(txn.view(), &self.path).await?.map(|secret| (secret, numbers)))
    }
}

/// Ends versions now. One that is deleted already keeps the time when that was.
fn end(secret: &mut Secret, numbers: &[u64], now: Time) {
    for version in listed(secret, numbers).filter(|v| v.is_live(now)) {
        version.ends = now;
    }
}

/// The versions of these numbers that are not destroyed.
fn listed<'s>(secret: &'s mut Secret, numbers: &[u64]) -> impl Iterator<Item = &'s mut Version> {
    let versions = secret.history.versions.iter_mut();
    versions.filter(|(number, v)| numbers.contains(number) && !v.destroyed).map(|(_, version)| version)
}
