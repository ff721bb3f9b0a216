//! `auth/token/roles`.
use super::policies::sanitized;
use crate::kernel::Kernel;
use crate::rows::TOKEN_ROLES;
use crate::sys::{Call, SysRoutes};
use crate::token::Role;
use kw_engine::{Cidrs, Data, Keys, Page, TokenParamsUpdate};
use kw_schema::{Request, Response};
use kw_types::{Fault, Ttl};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("roles")
        .list(list)
        .at("roles/{role_name}")
        .read(read)
        .write(write)
        .creates_if_absent(exists)
        .delete(delete)
}

/// Lists the roles.
#[derive(Request)]
struct List {
    /// Only names after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

/// Shows a role, or deletes it.
#[derive(Request)]
struct Named {
    /// Name of the role.
    #[capture]
    role_name: String,
}

/// Makes a role, or changes what is given of one.
#[derive(Request)]
struct Change {
    /// Name of the role.
    #[capture]
    role_name: String,
    /// Policies that its tokens may have; they get all of these if none are asked for. Empty: no such rule.
    allowed_policies: Option<Vec<String>>,
    /// The same as globs, where `*` stands for any text.
    allowed_policies_glob: Option<Vec<String>>,
    /// Policies that its tokens may not have.
    disallowed_policies: Option<Vec<String>>,
    /// The same as globs.
    disallowed_policies_glob: Option<Vec<String>>,
    /// Entity aliases that its tokens may be made for, as globs.
    allowed_entity_aliases: Option<Vec<String>>,
    /// Whether its tokens have no parent.
    orphan: Option<bool>,
    /// Whether its tokens can be renewed; true if never given.
    renewable: Option<bool>,
    /// Added to the path of its tokens, so that they can be revoked by prefix.
    path_suffix: Option<String>,
    /// Addresses that may use the tokens.
    token_bound_cidrs: Option<Cidrs>,
    /// The age that no renewal goes beyond.
    token_explicit_max_ttl: Option<Ttl>,
    /// Leave the `default` policy away.
    token_no_default_policy: Option<bool>,
    /// How many requests a token is good for; 0: any number.
    token_num_uses: Option<i64>,
    /// Makes the tokens periodic.
    token_period: Option<Ttl>,
    /// `service` or `batch` for all tokens, `default-service` or `default-batch` where the caller says nothing.
    token_type: Option<String>,
    /// Old name of `token_period`.
    period: Option<Ttl>,
    /// Old name of `token_explicit_max_ttl`.
    explicit_max_ttl: Option<Ttl>,
    /// Old name of `token_bound_cidrs`.
    bound_cidrs: Option<Cidrs>,
}

/// A role, as shown.
#[derive(Serialize, Response)]
struct RoleView {
    /// Null: none.
    #[field(kind = "List")]
    allowed_entity_aliases: Option<Vec<String>>,
    #[field(kind = "List")]
    allowed_policies: Vec<String>,
    #[field(kind = "List")]
    allowed_policies_glob: Vec<String>,
    #[field(kind = "List")]
    disallowed_policies: Vec<String>,
    #[field(kind = "List")]
    disallowed_policies_glob: Vec<String>,
    /// Seconds, if it was set under this old name.
    #[field(kind = "Integer")]
    explicit_max_ttl: Ttl,
    #[field(kind = "Text")]
    name: String,
    #[field(kind = "Bool")]
    orphan: bool,
    #[field(kind = "Text")]
    path_suffix: String,
    /// Seconds, if it was set under this old name.
    #[field(kind = "Integer")]
    period: Ttl,
    #[field(kind = "Bool")]
    renewable: bool,
    /// If it was set under this old name.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidrs: Option<Cidrs>,
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_bound_cidrs: Option<Cidrs>,
    /// Seconds; 0: none.
    #[field(kind = "Integer")]
    token_explicit_max_ttl: Ttl,
    #[field(kind = "Bool")]
    token_no_default_policy: bool,
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_num_uses: Option<u64>,
    /// Seconds; 0: not periodic.
    #[field(kind = "Integer")]
    token_period: Ttl,
    #[field(kind = "Text")]
    token_type: String,
}

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let asked = usize::try_from(ask.limit).ok().filter(|limit| *limit > 0);
    let limit = [asked, call.list_limit].into_iter().flatten().min().unwrap_or(0);
    Ok(call.kernel.view(TOKEN_ROLES).names("", Page::new(&ask.after, limit)).await?.into())
}

async fn read(call: &Call<'_>, ask: Named) -> Result<Option<Data<RoleView>>, Fault> {
    Ok(Role::find(call.kernel.view(""), &ask.role_name).await?.map(|role| Data(view(role))))
}

async fn exists(kernel: &Kernel, ask: Named) -> Result<bool, Fault> {
    kernel.view(TOKEN_ROLES).exists(&ask.role_name).await
}

async fn write(call: &Call<'_>, ask: Change) -> Result<(), Fault> {
    call.kernel
        .transact(async |txn| {
            let found = Role::find(txn.view(), &ask.role_name).await?;
            let mut role =
                found.unwrap_or_else(|| Role { name: ask.role_name.clone(), renewable: true, ..Role::default() });
            change(&mut role, &ask)?;
            txn.rescoped(TOKEN_ROLES).put(&ask.role_name, &role)
        })
        .await
}

async fn delete(call: &Call<'_>, ask: Named) -> Result<(), Fault> {
    call.kernel
        .transact(async |txn| {
            txn.rescoped(TOKEN_ROLES).delete(&ask.role_name);
            Ok(())
        })
        .await
}

fn change(role: &mut Role, ask: &Change) -> Result<(), Fault> {
    for (slot, given) in [
        (&mut role.allowed_policies, &ask.allowed_policies),
        (&mut role.allowed_policies_glob, &ask.allowed_policies_glob),
        (&mut role.disallowed_policies, &ask.disallowed_policies),
        (&mut role.disallowed_policies_glob, &ask.disallowed_policies_glob),
    ] {
        if let Some(given) = given {
            *slot = sanitized(given, false);
        }
    }
    if let Some(aliases) = &ask.allowed_entity_aliases {
        role.allowed_entity_aliases = aliases.iter().map(|a| a.to_lowercase()).collect();
    }
    role.orphan = ask.orphan.unwrap_or(role.orphan);
    role.renewable = ask.renewable.unwrap_or(role.renewable);
    if let Some(suffix) = &ask.path_suffix {
        check_suffix(suffix)?;
        role.path_suffix.clone_from(suffix);
    }
    set_params(role, ask)?;
    if role.token.token_type == "batch" {
        if !role.orphan {
            return Err(Fault::bad_request(
                "'token_type' cannot be 'batch' when role is set to generate non-orphan tokens",
            ));
        }
        if role.renewable {
            return Err(Fault::bad_request(
                "'token_type' cannot be 'batch' when role is set to generate renewable tokens",
            ));
        }
        if !role.token.token_explicit_max_ttl.is_zero() {
            return Err(Fault::bad_request(
                "'token_type' cannot be 'batch' when role is set to generate tokens with an explicit max TTL",
            ));
        }
    }
    Ok(())
}

fn set_params(role: &mut Role, ask: &Change) -> Result<(), Fault> {
    let old = &mut role.old_names;
    for (was_used, new, by_old) in [
        (&mut old.period, ask.token_period.is_some(), ask.period.is_some()),
        (&mut old.explicit_max_ttl, ask.token_explicit_max_ttl.is_some(), ask.explicit_max_ttl.is_some()),
        (&mut old.bound_cidrs, ask.token_bound_cidrs.is_some(), ask.bound_cidrs.is_some()),
    ] {
        *was_used = !new && (by_old || *was_used);
    }
    role.token.apply(TokenParamsUpdate {
        token_bound_cidrs: ask.token_bound_cidrs.clone().or_else(|| ask.bound_cidrs.clone()),
        token_explicit_max_ttl: ask.token_explicit_max_ttl.or(ask.explicit_max_ttl),
        token_no_default_policy: ask.token_no_default_policy,
        token_num_uses: ask.token_num_uses,
        token_period: ask.token_period.or(ask.period),
        token_type: ask.token_type.clone(),
        ..TokenParamsUpdate::default()
    })?;
    if role.token.token_type == "default" {
        role.token.token_type = "default-service".to_owned();
    }
    Ok(())
}

/// A suffix becomes part of a path: letters, digits, `_`, and inside `-` and `.`.
fn check_suffix(suffix: &str) -> Result<(), Fault> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let ends = [suffix.bytes().next(), suffix.bytes().last()];
    let is_good = suffix.bytes().all(|b| word(b) || matches!(b, b'-' | b'.')) && ends.into_iter().flatten().all(word);
    if is_good && suffix.len() <= 256 && !suffix.contains("..") {
        return Ok(());
    }
    Err(Fault::bad_request("path_suffix may hold letters, digits and _, and inside it - and . (no ..), 256 at most"))
}

fn view(role: Role) -> RoleView {
    let token = role.token;
    let cidrs = Some(token.token_bound_cidrs).filter(|c| !c.0.is_empty());
    RoleView {
        allowed_entity_aliases: Some(role.allowed_entity_aliases).filter(|a| !a.is_empty()),
        allowed_policies: role.allowed_policies,
        allowed_policies_glob: role.allowed_policies_glob,
        disallowed_policies: role.disallowed_policies,
        disallowed_policies_glob: role.disallowed_policies_glob,
        explicit_max_ttl: if role.old_names.explicit_max_ttl { token.token_explicit_max_ttl } else { Ttl::ZERO },
        name: role.name,
        orphan: role.orphan,
        path_suffix: role.path_suffix,
        period: if role.old_names.period { token.token_period } else { Ttl::ZERO },
        renewable: role.renewable,
        bound_cidrs: cidrs.clone().filter(|_| role.old_names.bound_cidrs),
        token_bound_cidrs: cidrs,
        token_explicit_max_ttl: token.token_explicit_max_ttl,
        token_no_default_policy: token.token_no_default_policy,
        token_num_uses: Some(token.token_num_uses).filter(|n| *n > 0),
        token_period: token.token_period,
        token_type: token.token_type,
    }
}
