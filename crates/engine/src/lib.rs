//! The only crate that the author of a secrets engine or auth method imports.
//!
//! An engine is a folder with an [`Engine`]: a table of routes whose handlers get a [`View`] (to read) or a [`Txn`] (to write),
//! both scoped to the mount, encrypted and, for the `Txn`, committed by the kernel when the handler returns `Ok`. A handler has
//! no other effects, since a conflict runs it again. What changes the outside world is a [`Lease`], made by [`Cx::issue`].
mod auth;
mod cx;
#[cfg(feature = "harness")]
pub mod harness;
mod lease;
mod mount;
mod outcome;
mod routes;
mod token_params;

pub use auth::{Alias, AuthMethod, Grant, Login, LoginOutcome, Origin, RenewFuture, TokenKind};
pub use cx::{Caller, Cx, CxParts, Keyed};
pub use kw_schema::{
    Access, Coerce, Field, Input, KeyValues, Kind, Nothing, Params, Raw, RawObject, Request, Response, RouteTable,
    Verb, Words,
};
pub use kw_store::{Memo, Page, Txn, View};
pub use kw_types::{Clock, Fault, FaultKind, Ident, Name, Rng, RngExt, Secret, Time, Ttl};
pub use lease::{Lease, LeaseKind, Leased, PlannedLease, Terms};
pub use mount::{Listing, Lockout, Mount, MountConfig};
pub use outcome::{Body, Data, JsonText, Keys, Outcome, Reply, Status, Warned, WithAccessor};
pub use routes::{Exists, Handler, ReadFn, Routes, WriteFn};
pub use token_params::{Cidr, Cidrs, TokenParams, TokenParamsUpdate};

/// What one kind of mount is: its routes, its leases and its facts. Holds no state: that is in the store.
pub trait Engine: Send + Sync + 'static {
    /// The `type` in `sys/mounts`: `kv`, `ssh`.
    fn kind(&self) -> &'static str;

    /// Other types by which it can be mounted, such as `kv-v2`. Its [`Engine::check`] gives the mount the type and the options
    /// that such a name stands for.
    fn other_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// The user's page: Markdown.
    fn doc(&self) -> &'static str;

    /// The routes of a mount with these options.
    fn routes(&self, mount: &Mount) -> &Routes;

    /// Every route table that [`Engine::routes`] may give, with a word for the variant; for the schema and the refusal sweep.
    fn variants(&self) -> Vec<(&'static str, &Routes)>;

    /// The kinds of leases that this engine issues.
    fn leases(&self) -> Vec<LeaseKind> {
        Vec::new()
    }

    /// Checks and completes the options of a new or tuned mount. Errors: 400.
    fn check(&self, _mount: &mut Mount) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether rows belong to the token that asks rather than to the mount (cubbyhole).
    fn per_token(&self) -> bool {
        false
    }

    /// The server was sealed: whatever this engine keeps that was parsed from rows ([`Memo`]) must go.
    fn forget(&self) {}
}
