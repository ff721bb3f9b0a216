//! The task that hears what other nodes commit and tells the watchers.
//!
//! A notification says only that there is something; what it is, the table of changes says. So nothing is missed while the
//! connection is down, or where a pooler in between swallows notifications: it is only heard of later.
use crate::committer::add_change;
use crate::error::{is_of_connection, misshapen, refused, text, too_slow};
use crate::position::News;
use crate::session::{CONNECT_MAX, Dialer, Heard, PROBE, Session, from_database, to_database};
use crate::sql::CATCH_UP_MAX;
use kw_store::{ANSWER_TIME_MAX, Revision, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::Statement;

/// How often the follower looks for changes of which no notification came.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long our own notification may take to come back before the log says that none do.
const PROBE_MAX: Duration = Duration::from_secs(5);

const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How many questions are answered at once.
const ASKED_MAX: usize = 4096;

/// Somebody who wants to know the newest revision.
pub(crate) type Asked = oneshot::Sender<Result<Revision, StoreError>>;

pub(crate) struct Follower {
    pub dialer: Arc<Dialer>,
    pub channel: String,
    pub questions: mpsc::UnboundedReceiver<Asked>,
}

impl Follower {
    /// Works until nobody can ask any more.
    pub async fn run(mut self) {
        let mut backoff = BACKOFF.0;
        let mut asked = Vec::new();
        while !self.questions.is_closed() {
            let listening = timeout(CONNECT_MAX, self.listen()).await;
            let trouble = match listening.unwrap_or_else(|_| Err(too_slow())) {
                Ok(mut ear) => {
                    backoff = BACKOFF.0;
                    let trouble = self.follow(&mut ear, &mut asked).await;
                    ear.session.end().await;
                    trouble
                }
                Err(trouble) => trouble,
            };
            tracing::debug!("changes by other nodes are not followed at the moment: {trouble}");
            while let Ok(question) = self.questions.try_recv() {
                asked.push(question);
            }
            answer(&mut asked, &Err(trouble));
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    async fn listen(&self) -> Result<Ear, StoreError> {
        let session = self.dialer.dial().await?;
        let channel = &self.channel;
        let prepare = async {
            if let Err(e) =
                session.client.batch_execute(&format!("LISTEN {channel}; NOTIFY {channel}, '{PROBE}'")).await
            {
                if is_of_connection(&e) {
                    return Err(refused(&e));
                }
                tracing::warn!("the database does not take LISTEN, so other nodes are asked each second: {}", text(&e));
            }
            session.client.prepare(&self.dialer.sql.news()).await.map_err(|e| refused(&e))
        };
        let news = session.in_time(prepare).await?;
        Ok(Ear { session, news, doubt_at: Some(Instant::now() + PROBE_MAX) })
    }

    /// Until the connection fails.
    async fn follow(&mut self, ear: &mut Ear, asked: &mut Vec<Asked>) -> StoreError {
        // Whatever happened before LISTEN was in force.
        let mut look = true;
        loop {
            if look || !asked.is_empty() {
                match ear.catch_up(&self.dialer).await {
                    Ok(newest) => answer(asked, &Ok(newest)),
                    Err(e) => return e,
                }
            }
            ear.doubt();
            let next_look = Instant::now() + LOOK_EVERY;
            look = tokio::select! {
                count = self.questions.recv_many(asked, ASKED_MAX) => {
                    if count == 0 {
                        return crate::error::closing();
                    }
                    true
                }
                changed = ear.session.heard.changed() => {
                    if changed.is_err() {
                        return StoreError::Unavailable("the connection that listens was lost".to_owned());
                    }
                    let heard: Heard = *ear.session.heard.borrow_and_update();
                    Revision(heard.revision) > self.dialer.position.reached()
                }
                () = sleep_until(next_look) => true,
            };
        }
    }
}

/// The connection that listens.
struct Ear {
    session: Session,
    news: Statement,
    /// When to complain that no notification has come.
    doubt_at: Option<Instant>,
}

impl Ear {
    /// Reads what is new, tells the watchers, and says how far that is.
    async fn catch_up(&self, dialer: &Dialer) -> Result<Revision, StoreError> {
        let known = dialer.position.reached();
        let since = to_database(known);
        let asked = timeout(ANSWER_TIME_MAX, self.session.client.query(&self.news, &[&since])).await;
        let rows = asked.map_err(|_| too_slow())?.map_err(|e| refused(&e))?;
        let number = |row: &tokio_postgres::Row, i: usize| row.try_get::<_, i64>(i).map_err(|e| misshapen(&e));
        let Some(first) = rows.first() else {
            return Err(StoreError::Corrupt(format!("the table {} is empty", dialer.sql.meta)));
        };
        let (newest, trimmed) = (from_database(number(first, 0)?), from_database(number(first, 1)?));
        dialer.position.check(newest, known)?;
        let mut changes = Vec::new();
        for row in &rows {
            let at: Option<i64> = row.try_get(2).map_err(|e| misshapen(&e))?;
            let key: Option<&[u8]> = row.try_get(3).map_err(|e| misshapen(&e))?;
            if let (Some(at), Some(key)) = (at, key) {
                add_change(&mut changes, from_database(at), key);
            }
        }
        let lost = trimmed > known || rows.len() > CATCH_UP_MAX;
        dialer.position.advance(&News { changes, to: newest, lost });
        Ok(newest)
    }

    fn doubt(&mut self) {
        if self.session.heard.borrow().probe {
            self.doubt_at = None;
        }
        if self.doubt_at.is_some_and(|at| at <= Instant::now()) {
            self.doubt_at = None;
            tracing::warn!(
                "no notification of the database arrives, as is the case behind a pooler that shares connections between \
                 transactions: changes by other nodes are asked for each second"
            );
        }
    }
}

fn answer(asked: &mut Vec<Asked>, outcome: &Result<Revision, StoreError>) {
    for question in asked.drain(..) {
        // Whoever has stopped waiting needs no answer.
        let _ = question.send(outcome.clone());
    }
}
