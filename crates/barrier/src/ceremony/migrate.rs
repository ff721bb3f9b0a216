//! Moving to another seal, by the word of enough share holders. Their shares stay what they are: unseal shares become recovery
//! shares, and the other way round.
use crate::derive::{RootKey, UnsealKey};
use crate::error::BarrierError;
use crate::seal::{
    BACKUP_ROW, CONFIG_ROW, RECOVERY_BACKUP_ROW, RECOVERY_CONFIG_ROW, RECOVERY_KEY_ROW, ROOT_KEY_ROW, RecoveryRow,
    SHAMIR, SealConfig, ShareLock, wrap,
};
use kw_types::Rng;

/// Rows to write, or to delete where there is no content.
pub type RowChanges = Vec<(&'static str, Option<Vec<u8>>)>;

/// What makes the holders of `key` the holders of unseal shares.
pub fn migrate_to_shamir(
    lock: &ShareLock,
    key: &UnsealKey,
    root: &RootKey,
    rng: &dyn Rng,
) -> Result<RowChanges, BarrierError> {
    let config = SealConfig { kind: SHAMIR.to_owned(), ..lock.config().clone() };
    Ok(vec![
        (CONFIG_ROW, Some(json(CONFIG_ROW, &config)?)),
        (ROOT_KEY_ROW, Some(wrap(key, root, rng)?)),
        (RECOVERY_CONFIG_ROW, None),
        (RECOVERY_KEY_ROW, None),
        (RECOVERY_BACKUP_ROW, None),
    ])
}

/// What puts seals of this kind in force; `sealed_root` is the root key as they have encrypted it. Recovery shares stay as they
/// are; unseal shares become recovery shares that open the store, as they did.
pub fn migrate_to_seals(
    (kind, sealed_root): (&str, Vec<u8>),
    from_shamir: bool,
    lock: &ShareLock,
    key: &UnsealKey,
    root: &RootKey,
    rng: &dyn Rng,
) -> Result<RowChanges, BarrierError> {
    let mut rows =
        vec![(CONFIG_ROW, Some(json(CONFIG_ROW, &SealConfig::of_kind(kind))?)), (ROOT_KEY_ROW, Some(sealed_root))];
    if from_shamir {
        rows.push((RECOVERY_CONFIG_ROW, Some(json(RECOVERY_CONFIG_ROW, lock.config())?)));
        rows.push((RECOVERY_KEY_ROW, Some(RecoveryRow::of_root(key, root, rng)?)));
        rows.push((BACKUP_ROW, None));
    }
    Ok(rows)
}

fn json(row: &'static str, config: &SealConfig) -> Result<Vec<u8>, BarrierError> {
    serde_json::to_vec(config).map_err(|_| BarrierError::Malformed(row))
}
