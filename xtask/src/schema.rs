//! `api/schema.json`: every route with its fields. Checked in, so that a change of the API is seen in review.
use crate::machine::output;
use crate::{Machine, Outcome};

const FILE: &str = "api/schema.json";

/// Writes the file anew.
pub fn write(machine: &Machine) -> Outcome {
    let fresh = generate(machine)?;
    let file = machine.root.join(FILE);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::write(&file, &fresh).map_err(|e| format!("{FILE}: {e}"))?;
    println!("{FILE}: {}", counted(&fresh)?);
    Ok(())
}

/// Errors: the file does not say what the code says.
pub fn is_fresh(machine: &Machine) -> Outcome {
    let fresh = generate(machine)?;
    let kept = std::fs::read_to_string(machine.root.join(FILE)).unwrap_or_default();
    if kept == fresh {
        println!("{FILE} is fresh: {}", counted(&fresh)?);
        return Ok(());
    }
    let differs = kept.lines().zip(fresh.lines()).position(|(k, f)| k != f);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(fresh.lines().count())) + 1;
    Err(format!(
        "{FILE} is stale from line {line} on: run `cargo xtask schema` and commit it with the change of the API"
    ))
}

fn generate(machine: &Machine) -> Result<String, String> {
    output(&mut machine.cargo("run --quiet --package xtask-schema"))
}

/// How many operations there are, for people.
fn counted(text: &str) -> Result<String, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("{FILE}: {e}"))?;
    Ok(format!("{} operations", operations(&value)))
}

fn operations(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(map) if map.contains_key("verb") => 1,
        serde_json::Value::Object(map) => map.values().map(operations).sum(),
        serde_json::Value::Array(list) => list.iter().map(operations).sum(),
        _ => 0,
    }
}
