//! What a million leases and tokens cost: starts, memory, a hundred thousand ends within a minute, the revocation of a tree and of
//! all leases of a mount, each beside reads that go on. `docs/leases.md` says how it is run and what came of it.
mod ends;
mod growth;
mod load;
mod prefix;
mod process;
mod tree;
mod wire;

use process::Setup;
use std::io;
use std::path::PathBuf;
use tokio::runtime::{Builder, LocalOptions};

const USAGE: &str = "usage: scale --server BINARY --folder EMPTY [--sizes 1000,10000,100000,1000000] [--ends 100000] \
                     [--tree 100000] [--prefix 100000] [--rate 2000] [--port 18260] [--pin]; with 0 for its number a part is left out";

/// What is measured, and on what.
pub struct Plan {
    pub setup: Setup,
    /// So many tokens and leases in all, one after the other.
    pub sizes: Vec<u64>,
    /// So many that end within a minute.
    pub ends: u64,
    /// So many tokens below one.
    pub tree: u64,
    /// So many leases of one mount.
    pub prefix: u64,
    /// Reads a second while something else happens; 0: as many as go.
    pub rate: u32,
}

fn main() -> io::Result<()> {
    let plan = plan()?;
    if plan.setup.is_pinned {
        let own = std::process::id().to_string();
        std::process::Command::new("taskset").args(["-cp", "1", &own]).output()?;
    }
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let done = runtime.block_on(measure(&plan));
    std::fs::remove_dir_all(&plan.setup.folder)?;
    done
}

async fn measure(plan: &Plan) -> io::Result<()> {
    let process = growth::run(plan).await?;
    if plan.ends > 0 {
        ends::run(plan, &process).await?;
    }
    if plan.tree > 0 {
        tree::run(plan, &process).await?;
    }
    if plan.prefix > 0 {
        prefix::run(plan, &process).await?;
    }
    process.stop().await
}

fn plan() -> io::Result<Plan> {
    let given: Vec<String> = std::env::args().collect();
    let text = |name: &str| given.iter().position(|a| a == name).and_then(|at| given.get(at + 1)).cloned();
    let usage = || io::Error::other(USAGE);
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |t| t.parse().map_err(|_| usage()));
    let sizes = text("--sizes").unwrap_or_else(|| "1000,10000,100000,1000000".to_owned());
    let mut sizes = sizes.split(',').map(|n| n.parse().map_err(|_| usage())).collect::<io::Result<Vec<u64>>>()?;
    sizes.retain(|size| *size > 0);
    Ok(Plan {
        setup: Setup {
            binary: text("--server").map(PathBuf::from).ok_or_else(usage)?,
            folder: text("--folder").map(PathBuf::from).ok_or_else(usage)?,
            port: u16::try_from(number("--port", 18260)?).map_err(|_| usage())?,
            is_pinned: given.iter().any(|a| a == "--pin"),
        },
        sizes,
        ends: number("--ends", 100_000)?,
        tree: number("--tree", 100_000)?,
        prefix: number("--prefix", 100_000)?,
        rate: u32::try_from(number("--rate", 2000)?).map_err(|_| usage())?,
    })
}
