//! The wire scenarios: does the server answer as a server of Vault's API does? What has passed once must go on passing.
mod areas;
#[cfg(test)]
mod tests;

use crate::{Machine, Outcome};
use areas::{Areas, Counted};
use std::path::Path;
use std::process::Stdio;

/// What the runner writes with `--json`.
#[derive(serde::Deserialize)]
struct Report {
    /// Area, passed, failed.
    areas: Vec<(String, u32, u32)>,
}

/// What a run of the scenarios gave.
struct Measured {
    counted: Vec<Counted>,
    /// What the runner printed.
    text: String,
}

/// Runs all scenarios, or with `--only` those of some areas, and compares with the list. `--update` raises the list.
pub fn run(machine: &Machine, flags: &[&str]) -> Outcome {
    let (update, only) = match flags {
        [] => (false, None),
        ["--update"] => (true, None),
        ["--only", areas] => (false, Some(*areas)),
        ["--update", "--only", areas] | ["--only", areas, "--update"] => (true, Some(*areas)),
        _ => return Err("usage: cargo xtask conform [--update] [--only AREA,...]".to_owned()),
    };
    let Measured { counted, text } = measure(machine, only)?;
    let file = machine.root.join(areas::FILE);
    let mut listed = Areas::read(&file)?;
    let fallen = listed.fallen(&counted);
    println!("{}", shown(&text, |area| only.is_some() || listed.has_fallen(&counted, area)));
    if update {
        listed.raise(&counted);
        listed.write(&file)?;
    }
    for line in listed.higher(&counted) {
        println!("{line}");
    }
    let closing = text.lines().last().unwrap_or_default();
    println!("{closing}");
    if fallen.is_empty() { Ok(()) } else { Err(format!("{}\nconform: below {}", fallen.join("\n"), areas::FILE)) }
}

/// The runner's report, with the failures of these areas alone: those that nobody expects to pass yet would bury them.
/// Its closing line is left for the end.
fn shown(text: &str, wanted: impl Fn(&str) -> bool) -> String {
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

/// Runs the runner of the scenarios.
fn measure(machine: &Machine, only: Option<&str>) -> Result<Measured, String> {
    let folder = machine.shared.join("conformance");
    let runner = folder.join("conform.py");
    if !runner.is_file() {
        return Err(format!(
            "{} is not there: put the shared folder beside this checkout, or its path into KW_SHARED",
            runner.display()
        ));
    }
    let server = machine.server()?;
    let report = machine.target.join("conform.json");
    // The runner ends with 1 both for failed scenarios and for trouble of its own; the report tells the two apart.
    let _ = std::fs::remove_file(&report);
    let dev =
        format!("{} server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:{{port}}", server.display());
    let prod = format!("sh {} {} {{dir}} {{port}}", folder.join("prod.sh").display(), server.display());
    let mut command = machine.command("python3");
    command.arg(runner).args(["check", "--spawn", &dev, "--spawn-prod", &prod, "--json"]).arg(&report);
    command.args(only.map(|areas| ["--only", areas]).into_iter().flatten()).stderr(Stdio::inherit());
    let printed = command.output().map_err(|e| format!("python3 could not be started: {e}"))?;
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let report =
        std::fs::read_to_string(&report).map_err(|_| format!("the runner of the scenarios broke off:\n{text}"))?;
    let report: Report = serde_json::from_str(&report).map_err(|e| format!("the runner's report: {e}"))?;
    let wanted = |area: &str| only.is_none_or(|only| only.split(',').any(|o| o == area));
    let counted = totals(&folder)?.into_iter().filter(|(area, _)| wanted(area)).map(|(area, total)| {
        let passing = report.areas.iter().find(|(name, _, _)| *name == area).map_or(0, |(_, ok, _)| *ok);
        Counted { area, passing, total }
    });
    Ok(Measured { counted: counted.collect(), text })
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
