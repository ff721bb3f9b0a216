//! `sys/config/auditing/request-headers`: the headers that audit entries tell.
use super::routes::Flat;
use super::{Call, SysRoutes};
use crate::audits::AuditHeaderRow;
use crate::rows::AUDIT_HEADERS;
use kw_engine::{Data, Reply};
use kw_schema::{Nothing, Request, Response};
use kw_store::Page;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("config/auditing/request-headers")
        .read(list)
        .sudo()
        .at("config/auditing/request-headers/{header*}")
        .read(read)
        .sudo()
        .write(write)
        .sudo()
        .delete(delete)
        .sudo()
}

#[derive(Serialize, Response)]
struct Headers {
    /// Headers by lower-case name, each with whether its value is hashed.
    headers: BTreeMap<String, AuditHeaderRow>,
}

async fn list(call: &Call<'_>, _: Nothing) -> Result<Flat<Data<Headers>>, Fault> {
    let view = call.kernel.view(AUDIT_HEADERS);
    let mut headers = BTreeMap::new();
    for name in view.names("", Page::default()).await? {
        if let Some(row) = view.get(&name).await? {
            headers.insert(name, row);
        }
    }
    Ok(Flat(Data(Headers { headers })))
}

/// A header by its name.
#[derive(Request)]
struct Header {
    /// The name; its case does not matter.
    #[capture]
    header: String,
}

async fn read(call: &Call<'_>, ask: Header) -> Result<Flat<Reply>, Fault> {
    let row = call.kernel.view(AUDIT_HEADERS).get::<AuditHeaderRow>(&ask.header.to_ascii_lowercase()).await?;
    let row = row.ok_or_else(|| Fault::bad_request("Could not find header in config"))?;
    Ok(Flat(Reply::data(&BTreeMap::from([(ask.header, row)]))?))
}

/// Has a header told by audit entries.
#[derive(Request)]
struct Write {
    /// The name; its case does not matter.
    #[capture]
    header: String,
    /// Whether its value is hashed.
    hmac: bool,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<(), Fault> {
    if !is_header_name(&ask.header) {
        return Err(Fault::bad_request("this is no name of an HTTP header"));
    }
    let name = ask.header.to_ascii_lowercase();
    let row = AuditHeaderRow { hmac: ask.hmac };
    call.kernel.transact(async |txn| txn.rescoped(AUDIT_HEADERS).put(&name, &row)).await
}

async fn delete(call: &Call<'_>, ask: Header) -> Result<(), Fault> {
    let name = ask.header.to_ascii_lowercase();
    call.kernel
        .transact(async |txn| {
            txn.rescoped(AUDIT_HEADERS).delete(&name);
            Ok(())
        })
        .await
}

/// A token as of RFC 9110, section 5.6.2, of sensible length.
pub(super) fn is_header_name(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.len() <= 256 && text.bytes().all(is_token)
}
