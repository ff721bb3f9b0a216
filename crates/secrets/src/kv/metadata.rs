//! Metadata: the history of a secret, its settings and the caller's own notes.
use super::merge::merge_patch;
use super::model::{Secret, Version};
use super::settings::{KeepFor, Settings, SettingsShown, SettingsUpdate};
use crate::document::leaf;
use kw_engine::{
    Body, Coerce, Cx, Data, Fault, Field, Input, JsonText, KeyValues, Raw, RawObject, Reply, Request, Response, Status, Txn, View,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Reads the history and settings of a secret.
#[derive(Request)]
pub(super) struct Read {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
}

/// All that is known of a secret but its data.
#[derive(Serialize, Response)]
pub(super) struct Metadata {
    #[flatten]
    #[serde(flatten)]
    settings: SettingsShown,
    /// When the secret was made.
    #[field(kind = "Time")]
    created_time: String,
    /// How often the metadata was changed: what `metadata_cas` is compared with.
    #[field(kind = "Integer")]
    current_metadata_version: u64,
    /// The number of the newest version.
    #[field(kind = "Integer")]
    current_version: u64,
    /// The caller's own notes.
    #[field(kind = "Map")]
    custom_metadata: Option<BTreeMap<String, String>>,
    /// The lowest number that is still kept; 0 while all are.
    #[field(kind = "Integer")]
    oldest_version: u64,
    /// When the last version was made or the metadata changed.
    #[field(kind = "Time")]
    updated_time: String,
    /// Each version by its number: `created_time`, `deletion_time`, `destroyed`.
    versions: BTreeMap<u64, VersionShown>,
}

#[derive(Serialize)]
struct VersionShown {
    created_time: String,
    deletion_time: String,
    destroyed: bool,
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, request: Read) -> Result<Option<Data<Metadata>>, Fault> {
    let Some(Secret { history, .. }) = Secret::load(view, &request.path).await? else { return Ok(None) };
    Ok(Some(Data(Metadata {
        settings: history.settings.shown(),
        created_time: history.created.rfc3339(),
        current_metadata_version: history.metadata_version,
        current_version: history.current,
        custom_metadata: history.custom,
        oldest_version: history.oldest,
        updated_time: history.updated.rfc3339(),
        versions: history.versions.iter().map(|(number, version)| (*number, version.shown())).collect(),
    })))
}

impl Version {
    fn shown(&self) -> VersionShown {
        VersionShown {
            created_time: self.created.rfc3339(),
            deletion_time: self.deletion_time(),
            destroyed: self.destroyed,
        }
    }
}

/// Changes the settings of a secret, and makes it if it is not there. What is not given stays as it is.
#[derive(Request)]
pub(super) struct Write {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    #[flatten]
    settings: SettingsUpdate,
    /// The caller's own notes, in place of the former ones: at most 64 texts.
    custom_metadata: Option<KeyValues>,
    /// The `current_metadata_version` that this write must follow; 0 for a secret that has none yet.
    metadata_cas: Option<u64>,
}

pub(super) async fn write(cx: &Cx<'_>, txn: Txn<'_>, request: Write) -> Result<Reply, Fault> {
    let Write { path, settings, custom_metadata, metadata_cas } = request;
    let path = leaf(&path)?;
    if settings.is_empty() && custom_metadata.is_none() {
        return Ok(Reply::new(Body::Empty));
    }
    let mount = Settings::of_mount(txn.view()).await?;
    let mut secret = Secret::load(txn.view(), path).await?.unwrap_or_else(|| Secret::new(path, cx.now()));
    check(&secret, &mount, metadata_cas)?;
    if let Some(KeyValues(notes)) = custom_metadata {
        secret.history.custom = checked_notes(notes)?;
    }
    change(cx, txn, secret, &mount, settings)
}

/// Changes the settings of a secret that is there. What is null is set back, in `custom_metadata` too (RFC 7396).
#[derive(Request)]
pub(super) struct PatchFields {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    #[flatten]
    settings: SettingsUpdate,
    /// Changes to the caller's own notes.
    custom_metadata: Option<RawObject>,
    /// The `current_metadata_version` that is changed.
    metadata_cas: Option<u64>,
}

/// [`PatchFields`], where an explicit `null` means to set back.
pub(super) struct Patch {
    fields: PatchFields,
    forget_notes: bool,
}

impl Request for Patch {
    const DOC: &'static str = PatchFields::DOC;

    fn fields(out: &mut Vec<Field>) {
        PatchFields::fields(out);
    }

    fn parse(input: &Input<'_>) -> Result<Self, Fault> {
        let mut fields = PatchFields::parse(input)?;
        let null = |name: &str| input.params.get(name).is_some_and(Raw::is_null);
        let settings = &mut fields.settings;
        settings.max_versions = settings.max_versions.or(null("max_versions").then_some(0));
        settings.cas_required = settings.cas_required.or(null("cas_required").then_some(false));
        settings.metadata_cas_required = settings.metadata_cas_required.or(null("metadata_cas_required").then_some(false));
        let unset = null("delete_version_after").then_some(KeepFor::Unset);
        settings.delete_version_after = settings.delete_version_after.or(unset);
        Ok(Self { fields, forget_notes: null("custom_metadata") })
    }
}

pub(super) async fn patch(cx: &Cx<'_>, txn: Txn<'_>, Patch { fields, forget_notes }: Patch) -> Result<Reply, Fault> {
    let mount = Settings::of_mount(txn.view()).await?;
    let Some(mut secret) = Secret::load(txn.view(), leaf(&fields.path)?).await? else {
        // Without a body, as a patch of data that is not there.
        return kw_engine::Outcome::into_reply(Status(404, ()));
    };
    check(&secret, &mount, fields.metadata_cas)?;
    if forget_notes {
        secret.history.custom = None;
    }
    if let Some(RawObject(changes)) = fields.custom_metadata {
        let notes = serde_json::to_string(&secret.history.custom).map_err(Fault::internal)?;
        let merged = merge_patch(&notes, &changes)?;
        let notes = KeyValues::coerce(&Raw::Json(&merged));
        let notes = notes.map_err(|why| Fault::bad_request(format!("custom_metadata validation failed: {why}")))?;
        secret.history.custom = checked_notes(notes.0)?;
    }
    change(cx, txn, secret, &mount, fields.settings)
}

/// Deletes a secret with all its versions and its metadata, for ever.
#[derive(Request)]
pub(super) struct Delete {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
}

pub(super) async fn delete(_: &Cx<'_>, txn: Txn<'_>, request: Delete) -> Result<(), Fault> {
    if let Some(secret) = Secret::load(txn.view(), &request.path).await? {
        secret.forget(txn);
    }
    Ok(())
}

fn change(
    cx: &Cx<'_>,
    txn: Txn<'_>,
    mut secret: Secret,
    mount: &Settings,
    update: SettingsUpdate,
) -> Result<Reply, Fault> {
    let mut warnings = Vec::new();
    let overruled = |name| format!("\"{name}\" is false here but true for the whole mount, so writes still need it");
    if update.cas_required == Some(false) && mount.cas_required {
        warnings.push(overruled("cas_required"));
    }
    if update.metadata_cas_required == Some(false) && mount.metadata_cas_required {
        warnings.push(overruled("metadata_cas_required"));
    }
    secret.history.settings.apply(update);
    secret.history.metadata_version += 1;
    secret.history.updated = cx.now();
    secret.store(txn)?;
    let body = if warnings.is_empty() { Body::Empty } else { Body::Data(JsonText::null()) };
    Ok(Reply { warnings, ..Reply::new(body) })
}

fn check(secret: &Secret, mount: &Settings, cas: Option<u64>) -> Result<(), Fault> {
    match cas {
        None if mount.metadata_cas_required || secret.history.settings.metadata_cas_required => {
            Err(Fault::bad_request("metadata check-and-set parameter required for this call"))
        }
        Some(number) if number != secret.history.metadata_version => {
            Err(Fault::bad_request("metadata check-and-set parameter did not match the current version"))
        }
        _ => Ok(()),
    }
}

/// Checks the bounds that clients count on. Errors: 400, which tells sizes and no content.
fn checked_notes(notes: BTreeMap<String, String>) -> Result<Option<BTreeMap<String, String>>, Fault> {
    let wrong = |why: String| Err(Fault::bad_request(format!("custom_metadata validation failed: {why}")));
    if notes.len() > 64 {
        return wrong(format!("at most 64 names are taken, but there are {}", notes.len()));
    }
    for (name, text) in &notes {
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            return wrong(format!("a name must have 1 to 128 printable bytes, but one has {}", name.len()));
        }
        if text.is_empty() || text.len() > 512 || text.chars().any(char::is_control) {
            return wrong(format!("a value must have 1 to 512 printable bytes, but one has {}", text.len()));
        }
    }
    Ok(Some(notes).filter(|notes| !notes.is_empty()))
}
