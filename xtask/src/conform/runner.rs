//! Running the runner of the scenarios, and reading what it says.
use super::areas::Counted;
use super::sites::{LANE, Site};
use crate::Machine;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

/// What the runner writes with `--json`.
#[derive(serde::Deserialize)]
struct Report {
    /// Area, passed, failed.
    areas: Vec<(String, u32, u32)>,
    /// The problems of each scenario that failed, named as `area.scenario`.
    failures: BTreeMap<String, Vec<String>>,
}

impl Report {
    /// How many scenarios of an area pass, with those that are excused.
    fn passing(&self, site: &Site, area: &str) -> u32 {
        let passed = self.areas.iter().find(|(name, _, _)| *name == area).map_or(0, |(_, passed, _)| *passed);
        let of_area = |scenario: &str| scenario.split('.').next() == Some(area);
        let excused = self.failures.iter().filter(|(name, problems)| of_area(name) && site.excuses(name, problems));
        passed + u32::try_from(excused.count()).unwrap_or(0)
    }
}

/// What a run of the scenarios gave.
pub struct Measured {
    pub counted: Vec<Counted>,
    /// What the runner printed.
    pub text: String,
}

/// Keeps the sites' ports apart.
const LANES: &str = include_str!("lane.py");

/// Runs the scenarios on a site whose rows are kept in `store`.
pub fn measure(
    machine: &Machine,
    site: &Site,
    store: &str,
    server: &Path,
    only: Option<&str>,
) -> Result<Measured, String> {
    let folder = machine.shared.join("conformance");
    let runner = folder.join("conform.py");
    if !runner.is_file() {
        return Err(format!(
            "{} is not there: put the shared folder beside this checkout, or its path into KW_SHARED",
            runner.display()
        ));
    }
    let report = machine.target.join(format!("conform-{}.json", site.name));
    // The runner ends with 1 both for failed scenarios and for trouble of its own; the report tells the two apart.
    let _ = std::fs::remove_file(&report);
    let us = std::env::current_exe().map_err(|e| format!("where this program lies: {e}"))?;
    let spawn = |mode: &str| {
        let (us, server) = (us.display(), server.display());
        format!("{us} nodes {mode} {} {store} {server} {{dir}} {{port}}", site.nodes)
    };
    let mut command = machine.command("python3");
    let (count, step) = LANE;
    let lane = [site.first_port, count, step].map(|number| number.to_string());
    command
        .args(["-c", LANES])
        .args(lane)
        .arg(runner)
        .args(["check", "--spawn", &spawn("dev"), "--spawn-prod", &spawn("prod"), "--json"])
        .arg(&report);
    command.args(only.map(|areas| ["--only", areas]).into_iter().flatten()).stderr(Stdio::inherit());
    let printed = command.output().map_err(|e| format!("python3 could not be started: {e}"))?;
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let report =
        std::fs::read_to_string(&report).map_err(|_| format!("the runner of the scenarios broke off:\n{text}"))?;
    let report: Report = serde_json::from_str(&report).map_err(|e| format!("the runner's report: {e}"))?;
    let wanted = |area: &str| only.is_none_or(|only| only.split(',').any(|o| o == area));
    let counted = totals(&folder)?.into_iter().filter(|(area, _)| wanted(area)).map(|(area, total)| {
        let passing = report.passing(site, &area);
        Counted { area, passing, total }
    });
    Ok(Measured { counted: counted.collect(), text })
}

/// The runner's report, with the failures of these areas alone: those that nobody expects to pass yet would bury them.
/// Its closing line is left for the end.
pub fn shown(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut inside = true;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.pop();
    lines.retain(|line| {
        if let Some(scenario) = line.strip_prefix("FAIL ") {
            inside = wanted(scenario.split('.').next().unwrap_or_default());
        }
        inside |= is_count(line);
        inside
    });
    lines.join("\n")
}

/// Whether a line is one of the closing table: `kv2   17 of 17`. All before it belongs to some failure.
fn is_count(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words.as_slice(), [_, passed, "of", all] if passed.parse::<u32>().is_ok() && all.parse::<u32>().is_ok())
}

/// How many scenarios each area has, run or skipped.
fn totals(folder: &Path) -> Result<Vec<(String, u32)>, String> {
    let golden = folder.join("golden");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(&golden).map_err(|e| format!("{}: {e}", golden.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let Some(area) = path.file_stem().filter(|_| path.extension().is_some_and(|e| e == "json")) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let recorded: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        out.push((area.to_string_lossy().into_owned(), u32::try_from(recorded.len()).unwrap_or(u32::MAX)));
    }
    out.sort();
    Ok(out)
}
