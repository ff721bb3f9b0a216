//! `sys/config/ui/headers`: headers that the pages of the user interface are sent with.
use super::audit_headers::is_header_name;
use super::{Call, SysRoutes};
use crate::rows::SETTINGS;
use kw_engine::{Keys, Reply, Status};
use kw_schema::{Nothing, Request, Words};
use kw_store::Page;
use kw_types::Fault;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("config/ui/headers")
        .list(list)
        .sudo()
        .at("config/ui/headers/{header*}")
        .read(read)
        .sudo()
        .write(write)
        .sudo()
        .delete(delete)
        .sudo()
}

/// The row `sys/setting/ui-header/<lower-case name>`.
#[derive(Serialize, Deserialize)]
struct HeaderRow {
    name: String,
    values: Vec<String>,
}

const FOLDER: &str = "ui-header/";

fn row_name(header: &str) -> String {
    format!("{FOLDER}{}", header.to_ascii_lowercase())
}

async fn list(call: &Call<'_>, _: Nothing) -> Result<Keys, Fault> {
    let view = call.kernel.view(SETTINGS);
    let mut keys = Vec::new();
    for name in view.names(FOLDER, Page::default()).await? {
        keys.extend(view.get::<HeaderRow>(&row_name(&name)).await?.map(|row| row.name));
    }
    Ok(keys.into())
}

/// Shows a header.
#[derive(Request)]
struct Read {
    /// The name; its case does not matter.
    #[capture]
    header: String,
    /// Whether all values are shown, as a list, or one text.
    multivalue: bool,
}

async fn read(call: &Call<'_>, ask: Read) -> Result<Option<Reply>, Fault> {
    let Some(row) = call.kernel.view(SETTINGS).get::<HeaderRow>(&row_name(&ask.header)).await? else {
        return Ok(None);
    };
    let shown = if ask.multivalue { json!({"values": row.values}) } else { json!({"value": row.values.join(",")}) };
    Reply::data(&shown).map(Some)
}

/// Sets a header.
#[derive(Request)]
struct Write {
    /// The name; its case does not matter.
    #[capture]
    header: String,
    /// Its values, each sent as a header of its own.
    values: Words,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<Status<()>, Fault> {
    let values = ask.values.0;
    if ask.header.to_ascii_lowercase().starts_with("x-vault-") {
        return Err(Fault::bad_request("X-Vault headers cannot be set"));
    }
    if values.is_empty() {
        return Err(Fault::bad_request("header and values must be specified"));
    }
    // A value with a line break would become a header, or a body, of its own.
    if !is_header_name(&ask.header) || !values.iter().all(|v| v.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'))) {
        return Err(Fault::bad_request("this is no HTTP header: names are tokens, values are printable ASCII"));
    }
    let row = HeaderRow { name: ask.header, values };
    call.kernel.transact(async |txn| txn.rescoped(SETTINGS).put(&row_name(&row.name), &row)).await?;
    Ok(Status(200, ()))
}

/// Removes a header.
#[derive(Request)]
struct Delete {
    /// The name; its case does not matter.
    #[capture]
    header: String,
}

async fn delete(call: &Call<'_>, ask: Delete) -> Result<(), Fault> {
    call.kernel
        .transact(async |txn| {
            txn.rescoped(SETTINGS).delete(&row_name(&ask.header));
            Ok(())
        })
        .await
}
