//! Logging in, and renewing what a login gave.
use super::password::Hash;
use super::user::User;
use kw_engine::{Alias, Cx, Fault, Login, Name, Origin, Request, Secret, Ttl, Txn, View};
use serde_json::Value;

/// Logs in with a name and a password.
#[derive(Debug, Request)]
pub struct Credentials {
    /// Name of the user; the case of its letters does not count.
    #[capture]
    pub username: Name,
    /// The password.
    pub password: Secret<String>,
}

const USERNAME: &str = "username";

pub async fn login(cx: &Cx<'_>, txn: Txn<'_>, q: Credentials) -> Result<Login, Fault> {
    if q.password.expose().is_empty() {
        return Err(Fault::bad_request("missing password"));
    }
    let name = q.username;
    let user = User::find(txn.view(), &name).await?;
    // No name takes less work or gets another answer for not being a user's: names are not to be found out here.
    let matches = Hash::matches(user.as_ref().map(|u| &u.hash), cx, &q.password).await?;
    let Some(mut user) = user.filter(|_| matches) else {
        return Ok(Login::wrong(name.as_str(), Fault::bad_request("invalid username or password")));
    };
    user.token.check_address(cx.remote())?;
    if let Some(hash) = user.hash.renewed(cx, &q.password).await? {
        user.hash = hash;
        user.save(txn, &name)?;
    }
    let mut grant = user.token.grant(cx.remote());
    grant.alias = Some(Alias { name: name.to_string(), ..Alias::default() });
    grant.display_name = name.to_string();
    grant.metadata.insert(USERNAME.to_owned(), name.to_string());
    grant.internal.insert(USERNAME.to_owned(), Value::String(name.to_string()));
    Ok(Login::granted(grant))
}

/// A token lives on while its user is there and has the same policies. Errors: 400 otherwise.
pub async fn renew(view: View<'_>, origin: &Origin) -> Result<(Ttl, Ttl, Ttl), Fault> {
    let gone = || Fault::bad_request("the user of this token does not exist any more");
    let name = origin.internal.get(USERNAME).and_then(Value::as_str).ok_or_else(gone)?;
    let user = User::find(view, &Name::fold(name).map_err(Fault::internal)?).await?.ok_or_else(gone)?;
    if !same_policies(&user.token.token_policies, &origin.policies) {
        return Err(Fault::bad_request("policies have changed, not renewing; log in again"));
    }
    Ok((user.token.token_ttl, user.token.token_max_ttl, user.token.token_period))
}

/// Order does not count, and `default` neither: tokens get it without its being among the user's policies.
fn same_policies(a: &[String], b: &[String]) -> bool {
    let folded = |list: &[String]| {
        let mut list: Vec<String> = list.iter().filter(|p| *p != "default").cloned().collect();
        list.sort();
        list.dedup();
        list
    };
    folded(a) == folded(b)
}
