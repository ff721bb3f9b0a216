//! Response wrapping: the answer is kept behind a token that is good for one look.
use crate::answer::{Envelope, WrapAnswer, shown};
use crate::kernel::Kernel;
use crate::rows::WRAPPED;
use crate::token::{NewToken, create};
use kw_types::{Fault, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The row `wrap/<ident of the wrapping token>`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WrappedRow {
    /// The answer as it would have been sent.
    pub response: Box<RawValue>,
    pub creation_path: String,
    pub creation_time: kw_types::Time,
    pub ttl: Ttl,
    #[serde(default)]
    pub wrapped_accessor: String,
}

/// Keeps an answer, and gives what the caller gets instead.
pub(crate) async fn wrap(
    kernel: &Kernel,
    envelope: &Envelope,
    request_id: &str,
    path: &str,
    ttl: Ttl,
) -> Result<WrapAnswer, Fault> {
    let response = String::from_utf8(envelope.to_json(request_id)).map_err(Fault::internal)?;
    let response =
        RawValue::from_string(response).map_err(|e| Fault::internal(format_args!("answer: {:?}", e.classify())))?;
    let wrapped_accessor = envelope.auth.as_ref().map(|a| a.accessor.clone()).unwrap_or_default();
    let row =
        WrappedRow { response, creation_path: path.to_owned(), creation_time: kernel.now(), ttl, wrapped_accessor };
    let made = kernel
        .transact(async |txn| {
            let new = NewToken {
                policies: vec![kw_policy::builtin::RESPONSE_WRAPPING.to_owned()],
                path: path.to_owned(),
                num_uses: 1,
                ttl,
                explicit_max_ttl: ttl,
                ..NewToken::default()
            };
            let made = create(kernel, txn, new).await?;
            txn.rescoped(WRAPPED).put(&made.entry.ident, &row)?;
            Ok(made)
        })
        .await?;
    Ok(WrapAnswer {
        token: made.text.expose().clone(),
        accessor: made.entry.accessor,
        ttl: ttl.seconds(),
        creation_time: shown(row.creation_time),
        creation_path: row.creation_path,
        wrapped_accessor: row.wrapped_accessor,
    })
}

/// The time to live that the caller asked for. Errors: 400 for what is no duration, negative or over the system's limit.
pub(crate) fn asked(kernel: &Kernel, text: Option<&str>) -> Result<Option<Ttl>, Fault> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let ttl = Ttl::parse(text).map_err(|why| Fault::bad_request(format!("X-Vault-Wrap-TTL {why}")))?;
    if ttl > kernel.settings.max_lease_ttl {
        return Err(Fault::bad_request("X-Vault-Wrap-TTL is over the system's max_lease_ttl"));
    }
    Ok(Some(ttl).filter(|t| !t.is_zero()))
}
