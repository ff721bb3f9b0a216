//! `sys/seal-backend-status`: how the seals of the configuration are doing.
use crate::sys::routes::BareJson;
use crate::sys::{Call, SysRoutes};
use kw_barrier::seal::{MemberStatus, SHAMIR};
use kw_schema::Request;
use kw_types::{Fault, Time};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("seal-backend-status").read(status).while_sealed()
}

/// How each seal that opens by itself is doing. Healthy: it answered when it was last asked.
#[derive(Request)]
struct Status {}

#[derive(Serialize)]
struct Answer {
    healthy: bool,
    /// Since when not all are healthy (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_since: Option<String>,
    backends: Vec<Backend>,
    /// Whether each of them would open the store.
    fully_wrapped: bool,
    /// Those that would not, since they have not encrypted the root key yet.
    not_wrapped: Vec<String>,
}

#[derive(Serialize)]
struct Backend {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    priority: u32,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When it was last asked (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<String>,
    /// The key that it encrypts with.
    key_id: String,
}

async fn status(call: &Call<'_>, _: Status) -> Result<BareJson<Answer>, Fault> {
    let kernel = call.kernel;
    let statuses = kernel.seal.seals.statuses();
    let since = statuses.iter().filter_map(|status| Some(status.health.failing.as_ref()?.0)).min();
    let wraps = kernel.seal_config().await?.is_some_and(|config| config.kind != SHAMIR);
    let not_wrapped = if wraps { kernel.seal.seals.missing_in(&kernel.wrapped_root().await?) } else { Vec::new() };
    Ok(BareJson(
        200,
        Answer {
            healthy: since.is_none(),
            unhealthy_since: since.map(Time::rfc3339),
            fully_wrapped: not_wrapped.is_empty(),
            not_wrapped,
            backends: statuses.into_iter().map(Backend::from).collect(),
        },
    ))
}

impl From<MemberStatus> for Backend {
    fn from(status: MemberStatus) -> Self {
        let MemberStatus { name, kind, priority, health } = status;
        let (since, error) = health.failing.unzip();
        Self {
            name,
            kind,
            priority,
            healthy: error.is_none(),
            unhealthy_since: since.map(Time::rfc3339),
            error,
            checked: health.asked.map(Time::rfc3339),
            key_id: health.key_id,
        }
    }
}
