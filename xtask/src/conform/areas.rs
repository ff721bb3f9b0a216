//! The checked-in list of how many scenarios of each area pass. It only rises.
use crate::Outcome;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Where the list is, from the root.
pub const FILE: &str = "conformance/areas.toml";

const HEAD: &str = "\
# Wire scenarios that pass, by area. `cargo xtask conform` fails when an area falls below its count;
# `cargo xtask conform --update` raises the counts, and never lowers one. An area that is not listed has none that pass.
";

/// One area, as just measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub area: String,
    pub passing: u32,
    pub total: u32,
}

/// What passes in each of these runs, of those areas that the first has.
pub fn least<'a>(mut runs: impl Iterator<Item = &'a [Counted]>) -> Vec<Counted> {
    let mut least = runs.next().unwrap_or_default().to_vec();
    for counted in runs.flatten() {
        for least in least.iter_mut().filter(|least| least.area == counted.area) {
            least.passing = least.passing.min(counted.passing);
        }
    }
    least
}

/// The list.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Areas(BTreeMap<String, Area>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    passing: u32,
    total: u32,
}

impl Areas {
    /// Errors: the file is there and cannot be read. A missing file is an empty list.
    pub fn read(file: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| format!("{FILE}: {e}"))
    }

    pub fn write(&self, file: &Path) -> Outcome {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        std::fs::write(file, self.text()).map_err(|e| format!("{}: {e}", file.display()))
    }

    /// One line an area, so that two people who raise two areas do not collide.
    pub fn text(&self) -> String {
        let mut out = HEAD.to_owned();
        for (area, Area { passing, total }) in &self.0 {
            let _ = writeln!(out, "{area} = {{ passing = {passing}, total = {total} }}");
        }
        out
    }

    /// The areas of which something passes, with commas between them.
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    /// A line for each measured area that passes less than its listed count.
    pub fn fallen(&self, counted: &[Counted]) -> Vec<String> {
        let below = |c: &&Counted| c.passing < self.listed(&c.area);
        let line = |c: &Counted| {
            format!("{}: {} of {} pass, {} passed before", c.area, c.passing, c.total, self.listed(&c.area))
        };
        counted.iter().filter(below).map(line).collect()
    }

    pub fn has_fallen(&self, counted: &[Counted], area: &str) -> bool {
        counted.iter().any(|c| c.area == area && c.passing < self.listed(area))
    }

    /// A line for each measured area that passes more: the list should be raised.
    pub fn higher(&self, counted: &[Counted]) -> Vec<String> {
        let above = |c: &&Counted| c.passing > self.listed(&c.area);
        let line = |c: &Counted| {
            format!("{}: {} pass, {FILE} says {}: run it with --update", c.area, c.passing, self.listed(&c.area))
        };
        counted.iter().filter(above).map(line).collect()
    }

    /// Takes over what is higher than listed.
    pub fn raise(&mut self, counted: &[Counted]) {
        for c in counted.iter().filter(|c| c.passing > 0) {
            let area = self.0.entry(c.area.clone()).or_insert(Area { passing: 0, total: c.total });
            area.passing = area.passing.max(c.passing);
            area.total = c.total;
        }
    }

    fn listed(&self, area: &str) -> u32 {
        self.0.get(area).map_or(0, |a| a.passing)
    }
}
