//! What a handler may know and use besides its rows: who asks, when, of which mount; time, chance and keyed hashes.
use crate::{Lease, Leased, Mount, Terms};
use futures_util::future::LocalBoxFuture;
use kw_types::{Clock, Fault, Rng, Secret, Time, Ttl};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who asks, as the kernel has established it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The public identifier of the token.
    pub token_ident: String,
    pub accessor: String,
    pub display_name: String,
    pub entity_id: String,
    pub policies: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    pub is_root: bool,
}

/// Keyed hashes for what must be found again but not be readable in the store, and passwords by the operator's rules.
/// Implemented by the kernel over the barrier's subkeys.
pub trait Keyed: Send + Sync {
    /// HMAC-SHA-256 under a key that belongs to `purpose` alone.
    fn mac(&self, purpose: &str, data: &[u8]) -> Result<[u8; 32], Fault>;

    /// A password by the password policy of this name. Errors: 400 when there is none; that is all that a kernel without
    /// policies (a test's) says.
    fn password<'a>(&'a self, _policy: &'a str) -> LocalBoxFuture<'a, Result<Secret<String>, Fault>> {
        Box::pin(async { Err(Fault::bad_request("there is no password policy of this name")) })
    }
}

/// The context of one call.
pub struct Cx<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) rng: &'a dyn Rng,
    pub(crate) keyed: &'a dyn Keyed,
    pub(crate) mount: &'a Mount,
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) remote: Option<IpAddr>,
    pub(crate) path: &'a str,
    /// The mount's own limits where it has them, else the system's.
    pub(crate) default_ttl: Ttl,
    pub(crate) max_ttl: Ttl,
}

/// What the kernel gives to make a [`Cx`].
pub struct CxParts<'a> {
    pub clock: &'a dyn Clock,
    pub rng: &'a dyn Rng,
    pub keyed: &'a dyn Keyed,
    pub mount: &'a Mount,
    pub caller: Option<&'a Caller>,
    pub remote: Option<IpAddr>,
    pub path: &'a str,
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
}

impl<'a> From<CxParts<'a>> for Cx<'a> {
    fn from(p: CxParts<'a>) -> Self {
        let CxParts { clock, rng, keyed, mount, caller, remote, path, default_ttl, max_ttl } = p;
        Self { clock, rng, keyed, mount, caller, remote, path, default_ttl, max_ttl }
    }
}

impl<'a> Cx<'a> {
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn rng(&self) -> &'a dyn Rng {
        self.rng
    }

    pub fn mount(&self) -> &'a Mount {
        self.mount
    }

    /// Who asks; `None` on open routes.
    pub fn caller(&self) -> Option<&'a Caller> {
        self.caller
    }

    /// The address that the request came from, as far as the listener trusts it.
    pub fn remote(&self) -> Option<IpAddr> {
        self.remote
    }

    /// The full path of the request, mount included.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The time to live that a lease or token of this mount gets when nobody says otherwise.
    pub fn default_ttl(&self) -> Ttl {
        self.default_ttl
    }

    /// The longest time to live that this mount allows.
    pub fn max_ttl(&self) -> Ttl {
        self.max_ttl
    }

    /// HMAC-SHA-256 in hexadecimal, under a key that belongs to this mount and purpose alone: the way to key a row by a secret.
    pub fn mac_hex(&self, purpose: &str, data: &[u8]) -> Result<String, Fault> {
        let mac = self.keyed.mac(&[self.mount.uuid.as_str(), "/", purpose].concat(), data)?;
        Ok(hex::encode(mac))
    }

    /// A new password by the password policy of this name (`sys/policies/password`). Errors: 400 when there is none.
    pub async fn password(&self, policy: &str) -> Result<Secret<String>, Fault> {
        self.keyed.password(policy).await
    }

    /// Plans a credential. Nothing outside is changed yet: the kernel commits the handler's transaction together with `lease`
    /// (all that revoking needs), then calls [`Lease::create`], then confirms. A crash between is cleaned up by revoking.
    pub fn issue<L: Lease>(&self, lease: L, terms: Terms) -> Leased<L> {
        Leased { lease, terms, warnings: Vec::new() }
    }

    /// Runs what takes long (password hashing, key generation) on a thread of its own; at most a few at once.
    /// Errors: 503 when the server is stopping.
    pub async fn slow<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        static PLACES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(4);
        let _place = PLACES.acquire().await.map_err(Fault::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Fault::unavailable("the server is stopping"))
    }
}
