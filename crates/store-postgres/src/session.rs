//! One connection to the database.
use crate::address::Address;
use crate::error::{misshapen, refused, text, too_slow};
use crate::position::Position;
use crate::sql::Sql;
use kw_store::{Revision, StoreError};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client};

/// How long the database may take for a statement.
pub(crate) const STATEMENT_MAX: Duration = Duration::from_secs(30);

/// How long opening a connection may take, with all its first statements.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(15);

/// How long a connection may take to say goodbye.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// What every session sets first. Our statements all have their index, so the planner is kept from reading whole tables
/// when it has no statistics yet. Whoever holds the lock on the row of revisions and falls silent loses it soon.
const SETTINGS: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '10s'; \
     SET client_min_messages = warning; SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A connection, and the task that drives it.
pub(crate) struct Session {
    pub client: Client,
    pub heard: watch::Receiver<Heard>,
    driver: JoinHandle<()>,
}

/// What has come in by `NOTIFY`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    pub revision: u64,
    /// Whether our own [`PROBE`] came back.
    pub probe: bool,
}

/// The text of a notification that only shows that notifications arrive.
pub(crate) const PROBE: &str = "probe";

impl Session {
    /// Ends the connection in order, so that the server's log has nothing to complain about.
    pub async fn end(self) {
        drop(self.client);
        // If it takes longer, the connection is torn instead.
        let _ = timeout(FAREWELL_MAX, self.driver).await;
    }

    /// An answer in time, or an error; afterwards the session is of no use any more.
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(STATEMENT_MAX + Duration::from_secs(5), work).await.unwrap_or_else(|_| Err(too_slow()))
    }
}

/// Opens connections.
pub(crate) struct Dialer {
    pub address: Address,
    pub sql: Sql,
    /// The store's identity, once it is known.
    pub store: Vec<u8>,
    pub position: Arc<Position>,
}

impl Dialer {
    /// A connection to the database that holds this store.
    ///
    /// Errors: [`StoreError::Unavailable`]; [`StoreError::Corrupt`] if the database is another one, or behind.
    pub async fn dial(&self) -> Result<Session, StoreError> {
        self.position.sound()?;
        let known = self.position.reached();
        let session = connect(&self.address).await?;
        let row = session.in_time(async {
            let row = session.client.query_opt(&self.sql.identity(), &[]).await.map_err(|e| refused(&e))?;
            row.ok_or_else(|| StoreError::Corrupt(format!("the table {} is empty", self.sql.meta)))
        });
        let row = row.await?;
        let (store, revision) = (row.try_get::<_, &[u8]>(1), row.try_get::<_, i64>(2));
        let (store, revision) = (store.map_err(|e| misshapen(&e))?, revision.map_err(|e| misshapen(&e))?);
        if store != self.store {
            let why = format!("the table {} now holds another store than at the start", self.sql.rows);
            return Err(StoreError::Corrupt(why));
        }
        self.position.check(from_database(revision), known)?;
        Ok(session)
    }
}

/// A connection with our settings, to whatever is at the address.
pub(crate) async fn connect(address: &Address) -> Result<Session, StoreError> {
    let work = async {
        let connected = address.config.connect(address.tls.clone()).await.map_err(|e| refused(&e))?;
        let (client, mut connection) = connected;
        let (news, heard) = watch::channel(Heard::default());
        let driver = tokio::spawn(async move {
            loop {
                match poll_fn(|cx| connection.poll_message(cx)).await {
                    Some(Ok(AsyncMessage::Notification(notification))) => hear(&news, notification.payload()),
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return tracing::debug!("a connection to the database ended: {}", text(&e)),
                    None => return,
                }
            }
        });
        client.batch_execute(SETTINGS).await.map_err(|e| refused(&e))?;
        Ok(Session { client, heard, driver })
    };
    timeout(CONNECT_MAX, work).await.unwrap_or_else(|_| Err(too_slow()))
}

fn hear(news: &watch::Sender<Heard>, payload: &str) {
    news.send_modify(|heard| match payload.parse::<u64>() {
        Ok(revision) => heard.revision = heard.revision.max(revision),
        Err(_) => heard.probe |= payload == PROBE,
    });
}

/// Revisions are `bigint` in the database; they begin at 0 and never come near the end.
pub(crate) fn from_database(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or(0))
}

/// What never was given out does not fit, and is as good as the greatest.
pub(crate) fn to_database(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}
