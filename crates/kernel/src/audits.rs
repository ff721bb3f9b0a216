//! The audit devices that are on.
use crate::kernel::Kernel;
use crate::rows::{AUDIT_HEADERS, AUDITS};
use crate::staleness::Staleness;
use arc_swap::ArcSwap;
use kw_audit::{Device, DeviceConfig};
use kw_engine::Keyed;
use kw_store::Page;
use kw_types::Fault;
use serde::{Deserialize, Serialize};
use std::ops::Deref;
use std::sync::Arc;

/// Devices and audited headers, as one value.
#[derive(Default)]
pub(crate) struct AuditSet {
    /// What it was loaded under; it is good while that lasts.
    pub generation: u64,
    pub devices: Vec<Arc<Device>>,
    /// Whether any device is configured, open or not: then a request that no device can take is refused.
    pub is_required: bool,
    /// Lower-case names; whether the value is hashed.
    pub headers: Vec<(String, bool)>,
}

impl AuditSet {
    /// Whether audit is wanted and impossible.
    pub fn is_dead(&self) -> bool {
        self.is_required && self.devices.is_empty()
    }
}

/// The row `sys/audit-header/<name>`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AuditHeaderRow {
    pub hmac: bool,
}

#[derive(Default)]
pub(crate) struct Audits {
    set: ArcSwap<AuditSet>,
    pub(crate) staleness: Arc<Staleness>,
}

/// Devices that a session knows already, or that were asked for.
pub(crate) enum Devices<'a> {
    Known(&'a AuditSet),
    Asked(Arc<AuditSet>),
}

impl Deref for Devices<'_> {
    type Target = AuditSet;
    fn deref(&self) -> &AuditSet {
        match self {
            Self::Known(set) => set,
            Self::Asked(set) => set,
        }
    }
}

impl Audits {
    /// What is known of the devices is good while this lasts.
    pub(crate) fn generation(&self) -> u64 {
        self.staleness.generation()
    }

    /// The devices as they are in the store now. Nobody is given older ones while another request loads them.
    pub(crate) async fn current(&self, kernel: &Kernel) -> Result<Arc<AuditSet>, Fault> {
        let generation = self.staleness.generation();
        let set = self.set.load_full();
        if set.generation == generation {
            return Ok(set);
        }
        let set = Arc::new(AuditSet { generation, ..Box::pin(self.load(kernel)).await? });
        let former = self.set.swap(set.clone());
        let is_gone = |device: &Arc<Device>| !set.devices.iter().any(|known| Arc::ptr_eq(known, device));
        if former.devices.iter().any(is_gone) {
            // What sessions know of it would keep its file open.
            kernel.tokens.forget();
        }
        Ok(set)
    }

    /// Opens all files anew, after a log rotation; those too that could not be opened before.
    pub(crate) fn reopen(&self) {
        self.staleness.mark();
        for device in &self.set.load().devices {
            if let Err(error) = device.reopen() {
                tracing::error!(device = device.config.path, %error, "an audit file cannot be opened anew");
            }
        }
    }

    pub(crate) fn forget(&self) {
        self.set.store(Arc::default());
        self.staleness.mark();
    }

    async fn load(&self, kernel: &Kernel) -> Result<AuditSet, Fault> {
        let before = self.set.load_full();
        let view = kernel.view(AUDITS);
        let mut configs = kernel.settings.audit_devices.clone();
        for name in view.names("", Page::default()).await? {
            configs.extend(view.get::<DeviceConfig>(&name).await?);
        }
        let is_required = !configs.is_empty();
        let mut devices = Vec::with_capacity(configs.len());
        for mut config in configs {
            let path = config.path.clone();
            if config.salt.expose().is_empty() {
                // A device of the configuration has no row to keep a salt in: its own comes from the keyring.
                config.salt = kernel.mac("audit device of the configuration", path.as_bytes())?.to_vec().into();
            }
            if let Some(open) =
                before.devices.iter().find(|d| d.config.path == path && d.config.salt.matches(config.salt.expose()))
            {
                devices.push(open.clone());
                continue;
            }
            // A device that does not open must not stop the server from being unsealed while another one works; but with no
            // device left that can be written, requests are refused, see `Recorded`.
            match Device::open(config) {
                Ok(device) => devices.push(Arc::new(device)),
                Err(why) => tracing::error!(device = path, why, "an audit device cannot be opened"),
            }
        }
        let headers = kernel.view(AUDIT_HEADERS);
        let mut named = Vec::new();
        for name in headers.names("", Page::default()).await? {
            let row = headers.get::<AuditHeaderRow>(&name).await?.unwrap_or_default();
            named.push((name, row.hmac));
        }
        Ok(AuditSet { generation: 0, devices, is_required, headers: named })
    }
}
