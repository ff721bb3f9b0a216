//! The line of a token's ancestors: no token outlives any of them.
//!
//! When a token is revoked, its row goes at once and its descendants' rows go one by one. A request must not wait for that, so
//! it looks whether all ancestors are there: one comparison of revisions each, without reading the rows again.
use super::TokenEntry;
use kw_store::{Revision, View};
use kw_types::{Fault, Time};

/// How many ancestors a token may have: each costs a look at every request.
pub(crate) const GENERATIONS_MAX: u32 = 128;

/// Ancestors as they were found, the parent first.
pub(crate) struct Line(Vec<Ancestor>);

struct Ancestor {
    ident: String,
    revision: Revision,
    expires: Option<Time>,
}

impl Line {
    /// Reads the line of a token from a view of the tokens; `None` when an ancestor is gone.
    pub async fn read(tokens: View<'_>, of: &TokenEntry) -> Result<Option<Self>, Fault> {
        let mut line = Vec::new();
        let (mut child, mut parent) = (of.ident.clone(), of.parent.clone());
        while let Some(ident) = parent {
            let Some((plain, revision)) = tokens.get_row(&ident).await? else {
                // `revoke-orphan` cuts children loose before it ends their parent, maybe since we read the child.
                match tokens.get::<TokenEntry>(&child).await? {
                    Some(entry) if entry.parent.as_ref() != Some(&ident) => parent = entry.parent,
                    _ => return Ok(None),
                }
                continue;
            };
            let entry: TokenEntry = serde_json::from_slice(&plain)
                .map_err(|e| Fault::internal(format_args!("token row: {:?}", e.classify())))?;
            line.push(Ancestor { ident, revision, expires: entry.expires });
            (child, parent) = (entry.ident, entry.parent);
        }
        Ok(Some(Self(line)))
    }

    /// Whether all ancestors' rows are as they were when the line was read. If not, it has to be read again.
    pub async fn is_unchanged(&self, tokens: View<'_>) -> Result<bool, Fault> {
        for ancestor in &self.0 {
            if tokens.revision_of(&ancestor.ident).await? != Some(ancestor.revision) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the time of one of them is up, even if the expiry job has not come to it yet.
    pub fn is_expired(&self, now: Time) -> bool {
        self.0.iter().any(|a| a.expires.is_some_and(|end| end <= now))
    }
}
