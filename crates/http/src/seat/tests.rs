use super::*;
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A time in which a connection that waits is surely accepted.
const SOON: Duration = Duration::from_secs(20);

async fn accepts(listener: &TcpListener, seat: Seat, within: Duration) -> bool {
    timeout(within, seat.accept(|cx| listener.poll_accept(cx))).await.is_ok()
}

/// On a thread of its own: where it may run is changed.
#[test]
fn a_loop_takes_connections_while_there_is_a_processor_for_it() {
    let test = async {
        let all = sched_getaffinity(None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _waiting = TcpStream::connect(address).await.unwrap();
        let mut one = CpuSet::new();
        one.set((0..CpuSet::MAX_CPU).find(|at| all.is_set(*at)).unwrap());
        sched_setaffinity(None, &one).unwrap();
        assert!(!accepts(&listener, Seat::after(1), Duration::from_millis(200)).await);
        // The control, and what is left to the first loop is not lost.
        assert!(accepts(&listener, Seat::FIRST, SOON).await);

        if all.count() < 2 {
            println!("skipped: one processor only");
            return;
        }
        let _waiting = TcpStream::connect(address).await.unwrap();
        let freed = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sched_setaffinity(None, &all).unwrap();
        };
        let (accepted, ()) = tokio::join!(accepts(&listener, Seat::after(1), SOON), freed);
        assert!(accepted, "a processor that comes back is used");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(test)).join().unwrap();
}
