//! Finding the store in the database, or founding it.
use crate::OpenError;
use crate::address::Address;
use crate::error::{misshapen, refused};
use crate::session::{Session, connect, from_database};
use crate::sql::{FORMAT, Sql};
use kw_store::{Revision, StoreError};
use kw_types::Rng;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// Nodes that start together found the store one after the other: the number of their advisory lock, `KWfound1`.
const FOUNDING_LOCK: i64 = 0x4b57_666f_756e_6431;

const EXISTS: &str = "SELECT to_regclass($1::text) IS NOT NULL";

/// What a store in a database is known by.
pub(crate) struct Identity {
    pub store: Vec<u8>,
    pub revision: Revision,
}

/// Finds the store, and makes its tables if there is none.
pub(crate) async fn find_or_found(address: &Address, sql: &Sql, rng: &dyn Rng) -> Result<Identity, OpenError> {
    let session = connect(address).await?;
    let mut id = [0; 16];
    rng.fill(&mut id);
    let identity = match find(&session.client, sql).await? {
        Some(identity) => identity,
        None => found(&session.client, sql, &id).await?,
    };
    warn(&session).await;
    session.end().await;
    Ok(identity)
}

async fn found(client: &Client, sql: &Sql, id: &[u8]) -> Result<Identity, OpenError> {
    match make(client, sql, id).await {
        Ok(()) => {}
        // Another node was first. A look under the lock may not have shown it, since names are looked up in a cache of the
        // session that is refreshed when a transaction begins, and this one began before it waited.
        Err(e) if e.code() == Some(&SqlState::DUPLICATE_TABLE) => {
            client.batch_execute("ROLLBACK").await.map_err(|e| refused(&e))?;
        }
        Err(e) => return Err(refused(&e).into()),
    }
    let founded = find(client, sql).await?;
    founded.ok_or_else(|| StoreError::Unavailable("the tables of the store could not be made".to_owned()).into())
}

async fn make(client: &Client, sql: &Sql, id: &[u8]) -> Result<(), Error> {
    client.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({FOUNDING_LOCK})")).await?;
    if !client.query_one(EXISTS, &[&sql.meta]).await?.try_get::<_, bool>(0)? {
        client.batch_execute(&sql.create()).await?;
    }
    client.execute(&sql.found(), &[&id]).await?;
    client.batch_execute("COMMIT").await
}

/// `None`: there are no tables, or an administrator has made them and they are empty.
async fn find(client: &Client, sql: &Sql) -> Result<Option<Identity>, OpenError> {
    // The telling one is looked for last: whoever founds the store meanwhile makes all of them at once.
    let mut others = Vec::new();
    for table in [&sql.rows, &sql.changes] {
        if exists(client, table).await? {
            others.push(table.clone());
        }
    }
    if !exists(client, &sql.meta).await? {
        return others.pop().map_or(Ok(None), |table| Err(OpenError::Foreign(table)));
    }
    let row = match client.query_opt(&sql.identity(), &[]).await {
        Ok(row) => row,
        Err(e) if is_foreign(&e) => return Err(OpenError::Foreign(sql.meta.clone())),
        Err(e) => return Err(refused(&e).into()),
    };
    let Some(row) = row else {
        return if is_empty(client, sql).await? { Ok(None) } else { Err(OpenError::Foreign(sql.rows.clone())) };
    };
    let format: i32 = row.try_get(0).map_err(|_| OpenError::Foreign(sql.meta.clone()))?;
    if format > FORMAT {
        return Err(OpenError::Newer { table: sql.rows.clone(), found: format });
    }
    is_empty(client, sql).await?;
    let store: Vec<u8> = row.try_get(1).map_err(|e| misshapen(&e))?;
    let revision = from_database(row.try_get(2).map_err(|e| misshapen(&e))?);
    Ok(Some(Identity { store, revision }))
}

async fn exists(client: &Client, table: &str) -> Result<bool, OpenError> {
    let row = client.query_one(EXISTS, &[&table]).await;
    let found = row.map_err(|e| refused(&e))?.try_get(0);
    found.map_err(|e| misshapen(&e).into())
}

/// Asks for all columns of the rows, so that a table of another shape is noticed.
async fn is_empty(client: &Client, sql: &Sql) -> Result<bool, OpenError> {
    let text = format!("SELECT key, tail_digest, tail, value, revision FROM {} LIMIT 1", sql.rows);
    match client.query_opt(&text, &[]).await {
        Ok(row) => Ok(row.is_none()),
        Err(e) if is_foreign(&e) => Err(OpenError::Foreign(sql.rows.clone())),
        Err(e) => Err(refused(&e).into()),
    }
}

fn is_foreign(error: &Error) -> bool {
    error.code().is_some_and(|c| *c == SqlState::UNDEFINED_COLUMN || *c == SqlState::UNDEFINED_TABLE)
}

/// What an operator should know about the server.
async fn warn(session: &Session) {
    if let Ok(row) = session.client.query_one("SELECT current_setting('fsync')", &[]).await
        && row.try_get(0).is_ok_and(|fsync: &str| fsync == "off")
    {
        tracing::warn!(
            "the database runs with fsync = off: what was acknowledged is lost when its machine loses power"
        );
    }
}
