//! What an error of the database means for the caller.
use kw_store::StoreError;
use std::error::Error as _;
use tokio_postgres::error::{Severity, SqlState};

/// The error of a statement that has certainly changed nothing.
pub(crate) fn refused(error: &tokio_postgres::Error) -> StoreError {
    let Some(code) = error.code() else { return StoreError::Unavailable(text(error)) };
    if *code == SqlState::DISK_FULL {
        StoreError::NoSpace
    } else if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        StoreError::Corrupt(text(error))
    } else {
        StoreError::Unavailable(text(error))
    }
}

/// The error of a `COMMIT`. An error of ordinary severity comes before the commit is written down; whatever else happens,
/// or ends the connection, may come after it.
pub(crate) fn of_commit(error: &tokio_postgres::Error) -> StoreError {
    let severity = error.as_db_error().and_then(|db| db.parsed_severity());
    if severity == Some(Severity::Error) { refused(error) } else { StoreError::Unknown(text(error)) }
}

/// Whether the connection, and not the statement, is what failed: another connection may do better.
pub(crate) fn is_of_connection(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        None => true,
        // A former primary that has become a standby refuses writes for as long as one stays with it.
        Some(db) => db.parsed_severity() != Some(Severity::Error) || *db.code() == SqlState::READ_ONLY_SQL_TRANSACTION,
    }
}

/// The server's own words, without the detail (which may quote a row) and with the code to search for.
pub(crate) fn text(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", db.message(), db.code().code());
    }
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A row of the database that does not have the shape it must have.
pub(crate) fn misshapen(error: &tokio_postgres::Error) -> StoreError {
    StoreError::Corrupt(format!("a column is not what it should be: {}", text(error)))
}

pub(crate) fn closing() -> StoreError {
    StoreError::Unavailable("it is closing".to_owned())
}

pub(crate) fn too_slow() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".to_owned())
}
