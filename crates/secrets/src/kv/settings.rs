//! What a mount and each secret can be told about versions: how many to keep, how long, and whether writes must prove what
//! they have seen.
use kw_engine::{Coerce, Fault, Kind, Raw, Request, Response, Time, Ttl, View};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;

/// The row of the mount's own settings.
pub(super) const CONFIG: &str = "config";

/// How many versions are kept where nobody says so.
const VERSIONS_DEFAULT: u64 = 10;

/// The settings of the mount, or of one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    /// How many versions to keep; 0: not set.
    pub max_versions: u32,
    /// Whether a write of data must name the version that it replaces.
    pub cas_required: bool,
    /// Whether a write of metadata must name the state that it replaces.
    pub metadata_cas_required: bool,
    /// When a new version deletes itself.
    pub delete_version_after: KeepFor,
}

/// Changes settings; what is not given stays as it is.
#[derive(Clone, Debug, Default, Request)]
pub(super) struct SettingsUpdate {
    /// How many versions to keep; with 0 it is the mount's number, or 10. The larger of the mount's and the secret's counts.
    pub max_versions: Option<u32>,
    /// Refuse writes of data that do not have `options.cas`.
    pub cas_required: Option<bool>,
    /// Refuse writes of metadata that do not have `metadata_cas`.
    pub metadata_cas_required: Option<bool>,
    /// Delete each new version after this time, the shorter of the mount's and the secret's; 0 for never. A negative time
    /// means never, whatever the other one says.
    pub delete_version_after: Option<KeepFor>,
}

/// Settings as they are shown.
#[derive(Serialize, Response)]
pub(super) struct SettingsShown {
    /// How many versions are kept; 0: not set.
    #[field(kind = "Integer")]
    pub max_versions: u32,
    /// Whether writes of data need `options.cas`.
    #[field(kind = "Bool")]
    pub cas_required: bool,
    /// Whether writes of metadata need `metadata_cas`.
    #[field(kind = "Bool")]
    pub metadata_cas_required: bool,
    /// After what time a new version is deleted: `3h25m19s`; `0s`: not set; `-1s`: never.
    #[field(kind = "Text")]
    #[serde(serialize_with = "as_go_text")]
    pub delete_version_after: KeepFor,
}

impl Settings {
    /// The mount's settings.
    pub async fn of_mount(view: View<'_>) -> Result<Self, Fault> {
        Ok(view.get(CONFIG).await?.unwrap_or_default())
    }

    /// Takes over what is given.
    pub fn apply(&mut self, update: SettingsUpdate) {
        let SettingsUpdate { max_versions, cas_required, metadata_cas_required, delete_version_after } = update;
        self.max_versions = max_versions.unwrap_or(self.max_versions);
        self.cas_required = cas_required.unwrap_or(self.cas_required);
        self.metadata_cas_required = metadata_cas_required.unwrap_or(self.metadata_cas_required);
        self.delete_version_after = delete_version_after.unwrap_or(self.delete_version_after);
    }

    pub fn shown(&self) -> SettingsShown {
        let Self { max_versions, cas_required, metadata_cas_required, delete_version_after } = *self;
        SettingsShown { max_versions, cas_required, metadata_cas_required, delete_version_after }
    }

    /// How many versions of a secret with these settings are kept on a mount with those.
    pub fn versions_kept(&self, mount: &Settings) -> u64 {
        match self.max_versions.max(mount.max_versions) {
            0 => VERSIONS_DEFAULT,
            n => u64::from(n),
        }
    }

    /// When a version that is made now deletes itself; [`Time::ZERO`]: never.
    pub fn ends(&self, mount: &Settings, now: Time) -> Time {
        let (own, mount) = (self.delete_version_after, mount.delete_version_after);
        match (own, mount) {
            (KeepFor::Ever, _) | (_, KeepFor::Ever) | (KeepFor::Unset, KeepFor::Unset) => Time::ZERO,
            (KeepFor::Time(ttl), KeepFor::Unset) | (KeepFor::Unset, KeepFor::Time(ttl)) => now.plus(ttl),
            (KeepFor::Time(a), KeepFor::Time(b)) => now.plus(a.min(b)),
        }
    }
}

impl SettingsUpdate {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        let Self { max_versions, cas_required, metadata_cas_required, delete_version_after } = self;
        max_versions.is_none()
            && cas_required.is_none()
            && metadata_cas_required.is_none()
            && delete_version_after.is_none()
    }
}

/// How long a version is kept before it deletes itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeepFor {
    #[default]
    Unset,
    /// Never deleted, whatever the other setting says; written as any negative time.
    Ever,
    Time(Ttl),
}

impl Coerce for KeepFor {
    const KIND: Kind = Kind::Duration;

    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        let text = String::coerce(raw).map_err(|_| Cow::Borrowed("must be a duration"))?;
        let (negative, size) = text.trim().strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let ttl = Ttl::parse(size).map_err(Cow::Borrowed)?;
        Ok(match (negative, ttl) {
            (_, Ttl::ZERO) => Self::Unset,
            (true, _) => Self::Ever,
            (false, ttl) => Self::Time(ttl),
        })
    }
}

fn as_go_text<S: Serializer>(keep: &KeepFor, serializer: S) -> Result<S::Ok, S::Error> {
    match keep {
        KeepFor::Unset => serializer.serialize_str("0s"),
        KeepFor::Ever => serializer.serialize_str("-1s"),
        KeepFor::Time(ttl) => serializer.serialize_str(&ttl.go_text()),
    }
}
