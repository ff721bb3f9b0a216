//! AppRole: a machine logs in with the identifier of a role, which is public, and one of the role's secret ids.
//!
//! Rows, so that a login reads two of them and, for a secret id without a use count, writes none:
//!
//! | Row | Holds |
//! |---|---|
//! | `role/<role_id>` | the role |
//! | `name/<role_name>` | its role id |
//! | `sid/<key>/<mac>` | a secret id's terms; `key` is the role's own, never used again, and `mac` hides the secret id |
//! | `acc/<key>/<accessor>` | the `mac` of the accessor's secret id |
//! | `exp/<time>/<key>/<mac>/<accessor>` | nothing: an index of what expires when |
//! | `gone/<key>` | nothing: a deleted role that may have left secret ids behind |
mod fields;
mod issue;
mod login;
mod lookup;
mod role;
mod role_id;
mod secret_id;
mod sweep;
#[cfg(test)]
mod tests;

use kw_engine::{AuthMethod, Cx, Engine, Mount, Origin, RenewFuture, Routes, Txn, View};
use std::sync::Arc;

/// The `approle` method.
pub fn method() -> impl AuthMethod {
    AppRole::default()
}

struct AppRole {
    routes: Routes,
    known: Arc<login::Known>,
}

impl Default for AppRole {
    fn default() -> Self {
        let known = Arc::new(login::Known::default());
        Self { routes: fields::add_all(routes(known.clone())), known }
    }
}

impl Engine for AppRole {
    fn kind(&self) -> &'static str {
        "approle"
    }

    fn doc(&self) -> &'static str {
        include_str!("README.md")
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.routes
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.routes)]
    }

    fn forget(&self) {
        self.known.forget();
    }
}

impl AuthMethod for AppRole {
    fn renew<'a>(&'a self, _: &'a Cx<'a>, view: View<'a>, origin: &'a Origin) -> RenewFuture<'a> {
        Box::pin(login::renew(view, origin))
    }

    /// The role id is public: if wrong secret ids locked the role, anybody could keep a machine out. A secret id has 122 bits
    /// of chance, so there is nothing to guess.
    fn locks_out(&self) -> bool {
        false
    }
}

fn routes(known: Arc<login::Known>) -> Routes {
    Routes::new()
        .at("login")
        .login(async move |cx: &Cx<'_>, txn: Txn<'_>, q| login::login(&known, cx, txn, q).await)
        .at("role")
        .list(role::list)
        .at("role/{role_name}")
        .read(role::read)
        .write(role::write)
        .creates_if_absent(role::exists)
        .delete(role::delete)
        .at("role/{role_name}/role-id")
        .read(role_id::read)
        .write(role_id::write)
        .at("role/{role_name}/secret-id")
        .list(lookup::list)
        .write(issue::generate)
        .at("role/{role_name}/custom-secret-id")
        .write(issue::custom)
        .at("role/{role_name}/secret-id/lookup")
        .write(lookup::by_secret_id)
        .at("role/{role_name}/secret-id/destroy")
        .write(lookup::destroy_by_secret_id)
        .delete(lookup::destroy_by_secret_id)
        .at("role/{role_name}/secret-id-accessor/lookup")
        .write(lookup::by_accessor)
        .at("role/{role_name}/secret-id-accessor/destroy")
        .write(lookup::destroy_by_accessor)
        .delete(lookup::destroy_by_accessor)
        .at("tidy/secret-id")
        .write(sweep::tidy)
}
