//! `sys/mounts` and `sys/auth`: what is mounted where, `sys/remount`, and what user interfaces may see of it.
mod change;
mod config;
mod disable;
mod enable;
mod read;
mod remount;
mod show;
mod sort;
mod tune;
mod visible;

use super::SysRoutes;

pub(super) use show::ENGINE_VERSION;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes
        .at("mounts")
        .read(read::all_secrets)
        .at("mounts/{path...}/tune")
        .read(tune::read_secrets)
        .write(tune::secrets)
        .at("mounts/{path...}")
        .read(read::one_secrets)
        .write(enable::secrets)
        .delete(disable::secrets)
        .at("auth")
        .read(read::all_auth)
        .at("auth/{path...}/tune")
        .read(tune::read_auth)
        .sudo()
        .write(tune::auth)
        .sudo()
        .at("auth/{path...}")
        .read(read::one_auth)
        .sudo()
        .write(enable::auth)
        .sudo()
        .delete(disable::auth)
        .sudo()
        .at("remount")
        .write(remount::remount)
        .sudo()
        .at("remount/status/{id}")
        .read(remount::status);
    visible::routes(routes)
}

#[cfg(test)]
mod tests;
