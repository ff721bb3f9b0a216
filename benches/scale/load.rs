//! Load: requests from many connections, as fast as they go or at a rate, and how long each took.
use crate::process::now;
use crate::wire::{Answer, Ask, Wire};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;

/// Sends `count` requests over `connections`, each as soon as its connection is free. `make` gives the n-th, `take` gets what
/// was answered to it; the first failure ends it.
pub async fn send(
    address: &str,
    connections: usize,
    count: u64,
    make: impl Fn(u64) -> Ask + 'static,
    take: impl FnMut(Answer) + 'static,
) -> io::Result<()> {
    let (next, make, take) = (Rc::new(Cell::new(0)), Rc::new(make), Rc::new(RefCell::new(take)));
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (next, make, take, mut wire) = (next.clone(), make.clone(), take.clone(), Wire::new(address));
        tasks.push(spawn_local(async move {
            while next.get() < count {
                let number = next.replace(next.get() + 1);
                let answer = wire.ask(&make(number)).await?.good()?;
                (take.borrow_mut())(answer);
            }
            io::Result::Ok(())
        }));
    }
    for task in tasks {
        task.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// How long requests took.
#[derive(Clone, Default)]
pub struct Times(Vec<u32>);

/// Reads that go on while something else happens.
pub struct Reads {
    stopped: Rc<Cell<bool>>,
    times: Rc<RefCell<Times>>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
    since: Instant,
}

impl Times {
    fn add(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// The time that this share of the requests did not exceed, in milliseconds.
    pub fn share_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |t| f64::from(*t) / 1000.0)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Reads {
    /// Begins to read over `connections`; with a `rate`, so many requests a second in all, else as fast as it goes.
    ///
    /// With a rate, the time of a request that comes late because the one before it was slow counts from when it was due: so
    /// a stop of the server is seen by all that would have asked meanwhile.
    pub fn begin(address: &str, connections: usize, rate: Option<u32>, asks: Vec<Ask>) -> Self {
        let (stopped, times) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Times::default())));
        let asks = Rc::new(asks);
        let pause = rate.map(|rate| Duration::from_secs(1) * u32::try_from(connections).unwrap_or(1) / rate);
        let mut tasks = Vec::new();
        for number in 0..connections {
            let (stopped, times, asks, mut wire) = (stopped.clone(), times.clone(), asks.clone(), Wire::new(address));
            let place = u32::try_from(number).unwrap_or(0);
            let phase = pause.unwrap_or_default() * place / u32::try_from(connections).unwrap_or(1);
            tasks.push(spawn_local(async move {
                // Each connection begins at a time of its own, or all would ask at once.
                let mut due = Instant::from_std(now()) + phase;
                for turn in number.. {
                    if stopped.get() {
                        break;
                    }
                    let mut from = Instant::from_std(now());
                    if let Some(pause) = pause {
                        due += pause;
                        if from < due {
                            tokio::time::sleep_until(due).await;
                            from = Instant::from_std(now());
                        } else {
                            from = due;
                        }
                    }
                    let Some(ask) = asks.get(turn % asks.len()) else { break };
                    wire.ask(ask).await?.good()?;
                    times.borrow_mut().add(from.elapsed());
                }
                Ok(())
            }));
        }
        Self { stopped, times, tasks, since: Instant::from_std(now()) }
    }

    /// Ends it: the times, and how many requests a second that was.
    pub async fn end(self) -> io::Result<(Times, f64)> {
        self.stopped.set(true);
        let seconds = self.since.elapsed().as_secs_f64();
        for task in self.tasks {
            task.await.map_err(io::Error::other)??;
        }
        let times = self.times.borrow().clone();
        let rate = times.count() as f64 / seconds;
        Ok((times, rate))
    }
}
