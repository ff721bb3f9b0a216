use super::*;
use std::future::{pending, ready};

fn watch() -> Watch {
    let seconds = |count| Some(Duration::from_secs(count));
    Watch::new(Limits {
        header_time: seconds(10),
        read_time: seconds(30),
        write_time: None,
        request_time: seconds(90),
        idle_time: seconds(300),
        ..Limits::default()
    })
}

/// How long until the guard closes the connection, or until the work ends.
async fn seconds_of(watch: &Watch, work: impl Future<Output = ()>) -> u64 {
    let (since, mut guard, mut work) = (Instant::now(), Guard::new(watch), pin!(work));
    poll_fn(|cx| if guard.poll(cx).is_ready() { Poll::Ready(()) } else { work.as_mut().poll(cx) }).await;
    since.elapsed().as_secs()
}

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn each_phase_has_its_own_limit() {
    let watch = watch();
    assert_eq!(seconds_of(&watch, pending()).await, 10, "nothing comes after the connection was made");
    watch.in_time(false, ready(())).await.unwrap();
    assert_eq!(seconds_of(&watch, pending()).await, 300, "idle");
    watch.in_time(false, ready(())).await.unwrap();
    let cut_head = async {
        sleep(123).await;
        watch.head_begins();
        // More of it is no new beginning.
        sleep(7).await;
        watch.head_begins();
        pending().await
    };
    assert_eq!(seconds_of(&watch, cut_head).await, 133);
    watch.in_time(false, ready(())).await.unwrap();
    let unread = async {
        sleep(100).await;
        watch.writes(true);
        sleep(290).await;
        watch.writes(false);
        watch.writes(true);
        pending().await
    };
    assert_eq!(seconds_of(&watch, unread).await, 100 + 290 + 300, "as long as an idle one since it read last");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_told_what_did() {
    let watch = watch();
    let body = async {
        assert_eq!(watch.in_time(true, pending::<()>()).await, Err(Overdue::Body));
    };
    assert_eq!(seconds_of(&watch, body).await, 30);
    let handler = async {
        let work = async {
            sleep(20).await;
            watch.body_arrived();
            pending::<()>().await;
        };
        assert_eq!(watch.in_time(true, work).await, Err(Overdue::Handler));
        // The next one has all of its time.
        assert_eq!(watch.in_time(false, sleep(89)).await, Ok(()));
    };
    assert_eq!(seconds_of(&watch, handler).await, 90 + 89);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_limited_goes_on() {
    let none = Limits { header_time: None, read_time: None, request_time: None, idle_time: None, ..Limits::default() };
    let watch = Watch::new(none);
    let work = async {
        sleep(100_000).await;
        assert_eq!(watch.in_time(true, sleep(100_000)).await, Ok(()));
        sleep(100_000).await;
    };
    assert_eq!(seconds_of(&watch, work).await, 300_000);
}
