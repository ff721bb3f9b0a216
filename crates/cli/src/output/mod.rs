//! How answers look.
mod columns;
mod human;
mod secret;
mod yaml;

pub(crate) use columns::{columns, heading, key_value_table, list_table, titled};
pub(crate) use human::{duration, plain};

use crate::call::Call;
use crate::failure::Failure;
use crate::flags;
use kw_client::{ApiResponse, Json};
use serde::Serialize;

/// The forms of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// Indented JSON.
    Json,
    /// YAML.
    Yaml,
    /// The server's body as it came (`read` alone).
    Raw,
    /// As the table; Vault has it for audit hashes and the like.
    Pretty,
}

impl Format {
    /// Reads `-format`, in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "table" => Some(Self::Table),
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "raw" => Some(Self::Raw),
            "pretty" => Some(Self::Pretty),
            _ => None,
        }
    }

    /// Whether people read it.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Pretty)
    }
}

impl Call<'_, '_> {
    /// Shows an answer: one field of it, or all in the form asked for.
    pub(crate) fn show(&mut self, answer: &ApiResponse) -> Result<i32, Failure> {
        if let Some(field) = self.text(&flags::FIELD).map(str::to_owned) {
            return self.show_field(secret::field(answer, &field), &field);
        }
        let format = self.format()?;
        match format {
            Format::Raw => self.write(&format!("{}\n", String::from_utf8_lossy(&answer.body)))?,
            Format::Json | Format::Yaml => self.show_structure(answer)?,
            Format::Table | Format::Pretty => {
                self.show_warnings(answer);
                let rows = secret::rows(answer);
                if !rows.is_empty() {
                    self.say(key_value_table(&rows))?;
                }
            }
        }
        Ok(0)
    }

    /// Shows one field, without a newline.
    pub(crate) fn show_field(&mut self, value: Option<Json>, name: &str) -> Result<i32, Failure> {
        let Some(value) = value else {
            return Err(Failure::local(format!("Field \"{name}\" not present in secret")));
        };
        let text = match self.format()? {
            Format::Json => pretty_json(&value),
            Format::Yaml => yaml(&value)?,
            _ => plain(&value),
        };
        self.write(&text)?;
        Ok(0)
    }

    /// Shows something that has fields as JSON or YAML.
    pub(crate) fn show_structure(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        match self.format()? {
            // A map's keys come in order either way; a type's fields keep their order in JSON alone, as in Vault.
            Format::Yaml => {
                let text = yaml(value)?;
                self.write(&text)
            }
            _ => self.say(pretty_json(value)),
        }
    }

    /// Shows the server's warnings on standard error.
    pub(crate) fn show_warnings(&mut self, answer: &ApiResponse) {
        if answer.warnings().is_empty() {
            return;
        }
        let product = self.brand.product();
        let mut text = format!("WARNING! The following warnings were returned from {product}:\n\n");
        for warning in answer.warnings() {
            text.push_str(&columns::bullet(warning));
        }
        self.warn(text);
    }

    /// Shows names, one a line, or an empty list as the exit code alone.
    pub(crate) fn show_list(&mut self, names: &[String]) -> Result<i32, Failure> {
        match self.format()?.is_table() {
            true => self.say(list_table("Keys", names))?,
            false => self.show_structure(&names)?,
        }
        Ok(0)
    }

    /// What a command says when nothing is there: a text for people, `{}` for programs; exit code 2 either way.
    pub(crate) fn nothing_at(&mut self, path: &str) -> Result<i32, Failure> {
        if self.format()?.is_table() {
            return Err(Failure::remote(format!("No value found at {path}")));
        }
        self.say("{}")?;
        Ok(2)
    }
}

/// Indented by two spaces.
pub(crate) fn pretty_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Goes by way of `serde_json`'s value: it puts the fields in order, and YAML has no numbers longer than its anyway.
fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let value = serde_json::to_value(value).map_err(|e| Failure::local(format!("Cannot write this as YAML: {e}")))?;
    Ok(yaml::document(&value))
}
