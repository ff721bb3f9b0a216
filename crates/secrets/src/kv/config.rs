//! The settings of a whole mount.
use super::settings::{CONFIG, Settings, SettingsShown, SettingsUpdate};
use kw_engine::{Cx, Data, Fault, Request, Txn, View};

/// Reads the settings that all secrets of the mount share.
#[derive(Request)]
pub(super) struct ReadConfig {}

/// Changes the settings that all secrets of the mount share. What is not given stays as it is.
#[derive(Request)]
pub(super) struct WriteConfig {
    #[flatten]
    settings: SettingsUpdate,
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, _: ReadConfig) -> Result<Data<SettingsShown>, Fault> {
    Ok(Data(Settings::of_mount(view).await?.shown()))
}

pub(super) async fn write(_: &Cx<'_>, txn: Txn<'_>, request: WriteConfig) -> Result<(), Fault> {
    let mut settings = Settings::of_mount(txn.view()).await?;
    settings.apply(request.settings);
    txn.put(CONFIG, &settings)
}
