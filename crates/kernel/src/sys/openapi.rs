//! `sys/internal/specs/openapi`: every route that the caller may see, as an OpenAPI 3.0 document.
use super::routes::BareJson;
use super::{Call, SysRoutes};
use kw_engine::Mount;
use kw_schema::{Request, openapi_path};
use kw_types::Fault;
use serde_json::{Map, Value, json};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("internal/specs/openapi").read(document).write(document)
}

/// Describes the API as it is mounted.
#[derive(Request)]
struct Ask {
    /// Whether mounts' paths are shown as `{kv_mount_path}` and the like: the API of any server, not of this one.
    generic_mount_paths: bool,
}

async fn document(call: &Call<'_>, ask: Ask) -> Result<BareJson<Value>, Fault> {
    let kernel = call.kernel;
    let rights = call.session()?.rights(kernel).await?;
    let mounts = kernel.mounts.current(kernel).await?;
    let mut paths = Map::new();
    for mount in mounts.iter().filter(|m| rights.acl.has_any_access(m.path.as_str())) {
        add(call, mount, ask.generic_mount_paths, &mut paths);
    }
    let document = json!({
        "openapi": "3.0.2",
        "info": {
            "title": "Keywright API",
            "description": "The HTTP API of Keywright, compatible with HashiCorp Vault's. All paths are below /v1.",
            "version": kernel.settings.version,
        },
        "paths": paths,
        "components": {"schemas": {}},
    });
    Ok(BareJson(200, document))
}

fn add(call: &Call<'_>, mount: &Mount, is_generic: bool, paths: &mut Map<String, Value>) {
    let kernel = call.kernel;
    if let Some(table) = kernel.system.table(&mount.kind) {
        for (pattern, op) in table.each() {
            openapi_path(paths, mount.path.as_str(), pattern, op);
        }
        return;
    }
    let Some(engine) = kernel.registry.of_mount(mount) else { return };
    let table = engine.routes(mount).table();
    // What is mounted once and for all is at the same place on every server.
    if !is_generic || engine.per_token() {
        for (pattern, op) in table.each() {
            openapi_path(paths, mount.path.as_str(), pattern, op);
        }
        return;
    }
    let parameter = format!("{}_mount_path", mount.kind.replace('-', "_"));
    let prefix = format!("{}{{{parameter}}}/", if mount.auth { "auth/" } else { "" });
    let default = mount.path.bare().trim_start_matches("auth/");
    let mut of_mount = Map::new();
    for (pattern, op) in table.each() {
        openapi_path(&mut of_mount, &prefix, pattern, op);
    }
    for path in of_mount.values_mut() {
        path["parameters"] = json!([{
            "name": parameter, "in": "path", "required": true, "schema": {"type": "string", "default": default},
            "description": "Where the engine or method is mounted.",
        }]);
    }
    // Of two mounts of a kind, the first says all.
    for (path, described) in of_mount {
        paths.entry(path).or_insert(described);
    }
}
