//! Templates in paths: `{{identity.entity.id}}` and their like.
use std::collections::BTreeMap;

/// Who holds the token, as far as templates can ask.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub metadata: &'a BTreeMap<String, String>,
    pub aliases: Vec<AliasRef<'a>>,
    /// Direct and inherited.
    pub groups: Vec<GroupRef<'a>>,
}

/// An alias of the entity.
#[derive(Clone, Debug)]
pub struct AliasRef<'a> {
    pub mount_accessor: &'a str,
    pub id: &'a str,
    pub name: &'a str,
    pub metadata: &'a BTreeMap<String, String>,
    pub custom_metadata: &'a BTreeMap<String, String>,
}

/// A group that the entity is in.
#[derive(Clone, Debug)]
pub struct GroupRef<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub metadata: &'a BTreeMap<String, String>,
}

/// A path with templates, cut at their braces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    head: String,
    /// What stands in the braces, and the text behind them.
    rest: Vec<(String, String)>,
}

impl Template {
    /// Cuts a path. Errors: braces that do not pair up.
    pub(crate) fn parse(path: &str) -> Result<Self, &'static str> {
        const UNBALANCED: &str = "{{ and }} do not pair up";
        let mut pieces = path.split("{{");
        let head = pieces.next().unwrap_or_default();
        if head.contains("}}") {
            return Err(UNBALANCED);
        }
        let mut rest = Vec::new();
        for piece in pieces {
            match piece.split_once("}}") {
                Some((directive, text)) if !text.contains("}}") => {
                    rest.push((directive.trim().to_owned(), text.to_owned()));
                }
                _ => return Err(UNBALANCED),
            }
        }
        Ok(Self { head: head.to_owned(), rest })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.rest.is_empty()
    }

    /// The path as it looks once filled, for checks of its form.
    pub(crate) fn sample(&self) -> String {
        self.fill_with(|_| Some("x")).unwrap_or_default()
    }

    /// The path for this identity; nothing if a directive has no value for it, or one that would mean something in a path.
    pub(crate) fn fill(&self, identity: Option<&Identity<'_>>) -> Option<String> {
        self.fill_with(|directive| value(directive, identity?).filter(|v| is_tame(v)))
    }

    fn fill_with<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let mut out = self.head.clone();
        for (directive, text) in &self.rest {
            out.push_str(value(directive)?);
            out.push_str(text);
        }
        Some(out)
    }
}

/// Users choose some of these values, so none may add a wildcard, a segment, a climb or another template to the path.
fn is_tame(value: &str) -> bool {
    !value.is_empty()
        && value != "."
        && !value.contains(['+', '*', '/', '\\'])
        && !["..", "{{", "}}"].iter().any(|mark| value.contains(mark))
        && !value.chars().any(char::is_control)
}

fn value<'v>(directive: &str, identity: &Identity<'v>) -> Option<&'v str> {
    let directive = directive.strip_prefix("identity.")?;
    if let Some(field) = directive.strip_prefix("entity.") {
        return entity(field, identity);
    }
    let selector = directive.strip_prefix("groups.")?;
    let (by, rest) = selector.split_once('.')?;
    let (wanted, field) = rest.split_once('.')?;
    let mut groups = identity.groups.iter();
    let group = match by {
        "ids" => groups.find(|g| g.id == wanted)?,
        "names" => groups.find(|g| g.name == wanted)?,
        _ => return None,
    };
    match field {
        "id" => Some(group.id),
        "name" => Some(group.name),
        _ => group.metadata.get(field.strip_prefix("metadata.")?).map(String::as_str),
    }
}

fn entity<'v>(field: &str, identity: &Identity<'v>) -> Option<&'v str> {
    match field {
        "id" => return Some(identity.id),
        "name" => return Some(identity.name),
        _ => {}
    }
    if let Some(key) = field.strip_prefix("metadata.") {
        return identity.metadata.get(key).map(String::as_str);
    }
    let (accessor, field) = field.strip_prefix("aliases.")?.split_once('.')?;
    let alias = identity.aliases.iter().find(|a| a.mount_accessor == accessor)?;
    match field {
        "id" => return Some(alias.id),
        "name" => return Some(alias.name),
        _ => {}
    }
    let (map, key) = match field.strip_prefix("custom_metadata.") {
        Some(key) => (alias.custom_metadata, key),
        None => (alias.metadata, field.strip_prefix("metadata.")?),
    };
    map.get(key).map(String::as_str)
}
