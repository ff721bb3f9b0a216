//! The task that hears what is committed, by any node, and tells the watchers.
//!
//! One watch on one stream, over everything that is ours. No use is made of etcd's progress notifications, which in versions
//! before 3.4.25 and 3.5.8 may overtake the changes that they vouch for: that the watch has come as far as a commit shows by
//! the change of the head, which is a part of every commit.
use crate::connection::Connection;
use crate::dialer::{Dialer, from_etcd, to_etcd};
use crate::error::{may_pass, refused};
use crate::layout::Layout;
use crate::messages::watch_request::RequestUnion;
use crate::messages::{ChangedKey, Event, WatchCreateRequest, WatchRequest, WatchResponse};
use kw_store::{Key, Revision, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tonic::Streaming;

const WATCH: &str = "/etcdserverpb.Watch/Watch";

const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Why a watch ended.
enum Ended {
    Trouble(StoreError),
    /// What comes next cannot be had any more.
    Compacted,
}

/// Works until its runtime ends.
pub(crate) async fn run(dialer: Arc<Dialer>) {
    let mut backoff = BACKOFF.0;
    loop {
        let before = dialer.position.reached();
        let ended = match dialer.connection().await {
            Ok(connection) => follow(&dialer, &connection).await,
            Err(error) => Ended::Trouble(error),
        };
        dialer.position.set_live(false);
        let trouble = match ended {
            Ended::Compacted => skip(&dialer).await.err(),
            Ended::Trouble(error) => Some(error),
        };
        if dialer.position.reached() > before {
            backoff = BACKOFF.0;
        }
        if let Some(trouble) = trouble {
            tracing::debug!("changes in etcd are not followed at the moment: {trouble}");
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }
}

/// Goes on at the newest revision, and says that what lies before is lost. What is read after the watchers have been told
/// is not older than that.
async fn skip(dialer: &Dialer) -> Result<(), StoreError> {
    let head = dialer.head().await?;
    tracing::info!("changes up to revision {} are compacted away: all that is remembered is forgotten", head.cluster.0);
    dialer.position.jump(head.cluster);
    Ok(())
}

async fn follow(dialer: &Dialer, connection: &Connection) -> Ended {
    let (key, range_end) = dialer.layout.everything();
    let start_revision = to_etcd(dialer.position.reached()).saturating_add(1);
    let create = WatchCreateRequest { key, range_end, start_revision, fragment: true };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let failed = |status: tonic::Status| {
        if may_pass(&status) {
            connection.give_up();
        }
        Ended::Trouble(refused(&status))
    };
    let mut news: Streaming<WatchResponse> = match connection.subscribe(WATCH, request, dialer.request_timeout).await {
        Ok(news) => news,
        Err(status) => return failed(status),
    };
    // What belongs to one revision is told as one, also where it comes in parts.
    let mut parts = Vec::new();
    loop {
        let response = tokio::select! {
            response = news.message() => response,
            () = connection.until_broken() => return trouble("the connection that watches was lost"),
        };
        let response = match response {
            Ok(Some(response)) => response,
            Ok(None) => return trouble("etcd ended the watch"),
            Err(status) => return failed(status),
        };
        if response.canceled {
            let compacted = response.compact_revision > 0;
            return if compacted { Ended::Compacted } else { trouble(&response.cancel_reason) };
        }
        parts.extend(response.events);
        if !response.fragment {
            dialer.position.advance(&changes(&dialer.layout, parts.drain(..)));
        }
        if response.created {
            dialer.position.set_live(true);
        }
    }
}

fn trouble(why: &str) -> Ended {
    Ended::Trouble(StoreError::Unavailable(why.to_owned()))
}

/// The changes by revision, with the keys of rows alone: a revision in which no row changed has none.
pub(crate) fn changes(layout: &Layout, events: impl Iterator<Item = Event>) -> Vec<(Revision, Vec<Key>)> {
    let mut changes: Vec<(Revision, Vec<Key>)> = Vec::new();
    for ChangedKey { key, mod_revision } in events.filter_map(|event| event.kv) {
        let at = from_etcd(mod_revision);
        // Copied, since it is a part of a much larger message that it would keep alive.
        let key = layout.key_of(&key).map(|key| Key::copy_from_slice(&key));
        match changes.last_mut() {
            Some((last, keys)) if *last == at => keys.extend(key),
            _ => changes.push((at, key.into_iter().collect())),
        }
    }
    changes
}
