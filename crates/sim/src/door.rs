//! An auth method with passwords that cost nothing to check, so that thousands of guesses can be simulated. What is tested with
//! it is the kernel's lockout, which it asks for as `userpass` does.
use kw_engine::{
    Alias, AuthMethod, Cx, Engine, Fault, Grant, Login, Mount, Origin, RenewFuture, Request, Routes, Secret, Ttl, Txn,
    View,
};

/// The password of everybody.
pub const RIGHT: &str = "sesame";

/// The method.
pub struct Door(Routes);

/// Who comes, and what he says.
#[derive(Request)]
struct Words {
    /// The name.
    #[capture]
    user: String,
    /// The password.
    password: Secret<String>,
}

impl Door {
    pub fn new() -> Self {
        let login = async |_: &Cx<'_>, _: Txn<'_>, said: Words| {
            if !said.password.matches(RIGHT) {
                return Ok(Login::wrong(said.user, Fault::bad_request("wrong")));
            }
            let alias = Some(Alias { name: said.user, ..Alias::default() });
            Ok(Login::granted(Grant { alias, ttl: Ttl::from_seconds(60), ..Grant::default() }))
        };
        Self(Routes::new().at("login/{user}").login(login))
    }
}

impl Engine for Door {
    fn kind(&self) -> &'static str {
        "door"
    }

    fn doc(&self) -> &'static str {
        ""
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.0
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.0)]
    }
}

impl AuthMethod for Door {
    fn renew<'a>(&'a self, _: &'a Cx<'a>, _: View<'a>, _: &'a Origin) -> RenewFuture<'a> {
        Box::pin(async { Ok((Ttl::from_seconds(60), Ttl::ZERO, Ttl::ZERO)) })
    }

    fn locks_out(&self) -> bool {
        true
    }
}
