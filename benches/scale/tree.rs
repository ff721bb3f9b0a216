//! A tree of tokens whose root is revoked, while reads go on and while others still make children.
use crate::Plan;
use crate::ends::reads_during;
use crate::load::send;
use crate::process::{Process, now};
use crate::wire::{Ask, Wire};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Children of the root of the tree; the others are theirs.
const BRANCHES: u64 = 100;

/// How many of the tree are asked after at once when its root is revoked.
const ASKED: usize = 500;

const CHILD: &str = r#"{"policies":["root"],"ttl":"100h"}"#;

pub async fn run(plan: &Plan, process: &Process) -> io::Result<()> {
    let top = process.ask(&Ask::post("auth/token/create", &process.root, CHILD)).await?.good()?;
    let top = top.text("client_token").unwrap_or_default();
    let since = now();
    let all = grow(process, &top, plan.tree).await?;
    eprintln!("a tree of {} tokens made in {:?}", all.len(), since.elapsed());
    reads_during(plan, process, tokio::time::sleep(Duration::from_secs(10))).await?.print("reads alone, 10 s");
    let failure = RefCell::new(None);
    let work = async {
        if let Err(error) = revoke(process, &top, &all).await {
            failure.replace(Some(error));
        }
    };
    let seen = reads_during(plan, process, work).await?;
    seen.print("reads while the tree is taken down");
    println!("{} kB resident", process.resident_kb());
    failure.take().map_or(Ok(()), Err)
}

/// Gives the texts of all tokens of the tree but its root.
async fn grow(process: &Process, top: &str, count: u64) -> io::Result<Vec<String>> {
    let texts = Rc::new(RefCell::new(Vec::new()));
    let note = |texts: &Rc<RefCell<Vec<String>>>| {
        let texts = texts.clone();
        move |answer: crate::wire::Answer| texts.borrow_mut().extend(answer.text("client_token"))
    };
    let by = top.to_owned();
    send(&process.address, 16, BRANCHES, move |_| Ask::post("auth/token/create", &by, CHILD), note(&texts)).await?;
    let branches = texts.borrow().clone();
    let by = move |n: u64| branches.get((n % BRANCHES) as usize).cloned().unwrap_or_default();
    let make = move |n| Ask::post("auth/token/create", &by(n), CHILD);
    send(&process.address, 128, count.saturating_sub(BRANCHES), make, note(&texts)).await?;
    Ok(texts.take())
}

async fn revoke(process: &Process, top: &str, all: &[String]) -> io::Result<()> {
    let late = Late::begin(&process.address, top, all);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let since = now();
    let body = format!("{{\"token\":\"{top}\"}}");
    process.ask(&Ask::post("auth/token/revoke", &process.root, body)).await?.good()?;
    println!("the root of {} tokens was revoked in {:.1} ms", all.len(), since.elapsed().as_secs_f64() * 1000.0);
    let alive = alive(process, all.iter().rev().step_by((all.len() / ASKED).max(1))).await?;
    println!("{alive} of {ASKED} descendants were alive right after that");
    let made = late.end().await?;
    let alive = self::alive(process, made.iter()).await?;
    println!("{alive} of {} that were made until the revocation are alive", made.len());
    let mut shown = 0;
    loop {
        let metrics = process.ask(&Ask::get("sys/metrics?format=prometheus", &process.root)).await?.good()?;
        let left = metrics.number_after("\nkeywright_revoking_tokens").unwrap_or(0);
        if left == 0 {
            break;
        }
        if since.elapsed().as_secs() >= shown {
            eprintln!("{:.1} s: {left} dead tokens to be cleared up", since.elapsed().as_secs_f64());
            shown += 2;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("the tree was cleared up after {:.1} s", since.elapsed().as_secs_f64());
    Ok(())
}

async fn alive(process: &Process, tokens: impl Iterator<Item = &String>) -> io::Result<usize> {
    let (mut wire, mut alive) = (Wire::new(&process.address), 0);
    for token in tokens {
        alive += usize::from(wire.ask(&Ask::get("auth/token/lookup-self", token)).await?.status == 200);
    }
    Ok(alive)
}

/// Some who make children of the root and of its descendants until they are refused.
struct Late {
    is_over: Rc<Cell<bool>>,
    tasks: Vec<tokio::task::JoinHandle<io::Result<Vec<String>>>>,
}

impl Late {
    fn begin(address: &str, top: &str, all: &[String]) -> Self {
        let is_over = Rc::new(Cell::new(false));
        let makers = std::iter::once(top).chain(all.iter().map(String::as_str).take(7));
        let tasks = makers.map(|by| {
            let (is_over, mut wire, ask) =
                (is_over.clone(), Wire::new(address), Ask::post("auth/token/create", by, CHILD));
            tokio::task::spawn_local(async move {
                let mut made = Vec::new();
                while !is_over.get() {
                    let answer = wire.ask(&ask).await?;
                    if answer.status != 200 {
                        break;
                    }
                    made.extend(answer.text("client_token"));
                }
                Ok(made)
            })
        });
        let tasks = tasks.collect();
        Self { is_over, tasks }
    }

    async fn end(self) -> io::Result<Vec<String>> {
        self.is_over.set(true);
        let mut made = Vec::new();
        for task in self.tasks {
            made.extend(task.await.map_err(io::Error::other)??);
        }
        Ok(made)
    }
}
