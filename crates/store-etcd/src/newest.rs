//! The task that asks for the newest revision, once for all who want to know it at that moment.
use crate::connection::Connection;
use crate::dialer::Dialer;
use kw_store::{Revision, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// How often it asks when nobody wants to know, so that a member that falls silent is noticed before somebody does.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the watch may lag behind before it is taken from another member.
const LAG_MAX: Duration = Duration::from_secs(2);

/// How many questions are answered at once.
const ASKED_MAX: usize = 4096;

/// Somebody who wants to know the newest revision.
pub(crate) type Asked = oneshot::Sender<Result<Revision, StoreError>>;

/// Works until nobody can ask any more.
pub(crate) async fn run(dialer: Arc<Dialer>, mut questions: mpsc::UnboundedReceiver<Asked>) {
    let mut asked = Vec::new();
    loop {
        if let Ok(0) = timeout(LOOK_EVERY, questions.recv_many(&mut asked, ASKED_MAX)).await {
            return;
        }
        let began = Instant::now();
        let asked = std::mem::take(&mut asked);
        match dialer.head().await {
            Ok(head) if dialer.position.reached() >= head.newest => answer(asked, &Ok(head.newest)),
            // Those who ask from now on need not wait for the same news.
            Ok(head) => _ = tokio::spawn(answer_then(dialer.clone(), asked, head.newest, began)),
            Err(error) => {
                tracing::debug!("etcd does not say what its newest revision is: {error}");
                answer(asked, &Err(error));
            }
        }
    }
}

/// Answers when the watch has come that far.
async fn answer_then(dialer: Arc<Dialer>, asked: Vec<Asked>, newest: Revision, began: Instant) {
    let position = &dialer.position;
    let stalled = dialer.connection().await.ok();
    let mut there = position.come_to(newest, Instant::now() + LAG_MAX, false).await;
    if !there {
        tracing::warn!("the news from etcd have stopped at revision {}: asking another member", position.reached().0);
        stalled.as_deref().map(Connection::give_up);
        there = position.come_to(newest, began + dialer.request_timeout, false).await;
    }
    let outcome = if there {
        Ok(newest)
    } else {
        Err(StoreError::Unavailable("the news from etcd lag behind its newest revision".to_owned()))
    };
    answer(asked, &outcome);
}

fn answer(asked: Vec<Asked>, outcome: &Result<Revision, StoreError>) {
    for question in asked {
        // Whoever has stopped waiting needs no answer.
        let _ = question.send(outcome.clone());
    }
}
