//! `auth/token/accessors`.
use crate::pace::give_way;
use crate::rows::TOKENS;
use crate::sys::{Call, SysRoutes};
use crate::token::TokenEntry;
use kw_engine::{Keys, Page};
use kw_schema::Request;
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("accessors").list(list).sudo()
}

/// Lists the accessors of all tokens that can be used, oldest first.
#[derive(Request)]
struct List {
    /// Only accessors after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

/// How many rows are read before requests go on.
const STEP: usize = 16;

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let (tokens, now) = (call.kernel.view(TOKENS), call.kernel.now());
    let asked = usize::try_from(ask.limit).ok().filter(|limit| *limit > 0);
    let limit = asked.unwrap_or(usize::MAX).min(call.list_limit.unwrap_or(usize::MAX));
    let (mut keys, mut after) = (Vec::new(), ask.after);
    while keys.len() < limit {
        let rows = tokens.rows("", Page::new(&after, STEP)).await?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        for (_, plain) in rows {
            let entry: TokenEntry = serde_json::from_slice(&plain)
                .map_err(|e| Fault::internal(format_args!("token row: {:?}", e.classify())))?;
            if !entry.is_spent && !entry.is_expired(now) && keys.len() < limit {
                keys.push(entry.accessor);
            }
        }
        give_way().await;
    }
    Ok(keys.into())
}
