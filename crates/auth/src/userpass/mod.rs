//! Userpass: people (or machines without anything better) log in with a name and a password.
mod login;
mod password;
mod user;
#[cfg(test)]
mod tests;

use kw_engine::{AuthMethod, Cx, Engine, Mount, Origin, RenewFuture, Routes, View};

/// The `userpass` method.
pub fn method() -> impl AuthMethod {
    UserPass::default()
}

struct UserPass {
    routes: Routes,
}

impl Default for UserPass {
    fn default() -> Self {
        Self { routes: routes() }
    }
}

impl Engine for UserPass {
    fn kind(&self) -> &'static str {
        "userpass"
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
}

impl AuthMethod for UserPass {
    fn renew<'a>(&'a self, _: &'a Cx<'a>, view: View<'a>, origin: &'a Origin) -> RenewFuture<'a> {
        Box::pin(login::renew(view, origin))
    }

    /// Passwords can be guessed, so failures are counted by folded name, whether or not there is such a user.
    fn locks_out(&self) -> bool {
        true
    }
}

fn routes() -> Routes {
    Routes::new()
        .at("login/{username}")
        .login(login::login)
        .at("users")
        .list(user::list)
        .at("users/{username}")
        .read(user::read)
        .write(user::write)
        .creates_if_absent(user::exists)
        .delete(user::delete)
        .at("users/{username}/password")
        .write(user::set_password)
        .at("users/{username}/policies")
        .write(user::set_policies)
}
