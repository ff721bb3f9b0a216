//! Audit devices that exist from the start.
use super::section::Section;
use super::{ConfigError, Notice, keys};
use std::collections::BTreeMap;

/// One `audit "TYPE" "NAME" { }` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDevice {
    /// `file`, `socket`, `syslog` ...; whether the server has it is known to the audit crate.
    pub kind: String,
    /// Its path under `sys/audit`, without slashes at the ends.
    pub name: String,
    pub description: String,
    /// Whether it belongs to this cluster alone.
    pub local: bool,
    /// As for `sys/audit`: `file_path`, `mode`, `format` ...
    pub options: BTreeMap<String, String>,
    pub file: String,
    pub line: u32,
}

/// Reads one block.
pub(super) fn read(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<AuditDevice, ConfigError> {
    let (Some(kind), Some(name)) = (block.label(0), block.label(1)) else {
        return Err(block.wrong_here("an audit device needs a type and a name: audit \"file\" \"main\" { .. }"));
    };
    let name = name.trim_matches('/');
    // With its name missing, an inner block looks like the name.
    if name.is_empty() || name == "options" {
        return Err(block.wrong_here("an audit device needs a name after its type: audit \"file\" \"main\" { .. }"));
    }
    block.check_keys(keys::AUDIT, notices);
    let mut options = BTreeMap::new();
    for inner in block.blocks("options", 0)? {
        options.extend(inner.free()?);
    }
    let place = block.wrong_here("");
    Ok(AuditDevice {
        kind: kind.to_owned(),
        name: name.to_owned(),
        description: block.string("description")?.unwrap_or_default(),
        local: block.bool("local", false)?,
        options,
        file: place.file,
        line: place.line,
    })
}
