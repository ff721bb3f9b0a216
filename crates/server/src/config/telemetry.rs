//! What is measured.
use super::section::Section;
use super::{ConfigError, Notice, keys};
use kw_types::Ttl;

/// How measurements are given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// How long a measurement that no longer changes is shown. Zero: no metrics in the Prometheus format. 24 hours if not set.
    pub prometheus_retention_time: Ttl,
    /// Whether the name of this host is left out of the names of measurements.
    pub disable_hostname: bool,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { prometheus_retention_time: Ttl::from_hours(24), disable_hostname: false }
    }
}

/// Reads the last `telemetry` block.
pub(super) fn read(top: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Telemetry, ConfigError> {
    let mut telemetry = Telemetry::default();
    let Some(block) = top.blocks("telemetry", 0)?.pop() else { return Ok(telemetry) };
    block.check_keys(keys::TELEMETRY, notices);
    if let Some(ttl) = block.ttl("prometheus_retention_time")? {
        telemetry.prometheus_retention_time = ttl;
    }
    telemetry.disable_hostname = block.bool("disable_hostname", false)?;
    Ok(telemetry)
}
