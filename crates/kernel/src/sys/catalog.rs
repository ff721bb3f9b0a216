//! `sys/plugins/catalog`: the types of engines and methods that this server has. They are part of it, so there is nothing to
//! register.
use super::mounts::ENGINE_VERSION;
use super::{Call, SysRoutes};
use crate::kernel::Kernel;
use kw_engine::{Data, Keys, Reply, Request, Response};
use kw_types::Fault;
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("plugins/catalog")
        .read(all)
        .at("plugins/catalog/auth")
        .list(auth)
        .at("plugins/catalog/database")
        .list(database)
        .at("plugins/catalog/secret")
        .list(secret)
        .at("plugins/catalog/auth/{name}")
        .read(one_auth)
        .sudo()
        .at("plugins/catalog/secret/{name}")
        .read(one_secret)
        .sudo()
        .at("plugins/catalog/{name}")
        .read(one_of_any)
        .sudo()
}

/// Lists the types of engines, methods and databases that this server has.
#[derive(Request)]
struct All {}

/// Lists the types of one sort.
#[derive(Request)]
struct Types {}

/// Shows one type.
#[derive(Request)]
struct One {
    /// The name of the type.
    #[capture]
    name: String,
}

#[derive(Serialize, Response)]
struct Catalog {
    #[field(kind = "List")]
    auth: Vec<&'static str>,
    #[field(kind = "List")]
    database: Vec<&'static str>,
    #[field(kind = "List")]
    secret: Vec<&'static str>,
    /// The same with version and state.
    detailed: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    builtin: bool,
    deprecation_status: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    sort: &'static str,
    version: &'static str,
}

#[derive(Serialize, Response)]
struct Plugin {
    /// Always empty: there is no program to start.
    #[field(kind = "List")]
    args: Vec<String>,
    #[field(kind = "Bool")]
    builtin: bool,
    #[field(kind = "Text")]
    command: &'static str,
    #[field(kind = "Text")]
    deprecation_status: &'static str,
    #[field(kind = "Text")]
    name: &'static str,
    #[field(kind = "Text")]
    sha256: &'static str,
    #[field(kind = "Text")]
    version: &'static str,
}

async fn all(call: &Call<'_>, _: All) -> Result<Data<Catalog>, Fault> {
    let (auth, secret) = (call.kernel.registry.kinds(true), call.kernel.registry.kinds(false));
    let listed = |sort| {
        move |name: &&'static str| Listed {
            builtin: true,
            deprecation_status: "supported",
            name,
            sort,
            version: ENGINE_VERSION,
        }
    };
    let detailed = auth.iter().map(listed("auth")).chain(secret.iter().map(listed("secret"))).collect();
    Ok(Data(Catalog { auth, database: Vec::new(), secret, detailed }))
}

async fn auth(call: &Call<'_>, _: Types) -> Result<Keys, Fault> {
    Ok(names(call.kernel, true).into())
}

async fn secret(call: &Call<'_>, _: Types) -> Result<Keys, Fault> {
    Ok(names(call.kernel, false).into())
}

async fn database(_: &Call<'_>, _: Types) -> Result<Reply, Fault> {
    Reply::data(&Keys::default())
}

fn names(kernel: &Kernel, is_auth: bool) -> Vec<String> {
    kernel.registry.kinds(is_auth).into_iter().map(str::to_owned).collect()
}

async fn one_auth(call: &Call<'_>, ask: One) -> Result<Option<Data<Plugin>>, Fault> {
    Ok(find(call.kernel.registry.kinds(true), &ask.name))
}

async fn one_secret(call: &Call<'_>, ask: One) -> Result<Option<Data<Plugin>>, Fault> {
    Ok(find(call.kernel.registry.kinds(false), &ask.name))
}

/// Old clients do not say which sort they mean.
async fn one_of_any(call: &Call<'_>, ask: One) -> Result<Option<Data<Plugin>>, Fault> {
    let registry = &call.kernel.registry;
    Ok(find(registry.kinds(true), &ask.name).or_else(|| find(registry.kinds(false), &ask.name)))
}

fn find(kinds: Vec<&'static str>, name: &str) -> Option<Data<Plugin>> {
    let name = kinds.into_iter().find(|kind| *kind == name)?;
    Some(Data(Plugin {
        args: Vec::new(),
        builtin: true,
        command: "",
        deprecation_status: "supported",
        name,
        sha256: "",
        version: ENGINE_VERSION,
    }))
}
