//! `auth/token/create`, `create-orphan`, `create/{role}`.
use super::policies::{self, Wish};
use crate::identity::at_login;
use crate::kernel::Kernel;
use crate::rows::POLICIES;
use crate::sys::{Authed, Call, SysRoutes};
use crate::token::{Limits, Made, NewToken, Role, TokenEntry, TokenType, create, role};
use kw_engine::{Alias, Cx, KeyValues, Words};
use kw_policy::{Ask, NoParams, Operation};
use kw_schema::Request;
use kw_store::Txn;
use kw_types::{Fault, Secret, Ttl};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("create").write(child).at("create-orphan").write(orphan).at("create/{role_name}").write(by_role)
}

/// Makes a token, as a child of the one that asks.
#[derive(Request)]
struct Child {
    #[flatten]
    wanted: Wanted,
}

/// Makes a token without a parent.
#[derive(Request)]
struct Orphan {
    #[flatten]
    wanted: Wanted,
}

/// Makes a token by the rules of a role.
#[derive(Request)]
struct ByRole {
    /// Name of the role.
    #[capture]
    role_name: String,
    #[flatten]
    wanted: Wanted,
}

/// What the token is to be.
#[derive(Request)]
struct Wanted {
    /// The text of the token; needs `sudo`. Without it, the server makes one that nobody can guess.
    id: Option<Secret<String>>,
    /// Policies; without any, those of the parent.
    policies: Words,
    /// Facts to remember with the token.
    meta: Option<KeyValues>,
    /// Make it without a parent; needs `sudo`.
    no_parent: bool,
    /// Leave the `default` policy away.
    no_default_policy: bool,
    /// Whether it can be renewed.
    #[field(default = "true")]
    renewable: bool,
    /// How long it lives at first.
    ttl: Ttl,
    /// Old name of `ttl`.
    lease: Ttl,
    /// The age that no renewal goes beyond.
    explicit_max_ttl: Ttl,
    /// Makes the token periodic: each renewal gives this much, without an end. Needs `sudo`.
    period: Ttl,
    /// A name for the audit log.
    display_name: String,
    /// How many requests it is good for; 0: any number.
    num_uses: i64,
    /// `service` or `batch`.
    #[field(name = "type")]
    kind: String,
    /// The entity alias whose entity the token belongs to; with a role that allows it.
    entity_alias: String,
}

async fn child(call: &Call<'_>, ask: Child) -> Result<Authed, Fault> {
    make(call, &ask.wanted, None, false).await
}

async fn orphan(call: &Call<'_>, ask: Orphan) -> Result<Authed, Fault> {
    make(call, &ask.wanted, None, true).await
}

async fn by_role(call: &Call<'_>, ask: ByRole) -> Result<Authed, Fault> {
    make(call, &ask.wanted, Some(&ask.role_name), false).await
}

async fn make(call: &Call<'_>, wanted: &Wanted, role: Option<&str>, is_orphan: bool) -> Result<Authed, Fault> {
    let (kernel, session) = (call.kernel, call.session()?);
    let rights = session.rights(kernel).await?;
    let path = call.resolved.path.as_str();
    let ask = Ask { path, operation: Operation::Update, params: &NoParams, wrap_ttl: None };
    let has_sudo = rights.acl.decide(&ask).sudo;
    let mount = call.resolved.mount.as_ref().ok_or_else(|| Fault::internal("the token method has no mount"))?;
    let cx = kernel.cx(mount, path, None, None);
    let (made, mut warnings) = kernel
        .transact(async |txn| {
            let role = match role {
                Some(name) => Some(Role::find(txn.view(), name).await?.ok_or_else(unknown_role)?),
                None => None,
            };
            let plan = Plan { cx: &cx, parent: &session.entry, has_sudo, role: role.as_ref(), is_orphan, wanted };
            let (new, warnings) = plan.token(kernel, txn).await?;
            Ok((create(kernel, txn, new).await?, warnings))
        })
        .await?;
    warnings.extend(unknown_policies(kernel, &made.entry).await?);
    Ok(Authed(with_identity(kernel, made).await?.answer(), warnings))
}

fn unknown_role() -> Fault {
    Fault::bad_request("unknown role; write it to auth/token/roles first")
}

async fn unknown_policies(kernel: &Kernel, entry: &TokenEntry) -> Result<Vec<String>, Fault> {
    let mut warnings = Vec::new();
    for name in entry.policies.iter().filter(|p| *p != "root") {
        if kernel.policies.parsed(kernel.view(POLICIES), name).await?.is_none() {
            warnings.push(format!("Policy {name:?} does not exist"));
        }
    }
    Ok(warnings)
}

async fn with_identity(kernel: &Kernel, mut made: Made) -> Result<Made, Fault> {
    if !made.entry.entity_id.is_empty() {
        let facts = kernel.identities.facts(kernel, &made.entry.entity_id).await?;
        made.identity_policies = facts.map(|f| f.policies()).unwrap_or_default();
    }
    Ok(made)
}

/// A wish with all that decides about it.
struct Plan<'a> {
    cx: &'a Cx<'a>,
    parent: &'a TokenEntry,
    has_sudo: bool,
    role: Option<&'a Role>,
    is_orphan: bool,
    wanted: &'a Wanted,
}

impl Plan<'_> {
    /// The token to make, with warnings. Errors: 400 for whatever its maker may not have.
    async fn token(&self, kernel: &Kernel, txn: Txn<'_>) -> Result<(NewToken, Vec<String>), Fault> {
        let wanted = self.wanted;
        self.check_parent()?;
        let kind = self.kind()?;
        let num_uses =
            u64::try_from(wanted.num_uses).map_err(|_| Fault::bad_request("number of uses cannot be negative"))?;
        let num_uses = match self.role.map_or(0, |r| r.token.token_num_uses) {
            0 => num_uses,
            of_role if num_uses == 0 => of_role,
            of_role => of_role.min(num_uses),
        };
        if wanted.id.as_ref().is_some_and(|id| !id.expose().is_empty()) && !self.has_sudo {
            return Err(Fault::bad_request("root or sudo privileges required to specify token id"));
        }
        let policies = policies::choose(&Wish {
            parent: self.parent,
            has_sudo: self.has_sudo,
            role: self.role,
            policies: &wanted.policies.0,
            no_default_policy: wanted.no_default_policy || self.role.is_some_and(|r| r.token.token_no_default_policy),
        })?;
        if kind == TokenType::Batch && policies.iter().any(|p| p == "root") {
            return Err(Fault::bad_request("batch tokens cannot be root tokens"));
        }
        let mut new = NewToken {
            kind,
            text: wanted.id.as_ref().map(|id| id.expose().clone()).filter(|id| !id.is_empty()),
            policies,
            path: self.path(),
            display_name: display_name(&wanted.display_name),
            meta: wanted.meta.clone().map(|m| m.0).filter(|m| !m.is_empty()),
            num_uses,
            renewable: wanted.renewable && kind == TokenType::Service && self.role.is_none_or(|r| r.renewable),
            role: self.role.map(|r| r.name.clone()).unwrap_or_default(),
            ..NewToken::default()
        };
        self.set_origin(kernel, txn, &mut new).await?;
        let warnings = self.set_times(&mut new)?;
        Ok((new, warnings))
    }

    fn check_parent(&self) -> Result<(), Fault> {
        if self.parent.kind == TokenType::Batch {
            return Err(Fault::bad_request("batch tokens cannot create more tokens"));
        }
        // Such a token would have to be kept alive, or its children would die with its last use.
        if self.parent.num_uses > 0 || self.parent.is_spent {
            return Err(Fault::bad_request("restricted use token cannot generate child tokens"));
        }
        Ok(())
    }

    /// A role whose type is not a default decides; else the wish, the role's default, `service`.
    fn kind(&self) -> Result<TokenType, Fault> {
        let wanted = self.wanted;
        let word = match (self.role.map_or("", |r| r.token.token_type.as_str()), wanted.kind.as_str()) {
            (firm @ ("service" | "batch"), _) => firm,
            ("default-batch", "") => "batch",
            (_, "") => "service",
            (_, asked) => asked,
        };
        match word {
            "service" => return Ok(TokenType::Service),
            "batch" => {}
            _ => return Err(Fault::bad_request("invalid 'type': use service or batch")),
        }
        let needs_row = [
            (!wanted.explicit_max_ttl.is_zero(), "explicit_max_ttl"),
            (wanted.num_uses != 0, "num_uses"),
            (!wanted.period.is_zero(), "period"),
        ];
        match needs_row.iter().find(|(is_set, _)| *is_set) {
            Some((_, name)) => Err(Fault::bad_request(format!("batch tokens cannot have {name:?} set"))),
            None => Ok(TokenType::Batch),
        }
    }

    /// The path tells the role and its suffix: so all tokens of a role can be revoked by their prefix.
    fn path(&self) -> String {
        let path = self.cx.path();
        match self.role.map_or("", |r| r.path_suffix.as_str()) {
            "" => path.to_owned(),
            suffix => format!("{path}/{suffix}"),
        }
    }

    /// Whose child it is, whose entity it has and where it may be used from.
    async fn set_origin(&self, kernel: &Kernel, txn: Txn<'_>, new: &mut NewToken) -> Result<(), Fault> {
        let alias = self.wanted.entity_alias.to_lowercase();
        if self.wanted.no_parent && self.role.is_none() && !self.has_sudo {
            return Err(Fault::bad_request("root or sudo privileges required to create orphan token"));
        }
        let is_orphan = match self.role {
            Some(role) => role.orphan,
            None => self.is_orphan || self.wanted.no_parent,
        };
        if !is_orphan {
            new.parent = Some(self.parent.ident.clone());
            new.entity_id.clone_from(&self.parent.entity_id);
        }
        match self.role {
            Some(role) => new.bound_cidrs = role.token.token_bound_cidrs.clone(),
            // A role may widen what its user has; without one, a child is bound as its parent.
            None if !is_orphan => new.bound_cidrs = self.parent.bound_cidrs.clone(),
            None => {}
        }
        if alias.is_empty() {
            return Ok(());
        }
        let role = self
            .role
            .ok_or_else(|| Fault::bad_request("'entity_alias' is only allowed in combination with token role"))?;
        if !role.allowed_entity_aliases.iter().any(|glob| role::matches(glob, &alias)) {
            return Err(Fault::bad_request("invalid 'entity_alias' value: the role does not allow it"));
        }
        let alias = Alias { name: alias, ..Alias::default() };
        new.entity_id = at_login(kernel, txn, self.cx.mount(), &alias).await?.id;
        Ok(())
    }

    fn set_times(&self, new: &mut NewToken) -> Result<Vec<String>, Fault> {
        let wanted = self.wanted;
        if !wanted.period.is_zero() && !self.has_sudo {
            return Err(Fault::bad_request("root or sudo privileges required to create periodic token"));
        }
        let mut warnings = Vec::new();
        let of_role = self.role.filter(|_| new.kind == TokenType::Service).map(|r| &r.token);
        let (role_max, role_period) =
            of_role.map_or((Ttl::ZERO, Ttl::ZERO), |t| (t.token_explicit_max_ttl, t.token_period));
        (new.explicit_max_ttl, new.role_max_ttl, new.period) = (wanted.explicit_max_ttl, role_max, wanted.period);
        let limits = Limits {
            base: self.cx.default_ttl(),
            max: self.cx.max_ttl(),
            period: wanted.period.capped(role_period),
            age_max: wanted.explicit_max_ttl.capped(role_max),
        };
        let asked = wanted.ttl.or(wanted.lease);
        let is_root = new.policies.iter().any(|p| p == "root");
        let now = self.cx.now();
        new.ttl = if is_root && asked.is_zero() && limits.period.is_zero() {
            // Root tokens live for ever unless a bound is set.
            limits.age_max
        } else {
            limits.ttl(asked, now, now)
        };
        if new.ttl.is_zero() {
            if self.parent.expires.is_some() {
                return Err(Fault::bad_request("expiring root tokens cannot create non-expiring root tokens"));
            }
            (new.is_endless, new.renewable) = (true, false);
        } else if limits.period.is_zero() && new.ttl < asked {
            warnings.push(format!(
                "TTL of {:?} exceeded the effective max_ttl of {:?}; TTL value is capped accordingly",
                asked.go_text(),
                new.ttl.go_text()
            ));
        }
        Ok(warnings)
    }
}

/// `token`, or `token-` and the name with everything but letters, digits and `-` made a `-`.
fn display_name(wanted: &str) -> String {
    if wanted.is_empty() {
        return "token".to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let full: String = "token-".chars().chain(wanted.chars().map(plain)).collect();
    full.strip_suffix('-').unwrap_or(&full).to_owned()
}
