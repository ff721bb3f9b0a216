//! What a handler of the system is given.
use crate::kernel::Kernel;
use crate::resolve::Resolved;
use crate::token::Session;
use kw_types::Fault;
use std::sync::Arc;

/// One call of a system route.
pub(crate) struct Call<'a> {
    pub kernel: &'a Kernel,
    pub resolved: &'a Resolved<'a>,
    /// Who asks; `None` on open routes.
    pub session: Option<&'a Arc<Session>>,
    /// Listings show no more than so many names.
    pub list_limit: Option<usize>,
}

impl<'a> Call<'a> {
    /// Who asks, on a route that is not open.
    pub fn session(&self) -> Result<&'a Arc<Session>, Fault> {
        self.session.ok_or_else(Fault::denied)
    }

    /// The token as it was presented, checked or not.
    pub fn presented_token(&self) -> &'a str {
        self.resolved.received.presented()
    }
}
