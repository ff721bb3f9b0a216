//! Reading all rows as of one moment, for a snapshot.
use crate::dialer::Dialer;
use crate::error::closing;
use crate::reads::Pages;
use bytes::Bytes;
use kw_store::{Key, Row, StoreError};
use std::sync::{Arc, mpsc};
use tokio::runtime::Handle;

/// Writes a snapshot. Blocks the calling thread, which must not be the store's own.
///
/// Errors: [`StoreError::Unavailable`] also when it takes longer than old versions are kept.
pub(crate) fn write(handle: &Handle, dialer: Arc<Dialer>, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
    let pages = Pages::new(&dialer, b"", b"", true);
    let rows = Rows { handle, dialer, pages: Some(pages), page: Vec::new().into_iter() };
    kw_store::snapshot::write(out, rows)
}

/// The rows, fetched page by page.
struct Rows<'h> {
    handle: &'h Handle,
    dialer: Arc<Dialer>,
    /// `None` at the end.
    pages: Option<Pages>,
    page: std::vec::IntoIter<(Key, Row)>,
}

impl Rows<'_> {
    fn fetch(&mut self) -> Result<(), StoreError> {
        let Some(mut pages) = self.pages.take() else { return Ok(()) };
        let (tell, told) = mpsc::channel();
        let dialer = self.dialer.clone();
        self.handle.spawn(async move {
            let page = pages.next(&dialer, usize::MAX).await;
            // Whoever has stopped reading does not want to know.
            let _ = tell.send(page.map(|page| (pages, page)));
        });
        let (pages, page) = told.recv().unwrap_or_else(|_| Err(closing()))?;
        self.pages = (!page.is_empty()).then_some(pages);
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<(Key, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty()
            && let Err(e) = self.fetch()
        {
            return Some(Err(e));
        }
        self.page.next().map(|(key, row)| Ok((key, row.value)))
    }
}
