//! Listing folders, page by page, for engines whose paths are the caller's own.
use kw_engine::{Fault, Keys, Page, Request, View};

/// Lists the names in a folder. A scan lists all names below it, at any depth.
#[derive(Request)]
pub(crate) struct Listing {
    /// The folder; empty for the whole mount.
    #[capture]
    path: String,
    /// Only names after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

impl Listing {
    /// The immediate children of the folder, among the rows that begin with `rows`. Subfolders end in a slash.
    pub async fn children(&self, view: View<'_>, rows: &str) -> Result<Keys, Fault> {
        Ok(view.children(&self.folder(rows), self.page()).await?.into())
    }

    /// Everything below the folder, by its path from there.
    pub async fn descendants(&self, view: View<'_>, rows: &str) -> Result<Keys, Fault> {
        Ok(view.names(&self.folder(rows), self.page()).await?.into())
    }

    fn folder(&self, rows: &str) -> String {
        let slash = if self.path.is_empty() || self.path.ends_with('/') { "" } else { "/" };
        format!("{rows}{}{slash}", self.path)
    }

    fn page(&self) -> Page<'_> {
        Page::new(&self.after, usize::try_from(self.limit).unwrap_or(0))
    }
}
