//! The wire scenarios: does the server answer as a server of Vault's API does? What has passed once must go on passing, on every
//! store, and when each request goes to another node.
mod areas;
mod backing;
mod nodes;
mod round_robin;
mod runner;
mod sites;
#[cfg(test)]
mod tests;

pub use nodes::serve as nodes;

use crate::{Machine, Outcome};
use areas::Areas;
use runner::{Measured, measure, shown};
use sites::{Backing, Site};

const USAGE: &str = "usage: cargo xtask conform [--update] [--only AREA,...] [--on SITE,...]";

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    update: bool,
    only: Option<&'a str>,
    sites: Vec<&'static Site>,
}

impl<'a> Wanted<'a> {
    fn parse(flags: &[&'a str]) -> Result<Self, String> {
        let mut wanted = Self { sites: sites::SITES.iter().collect(), ..Self::default() };
        let mut rest = flags.iter();
        while let Some(flag) = rest.next() {
            match *flag {
                "--update" => wanted.update = true,
                "--only" => wanted.only = Some(rest.next().ok_or(USAGE)?),
                "--on" => wanted.sites = sites::named(rest.next().ok_or(USAGE)?)?,
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(wanted)
    }
}

/// Runs all scenarios everywhere, or with `--only` those of some areas and with `--on` in some places, and compares with the list.
/// `--update` raises the list to what passes in all of these places.
pub fn run(machine: &Machine, flags: &[&str]) -> Outcome {
    let Wanted { update, only, sites } = Wanted::parse(flags)?;
    let file = machine.root.join(areas::FILE);
    let mut listed = Areas::read(&file)?;
    // Only the first site tries areas of which nothing passes yet, unless the list is to be raised.
    let known = only.map_or_else(|| listed.names(), str::to_owned);
    let rest = if update { only } else { Some(known.as_str()) };
    let scope = |at: usize| if at == 0 { only } else { rest };
    let measured = measure_all(machine, &sites, scope)?;
    let mut fallen = Vec::new();
    for (site, Measured { counted, text }) in sites.iter().zip(&measured) {
        println!("-- {}", site.name);
        println!("{}", shown(text, |area| only.is_some() || listed.has_fallen(counted, area)));
        println!("{}", text.lines().last().unwrap_or_default());
        fallen.extend(listed.fallen(counted).iter().map(|line| format!("{}: {line}", site.name)));
    }
    let everywhere = areas::least(measured.iter().map(|m| m.counted.as_slice()));
    if update {
        listed.raise(&everywhere);
        listed.write(&file)?;
    }
    for line in listed.higher(&everywhere) {
        println!("{line}");
    }
    if fallen.is_empty() { Ok(()) } else { Err(format!("{}\nconform: below {}", fallen.join("\n"), areas::FILE)) }
}

/// All at once: the scenarios wait more than they compute.
fn measure_all<'a>(
    machine: &Machine,
    sites: &[&'static Site],
    scope: impl Fn(usize) -> Option<&'a str>,
) -> Result<Vec<Measured>, String> {
    let server = machine.server()?;
    let backing = Backing::start(machine, sites)?;
    std::thread::scope(|threads| {
        let (server, backing) = (&server, &backing);
        let begin = |(at, site): (usize, &&'static Site)| {
            let (site, only) = (*site, scope(at));
            threads.spawn(move || measure(machine, site, &backing.store(site), server, only))
        };
        let running: Vec<_> = sites.iter().enumerate().map(begin).collect();
        let broken = |_| Err("a run of the scenarios broke off".to_owned());
        running.into_iter().map(|run| run.join().unwrap_or_else(broken)).collect()
    })
}
