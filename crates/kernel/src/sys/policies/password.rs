//! Password policies: `sys/policies/password`.
use super::decoded;
use crate::passwords::{PasswordPolicyRow, made};
use crate::rows::PASSWORD_POLICIES;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Data, Keys, Page, Request, Response};
use kw_policy::PasswordPolicy;
use kw_store::Txn;
use kw_types::{Fault, FaultKind, Name, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("policies/password")
        .list(list)
        .at("policies/password/{name}")
        .read(read)
        .write(write)
        .delete(delete)
        .at("policies/password/{name}/generate")
        .read(generate)
}

/// Lists the names of all password policies.
#[derive(Request)]
struct List {
    /// Only names after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

/// Shows, deletes or uses a password policy.
#[derive(Request)]
struct Named {
    /// The name of the policy.
    #[capture]
    name: Name,
}

/// Writes a password policy.
#[derive(Request)]
struct Write {
    /// The name of the policy; folded to lower case.
    #[capture]
    name: Name,
    /// The rules in HCL or JSON, as they are or in base64: `length`, and `rule "charset"` blocks.
    policy: String,
}

#[derive(Serialize, Response)]
struct Rules {
    /// As it was written.
    #[field(kind = "Text")]
    policy: String,
}

#[derive(Serialize, Response)]
struct Password {
    /// A new password. It is not kept.
    #[field(kind = "Text")]
    password: Secret<String>,
}

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let asked = usize::try_from(ask.limit).ok().filter(|limit| *limit > 0);
    let limit = asked.into_iter().chain(call.list_limit).min().unwrap_or(0);
    Ok(call.kernel.view(PASSWORD_POLICIES).names("", Page::new(&ask.after, limit)).await?.into())
}

async fn read(call: &Call<'_>, ask: Named) -> Result<Data<Rules>, Fault> {
    let row = call.kernel.view(PASSWORD_POLICIES).get::<PasswordPolicyRow>(ask.name.as_str()).await?;
    row.map(|row| Data(Rules { policy: row.text })).ok_or_else(absent)
}

async fn write(call: &Call<'_>, ask: Write) -> Result<(), Fault> {
    if ask.policy.is_empty() {
        return Err(Fault::bad_request("1 error occurred:\n\t* missing policy\n\n"));
    }
    let text = decoded(&ask.policy).into_owned();
    PasswordPolicy::parse(&text).map_err(|wrong| Fault::bad_request(format!("invalid password policy: {wrong}")))?;
    let row = PasswordPolicyRow { text };
    call.kernel.transact(async |txn| txn.rescoped(PASSWORD_POLICIES).put(ask.name.as_str(), &row)).await
}

async fn delete(call: &Call<'_>, ask: Named) -> Result<(), Fault> {
    let delete = async |txn: Txn<'_>| {
        txn.rescoped(PASSWORD_POLICIES).delete(ask.name.as_str());
        Ok(())
    };
    call.kernel.transact(delete).await
}

async fn generate(call: &Call<'_>, ask: Named) -> Result<Data<Password>, Fault> {
    let password = made(call.kernel, &ask.name).await?.ok_or_else(absent)?;
    Ok(Data(Password { password }))
}

fn absent() -> Fault {
    Fault::new(FaultKind::NotFound, "1 error occurred:\n\t* policy does not exist\n\n")
}
