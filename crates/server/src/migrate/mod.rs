//! `keywright operator migrate`: all rows of one store into another, as they are.
//!
//! Nothing is decrypted, so no key is needed. While it runs, both stores are marked (`marks`), and no server serves them. The
//! destination remembers how far the copy has come; a run that was interrupted is started again and goes on from there. At the
//! end both stores are read again and compared, and only then do they change places.
mod arguments;
mod copy;
mod digest;
mod marks;
mod progress;
#[cfg(test)]
mod tests;

use crate::config::Migration;
use crate::start::{event_loop, tell};
use crate::{logging, stores};
use arguments::Arguments;
use futures_util::stream::StreamExt;
use kw_store::Store;
use kw_types::{Clock, SystemClock};
use marks::Ready;
use progress::Progress;
use std::pin::pin;
use std::sync::Arc;

/// How often the destination is told how far the copy has come, in seconds.
const NOTE_SECONDS: u64 = 1;

/// Runs the command with its flags. The answer is the exit code: 1 for wrong flags or configuration, 2 when a store refuses.
pub fn migrate(args: &[String]) -> i32 {
    let prepared = Arguments::parse(args).and_then(|arguments| {
        let (migration, notices) = arguments.load()?;
        logging::install(arguments.log_level, crate::config::LogFormat::Standard, None).map_err(|e| e.to_string())?;
        tell(&notices);
        Ok((arguments, migration))
    });
    let (arguments, migration) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return fail(&why, 1),
    };
    match run(&arguments, &migration) {
        Ok(said) => {
            println!("{said}");
            0
        }
        Err(why) => fail(&format!("Error migrating: {why}"), 2),
    }
}

fn fail(why: &str, code: i32) -> i32 {
    eprintln!("{}", kw_cli::for_people(why.to_owned()));
    code
}

fn run(arguments: &Arguments, migration: &Migration) -> Result<String, String> {
    let runtime = event_loop()?;
    let source = stores::open(&migration.source, true).map_err(|e| format!("storage_source: {e}"))?;
    if arguments.reset {
        runtime.block_on(async {
            marks::reset(source.as_ref()).await?;
            close(&source).await
        })?;
        return Ok("Success! The mark was taken from the source; it can be served again.".to_owned());
    }
    let destination = stores::open(&migration.destination, true).map_err(|e| format!("storage_destination: {e}"))?;
    runtime.block_on(async {
        let moved = move_all(source.as_ref(), destination.as_ref(), arguments).await?;
        close(&source).await?;
        close(&destination).await?;
        Ok(moved)
    })
}

async fn move_all(source: &dyn Store, destination: &dyn Store, arguments: &Arguments) -> Result<String, String> {
    let mut ready = marks::begin(source, destination).await?;
    let start = arguments.start.clone().into_bytes();
    copy_all(source, destination, &mut ready, start.clone(), arguments.parallel).await?;
    let found = compare(source, destination, start).await?;
    if source.newest().await.map_err(|e| marks::of(source, &e))? != ready.of_revision {
        return Err(
            "the source was written to meanwhile: stop all servers that run on it, then run this again".to_owned()
        );
    }
    marks::finish(source, destination, &ready).await?;
    Ok(format!(
        "Success! {} rows were copied from {} to {} and are the same in both: SHA-256 {}\nThe source is marked as moved and is not served any more.",
        found.rows,
        source.kind(),
        destination.kind(),
        found.sha256
    ))
}

async fn copy_all(
    source: &dyn Store,
    destination: &dyn Store,
    ready: &mut Ready,
    start: Vec<u8>,
    parallel: usize,
) -> Result<(), String> {
    let total = digest::count(source, start.clone()).await?;
    let from = ready.copied.as_deref().map_or(start.clone(), |last| copy::after(last).max(start));
    let progress = Progress::new("Copying", ready.rows.min(total), total);
    let (mut rows, mut noted) = (ready.rows, SystemClock.now());
    let mut pages = pin!(copy::copy(source, destination, from, parallel));
    while let Some(page) = pages.next().await {
        let page = page?;
        rows += page.rows;
        progress.add(page.rows);
        let now = SystemClock.now();
        if now.since(noted).seconds() >= NOTE_SECONDS && !page.last.is_empty() {
            noted = now;
            ready.destination =
                marks::note(destination, &ready.destination, &page.last, rows, ready.of_revision).await?;
        }
    }
    progress.end();
    Ok(())
}

/// Reads both stores once more.
async fn compare(source: &dyn Store, destination: &dyn Store, start: Vec<u8>) -> Result<digest::Digest, String> {
    let total = digest::count(source, start.clone()).await?;
    let progress = Progress::new("Comparing", 0, total);
    let (wanted, found) = futures_util::future::try_join(
        digest::digest(source, start.clone(), |rows| progress.add(rows)),
        digest::digest(destination, start, |_| {}),
    )
    .await?;
    progress.end();
    if wanted == found {
        return Ok(wanted);
    }
    Err(format!(
        "the copy is not the same: the source has {} rows with SHA-256 {}, the destination {} with {}; run this again",
        wanted.rows, wanted.sha256, found.rows, found.sha256
    ))
}

async fn close(store: &Arc<dyn Store>) -> Result<(), String> {
    store.close().await.map_err(|e| marks::of(store.as_ref(), &e))
}
