//! `sys/raw`: rows as they are behind the barrier, for the operator who must repair something by hand. Only if the
//! configuration opens it; the rows that the barrier is opened with are never shown.
use super::{Call, SysRoutes};
use crate::rows::CORE;
use kw_engine::{Data, Keys, Page};
use kw_schema::{Request, Response};
use kw_types::{Fault, FaultKind, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("raw/{path...}").read(read).sudo().list(list).sudo();
    routes.write(write).sudo().delete(delete).sudo()
}

/// Read a row.
#[derive(Request)]
struct At {
    /// The row's name.
    #[capture]
    path: String,
}

#[derive(Serialize, Response)]
struct Value {
    /// The row as text.
    #[field(kind = "Text")]
    value: Secret<String>,
}

async fn read(call: &Call<'_>, at: At) -> Result<Option<Data<Value>>, Fault> {
    check(call, &at.path)?;
    let row = call.kernel.view("").get_bytes(&at.path).await?;
    Ok(row.map(|plain| Data(Value { value: Secret::new(String::from_utf8_lossy(&plain).into_owned()) })))
}

/// List rows.
#[derive(Request)]
struct Under {
    /// The beginning of their names.
    #[capture]
    path: String,
}

async fn list(call: &Call<'_>, under: Under) -> Result<Keys, Fault> {
    check(call, &under.path)?;
    let folder = if under.path.is_empty() { String::new() } else { format!("{}/", under.path.trim_end_matches('/')) };
    Ok(Keys::from(call.kernel.view("").children(&folder, Page::default()).await?))
}

/// Write a row. Nothing checks what it means.
#[derive(Request)]
struct Put {
    /// The row's name.
    #[capture]
    path: String,
    /// The row as text.
    #[field(required)]
    value: Secret<String>,
}

async fn write(call: &Call<'_>, put: Put) -> Result<(), Fault> {
    check(call, &put.path)?;
    let plain = put.value.expose().clone().into_bytes();
    call.kernel
        .transact(async |txn| {
            txn.put_bytes(&put.path, plain.clone());
            Ok(())
        })
        .await
}

/// Delete a row.
#[derive(Request)]
struct Gone {
    /// The row's name.
    #[capture]
    path: String,
}

async fn delete(call: &Call<'_>, gone: Gone) -> Result<(), Fault> {
    check(call, &gone.path)?;
    call.kernel
        .transact(async |txn| {
            txn.delete(&gone.path);
            Ok(())
        })
        .await
}

fn check(call: &Call<'_>, path: &str) -> Result<(), Fault> {
    if !call.kernel.settings.raw_storage {
        return Err(Fault::new(FaultKind::NotFound, "1 error occurred:\n\t* unsupported path\n\n"));
    }
    if path.starts_with(CORE) || format!("{path}/") == CORE {
        return Err(Fault::denied().because("the rows that open the barrier are not for sys/raw"));
    }
    Ok(())
}
