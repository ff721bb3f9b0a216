//! SSH by one-time passwords: a host asks this server whether a password is good, and each is good once.
mod creds;
mod lookup;
mod otp;
mod roles;
mod verify;
mod zero_address;

use kw_engine::{Engine, LeaseKind, Mount, Routes};

/// The engine, as the list of engines wants it.
pub fn engine() -> impl Engine {
    Ssh { routes: routes() }
}

struct Ssh {
    routes: Routes,
}

impl Engine for Ssh {
    fn kind(&self) -> &'static str {
        "ssh"
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

    fn leases(&self) -> Vec<LeaseKind> {
        vec![LeaseKind::of::<otp::Otp>()]
    }
}

fn routes() -> Routes {
    Routes::new()
        .at("config/zeroaddress")
        .read(zero_address::read)
        .write(zero_address::write)
        .delete(zero_address::delete)
        .at("roles")
        .list(roles::list)
        .at("roles/{role*}")
        .read(roles::read)
        .write(roles::write)
        .delete(roles::delete)
        .at("creds/{role*}")
        .write(creds::issue)
        .at("lookup")
        .write(lookup::lookup)
        .at("verify")
        .write(verify::verify)
        .open()
}

#[cfg(test)]
mod tests;
