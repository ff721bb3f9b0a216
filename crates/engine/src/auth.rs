//! Logins: what an auth method says of who came, and what the kernel makes of it.
use crate::outcome::{Body, Outcome, Reply};
use crate::{Cidrs, Cx, Engine, View};
use futures_util::future::LocalBoxFuture;
use kw_schema::Field;
use kw_types::{Fault, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An engine whose routes log callers in.
pub trait AuthMethod: Engine {
    /// Asked before a token of this method is renewed: is its origin still good (the user exists, the role has not changed)?
    /// The answer replaces the token's terms. Errors: 400 with the reason.
    fn renew<'a>(&'a self, cx: &'a Cx<'a>, view: View<'a>, origin: &'a Origin) -> RenewFuture<'a>;

    /// Whether failed logins lock a user out (userpass, ldap), as `user_lockout_config` says.
    fn locks_out(&self) -> bool {
        false
    }
}

/// The answer of [`AuthMethod::renew`]: the time to live, the longest life, the period, each as the method has them now.
pub type RenewFuture<'a> = LocalBoxFuture<'a, Result<(Ttl, Ttl, Ttl), Fault>>;

/// What a token remembers of its login.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// What the method itself wanted to be reminded of: role name, user name.
    pub internal: BTreeMap<String, Value>,
    pub policies: Vec<String>,
    pub metadata: BTreeMap<String, String>,
}

/// Service tokens are rows in the store; batch tokens carry all in themselves and are never renewed or revoked one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    #[default]
    Service,
    Batch,
}

/// Who came, by the method's own word.
#[derive(Clone, Debug, Default)]
pub struct Alias {
    /// Unique within the mount: the user's name, the role id.
    pub name: String,
    pub metadata: BTreeMap<String, String>,
}

/// The token that a login is to get.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    pub alias: Option<Alias>,
    /// Groups that the caller is in by the method's word. External groups of identity with an alias of such a name at this
    /// mount hold the caller's entity from this login on, and those that are not named hold it no more.
    pub groups: Vec<String>,
    pub display_name: String,
    pub policies: Vec<String>,
    pub no_default_policy: bool,
    pub metadata: BTreeMap<String, String>,
    pub internal: BTreeMap<String, Value>,
    pub ttl: Ttl,
    pub max_ttl: Ttl,
    pub period: Ttl,
    pub explicit_max_ttl: Ttl,
    pub num_uses: u64,
    pub bound_cidrs: Cidrs,
    pub kind: Option<TokenKind>,
    pub renewable: bool,
}

/// What a login handler found.
pub enum LoginOutcome {
    Granted(Box<Grant>),
    /// The credentials are wrong: counts towards the lockout of `alias`. The caller gets `fault`.
    Wrong {
        alias: String,
        fault: Fault,
    },
}

/// The outcome of a login.
pub struct Login {
    pub outcome: LoginOutcome,
}

impl Login {
    pub fn granted(grant: Grant) -> Self {
        Self { outcome: LoginOutcome::Granted(Box::new(grant)) }
    }

    pub fn wrong(alias: impl Into<String>, fault: Fault) -> Self {
        Self { outcome: LoginOutcome::Wrong { alias: alias.into(), fault } }
    }
}

impl Outcome for Login {
    fn fields(_: &mut Vec<Field>) {}
    fn into_reply(self) -> Result<Reply, Fault> {
        Ok(Reply::new(Body::Login(Box::new(self))))
    }
}
