//! Logging in, and renewing what a login gave.
use super::issue::is_within;
use super::role::Role;
use super::secret_id::{Place, SecretId};
use kw_engine::{Alias, Cx, Fault, Grant, Login, Memo, Name, Origin, Request, Secret, Ttl, Txn, View};
use serde_json::Value;
use std::collections::BTreeMap;

/// Logs in with a role id and, unless the role binds none, a secret id.
#[derive(Debug, Request)]
pub struct Credentials {
    /// The identifier of the role.
    pub role_id: String,
    /// A secret id of the role.
    pub secret_id: Secret<String>,
}

const ROLE_NAME: &str = "role_name";

/// What logins read, parsed: the same roles and secret ids come again and again.
#[derive(Debug, Default)]
pub struct Known {
    roles: Memo<Role>,
    secret_ids: Memo<SecretId>,
}

impl Known {
    pub fn forget(&self) {
        self.roles.forget();
        self.secret_ids.forget();
    }
}

pub async fn login(known: &Known, cx: &Cx<'_>, txn: Txn<'_>, q: Credentials) -> Result<Login, Fault> {
    let (role_id, secret_id) = (q.role_id.trim(), q.secret_id.expose().trim());
    if role_id.is_empty() {
        return Err(Fault::bad_request("missing role_id"));
    }
    let role = Role::of_login(&known.roles, txn.view(), role_id).await?;
    // A role that is not there is answered like one that wants a secret id, so that the text does not tell them apart.
    if secret_id.is_empty() && role.as_ref().is_none_or(|r| r.bind_secret_id) {
        return Err(Fault::bad_request("missing secret_id"));
    }
    let Some(role) = role else { return Ok(wrong(role_id)) };
    if !role.bind_secret_id {
        // Nothing but the address proves who asks, so each bound must hold now.
        check_address(role.secret_id_bound_cidrs.allow(cx.remote()))?;
        check_address(role.token.token_bound_cidrs.allow(cx.remote()))?;
        return Ok(Login::granted(grant(cx, &role, None)?));
    }
    let place = Place::of(cx, &role, &Secret::new(secret_id.to_owned()))?;
    let Some(found) = place.of_login(&known.secret_ids, cx, txn.view()).await? else { return Ok(wrong(role_id)) };
    check_address(role.secret_id_bound_cidrs.allow(cx.remote()) && found.cidr_list.allow(cx.remote()))?;
    use_up(cx, txn, &place, &found)?;
    Ok(Login::granted(grant(cx, &role, Some(&found))?))
}

/// A token lives on with what its role has now. Errors: 400 when the role is gone.
pub async fn renew(view: View<'_>, origin: &Origin) -> Result<(Ttl, Ttl, Ttl), Fault> {
    let gone = || Fault::bad_request("the role of this token does not exist any more; log in again");
    let name = origin.internal.get(ROLE_NAME).and_then(Value::as_str).ok_or_else(gone)?;
    let role = Role::by_name(view, &Name::fold(name).map_err(Fault::internal)?).await?.ok_or_else(gone)?;
    Ok((role.token.token_ttl, role.token.token_max_ttl, role.token.token_period))
}

/// Counts a use. The row was read in this transaction, so of several logins that see the same count one commits and the
/// others run again: `n` uses are `n` logins. Without a count nothing is written.
fn use_up(cx: &Cx<'_>, txn: Txn<'_>, place: &Place, found: &SecretId) -> Result<(), Fault> {
    match found.num_uses {
        0 => Ok(()),
        1 => {
            place.delete(txn, found);
            Ok(())
        }
        left => place.update(txn, &SecretId { num_uses: left - 1, updated: cx.now(), ..found.clone() }),
    }
}

fn grant(cx: &Cx<'_>, role: &Role, secret_id: Option<&SecretId>) -> Result<Grant, Fault> {
    let mut grant = role.token.grant(cx.remote());
    let mut metadata = BTreeMap::new();
    if let Some(secret_id) = secret_id {
        let bounds = &secret_id.token_bound_cidrs;
        if !bounds.0.is_empty() && !role.token.token_strictly_bind_ip {
            // The role may have been narrowed since this secret id was made.
            if !is_within(bounds, &role.token.token_bound_cidrs) {
                return Err(Fault::bad_request(
                    "the secret id's token_bound_cidrs are not within the role's any more; generate a new secret id",
                ));
            }
            grant.bound_cidrs = bounds.clone();
        }
        metadata.clone_from(&secret_id.metadata);
    }
    let name = role.name.to_string();
    metadata.insert(ROLE_NAME.to_owned(), name.clone());
    grant.internal.insert(ROLE_NAME.to_owned(), Value::String(name));
    grant.alias = Some(Alias { name: role.role_id.clone(), metadata: metadata.clone() });
    grant.metadata = metadata;
    Ok(grant)
}

fn check_address(allowed: bool) -> Result<(), Fault> {
    let text = "the source address is not one that the CIDR blocks of the role and secret id allow";
    if allowed { Ok(()) } else { Err(Fault::bad_request(text)) }
}

fn wrong(role_id: &str) -> Login {
    Login::wrong(role_id, Fault::bad_request("invalid role or secret ID"))
}
