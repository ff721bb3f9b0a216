//! Paging of listings, an addition of OpenBao.
use kw_engine::{Page, Request};

/// Which part of a listing is wanted.
#[derive(Request, Debug)]
pub struct ListPage {
    /// Only names after this one, which need not exist.
    pub after: String,
    /// At most so many; all when it is not above zero.
    pub limit: i64,
}

impl ListPage {
    pub fn page(&self) -> Page<'_> {
        Page::new(&self.after, usize::try_from(self.limit).unwrap_or(0))
    }
}
