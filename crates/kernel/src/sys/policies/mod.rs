//! `sys/policies`: what tokens may do, and what generated passwords look like.
mod acl;
mod password;

use super::SysRoutes;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::borrow::Cow;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    password::routes(acl::routes(routes))
}

/// What is base64 of a text stands for that text. A policy itself is never base64: it has a space or a quotation mark.
fn decoded(text: &str) -> Cow<'_, str> {
    let decoded = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map_or(Cow::Borrowed(text), Cow::Owned)
}
