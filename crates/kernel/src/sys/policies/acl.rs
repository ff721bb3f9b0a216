//! ACL policies: `sys/policies/acl`, and `sys/policy`, as old clients have it.
use super::decoded;
use crate::kernel::Kernel;
use crate::policies::PolicyRow;
use crate::rows::POLICIES;
use crate::sys::routes::Flat;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Data, Keys, Page, Reply, Request, Response, Warned};
use kw_policy::{Policy, builtin};
use kw_store::Txn;
use kw_types::{Fault, Name};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("policies/acl")
        .list(list)
        .at("policies/acl/{name...}")
        .read(read)
        .write(write)
        .delete(delete)
        .at("policy")
        .read(list_old)
        .list(list_old)
        .at("policy/{name...}")
        .read(read_old)
        .write(write_old)
        .delete(delete)
}

/// Lists the names of all ACL policies.
#[derive(Request)]
struct List {
    /// Only names after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

/// Works on one ACL policy. Its name is folded to lower case.
#[derive(Request)]
struct Named {
    /// The name of the policy.
    #[capture]
    name: Name,
}

/// Writes an ACL policy; it is in force on all nodes when the answer comes.
#[derive(Request)]
struct Write {
    /// The name of the policy; folded to lower case.
    #[capture]
    name: Name,
    /// The rules in HCL or JSON, as they are or in base64.
    policy: String,
}

/// Writes an ACL policy.
#[derive(Request)]
struct WriteOld {
    /// The name of the policy; folded to lower case.
    #[capture]
    name: Name,
    /// The rules in HCL or JSON, as they are or in base64.
    policy: String,
    /// The old name of `policy`.
    rules: String,
}

#[derive(Serialize, Response)]
struct PolicyText {
    #[field(kind = "Text")]
    name: String,
    /// As it was written; empty for `root`, which may do everything.
    #[field(kind = "Text")]
    policy: String,
}

#[derive(Serialize, Response)]
struct PolicyRules {
    #[field(kind = "Text")]
    name: String,
    /// As it was written; empty for `root`, which may do everything.
    #[field(kind = "Text")]
    rules: String,
}

#[derive(Serialize, Response)]
struct Names {
    #[field(kind = "List")]
    keys: Vec<String>,
    /// The same again.
    #[field(kind = "List")]
    policies: Vec<String>,
}

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    Ok(names(call, &ask).await?.into())
}

async fn list_old(call: &Call<'_>, ask: List) -> Result<Flat<Data<Names>>, Fault> {
    let keys = names(call, &ask).await?;
    Ok(Flat(Data(Names { policies: keys.clone(), keys })))
}

/// `root` has no row, but it is there.
async fn names(call: &Call<'_>, ask: &List) -> Result<Vec<String>, Fault> {
    let mut names = call.kernel.view(POLICIES).names("", Page::new(&ask.after, 0)).await?;
    if builtin::ROOT > ask.after.as_str() {
        names.push(builtin::ROOT.to_owned());
        names.sort();
    }
    let asked = usize::try_from(ask.limit).ok().filter(|limit| *limit > 0);
    names.truncate(asked.into_iter().chain(call.list_limit).min().unwrap_or(usize::MAX));
    Ok(names)
}

async fn read(call: &Call<'_>, ask: Named) -> Result<Option<Data<PolicyText>>, Fault> {
    let text = text_of(call.kernel, ask.name.as_str()).await?;
    Ok(text.map(|policy| Data(PolicyText { name: ask.name.to_string(), policy })))
}

async fn read_old(call: &Call<'_>, ask: Named) -> Result<Flat<Option<Data<PolicyRules>>>, Fault> {
    let text = text_of(call.kernel, ask.name.as_str()).await?;
    Ok(Flat(text.map(|rules| Data(PolicyRules { name: ask.name.to_string(), rules }))))
}

async fn text_of(kernel: &Kernel, name: &str) -> Result<Option<String>, Fault> {
    match name {
        builtin::ROOT => Ok(Some(String::new())),
        builtin::RESPONSE_WRAPPING => Ok(Some(builtin::RESPONSE_WRAPPING_TEXT.to_owned())),
        _ => Ok(kernel.view(POLICIES).get::<PolicyRow>(name).await?.map(|row| row.text)),
    }
}

async fn write(call: &Call<'_>, ask: Write) -> Result<(), Fault> {
    put(call.kernel, &ask.name, &ask.policy).await
}

async fn write_old(call: &Call<'_>, ask: WriteOld) -> Result<Reply, Fault> {
    let is_old = ask.policy.is_empty() && !ask.rules.is_empty();
    put(call.kernel, &ask.name, if is_old { &ask.rules } else { &ask.policy }).await?;
    let warnings = is_old.then(|| "'rules' is deprecated, please use 'policy' instead".to_owned());
    kw_engine::Outcome::into_reply(Warned((), warnings.into_iter().collect()))
}

async fn put(kernel: &Kernel, name: &Name, text: &str) -> Result<(), Fault> {
    if is_fixed(name.as_str()) {
        return Err(Fault::bad_request(format!("cannot update {:?} policy", name.as_str())));
    }
    if text.is_empty() {
        return Err(Fault::bad_request("'policy' parameter not supplied or empty"));
    }
    let text = decoded(text);
    Policy::parse(&text).map_err(|wrong| Fault::bad_request(wrong.to_string()))?;
    let row = PolicyRow { name: name.to_string(), text: text.into_owned() };
    kernel.transact(async |txn| txn.rescoped(POLICIES).put(name.as_str(), &row)).await
}

async fn delete(call: &Call<'_>, ask: Named) -> Result<(), Fault> {
    match ask.name.as_str() {
        builtin::DEFAULT => Err(Fault::bad_request("cannot delete default policy")),
        name if is_fixed(name) => Err(Fault::bad_request(format!("cannot delete {name:?} policy"))),
        name => {
            let delete = async |txn: Txn<'_>| {
                txn.rescoped(POLICIES).delete(name);
                Ok(())
            };
            call.kernel.transact(delete).await
        }
    }
}

/// Policies that have no row: nobody can change what they mean.
fn is_fixed(name: &str) -> bool {
    matches!(name, builtin::ROOT | builtin::RESPONSE_WRAPPING)
}
