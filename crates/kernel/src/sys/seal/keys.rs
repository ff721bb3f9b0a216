//! `sys/rotate`, `sys/rotate/config`, `sys/key-status`: the key that new rows are encrypted under.
use crate::kernel::sealed;
use crate::rotation::{INTERVAL_MIN, OPERATIONS_MAX, OPERATIONS_MIN, RotationRow};
use crate::sys::routes::Flat;
use crate::sys::{Call, SysRoutes};
use kw_engine::Data;
use kw_schema::{Request, Response};
use kw_types::{Fault, Ttl};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("rotate").write(rotate).sudo();
    let routes = routes.at("rotate/config").read(read_config).write(write_config).sudo();
    routes.at("key-status").read(key_status)
}

/// Adds an encryption key for all that is written from now on. What was written before stays readable.
#[derive(Request)]
struct Rotate {}

async fn rotate(call: &Call<'_>, _: Rotate) -> Result<(), Fault> {
    let kernel = call.kernel;
    kernel.change_keyring(|keyring| kernel.barrier.plan_rotation(keyring, kernel.now())).await?;
    tracing::info!("the encryption key was rotated by request");
    Ok(())
}

/// Shows when the key is rotated without being asked.
#[derive(Request)]
struct ReadConfig {}

#[derive(Serialize, Response)]
struct ConfigAnswer {
    /// Rotate after so many encryptions.
    #[field(kind = "Integer")]
    max_operations: u64,
    /// Rotate after so long; 0 where time does not matter.
    interval: serde_json::Value,
    /// Whether these two are heeded. The bound that the cipher sets is always.
    #[field(kind = "Bool")]
    enabled: bool,
}

async fn read_config(call: &Call<'_>, _: ReadConfig) -> Result<Data<ConfigAnswer>, Fault> {
    let row = RotationRow::read(call.kernel).await?;
    // Vault shows no interval as a number, and any other as a text.
    let interval = if row.interval.is_zero() { 0.into() } else { row.interval.go_text().into() };
    Ok(Data(ConfigAnswer { max_operations: row.max_operations, interval, enabled: row.enabled }))
}

/// Sets when the key is rotated without being asked.
#[derive(Request)]
struct WriteConfig {
    /// Rotate after so many encryptions, at least a million.
    max_operations: Option<u64>,
    /// Rotate after so long, at least 24 hours; 0 where time is not to matter.
    interval: Option<Ttl>,
    /// Whether these two are heeded.
    enabled: Option<bool>,
}

async fn write_config(call: &Call<'_>, ask: WriteConfig) -> Result<(), Fault> {
    if ask.max_operations.is_some_and(|n| !(OPERATIONS_MIN..=OPERATIONS_MAX).contains(&n)) {
        return Err(Fault::bad_request(format!("max_operations must be from {OPERATIONS_MIN} to {OPERATIONS_MAX}")));
    }
    if ask.interval.is_some_and(|i| !i.is_zero() && i < INTERVAL_MIN) {
        return Err(Fault::bad_request(format!("interval must be 0 or at least {}", INTERVAL_MIN.go_text())));
    }
    call.kernel
        .transact(async |txn| {
            let mut row = RotationRow::of(txn.view()).await?;
            row.max_operations = ask.max_operations.unwrap_or(row.max_operations);
            row.interval = ask.interval.unwrap_or(row.interval);
            row.enabled = ask.enabled.unwrap_or(row.enabled);
            row.put(txn)
        })
        .await
}

/// Shows the key that new rows are encrypted under.
#[derive(Request)]
struct KeyStatus {}

#[derive(Serialize, Response)]
struct KeyStatusAnswer {
    /// The number of the key, counted from 1.
    #[field(kind = "Integer")]
    term: u32,
    /// When it was made (RFC 3339).
    #[field(kind = "Time")]
    install_time: String,
    /// How many encryptions were made with it, by all nodes, as far as they have recorded them.
    #[field(kind = "Integer")]
    encryptions: u64,
}

async fn key_status(call: &Call<'_>, _: KeyStatus) -> Result<Flat<Data<KeyStatusAnswer>>, Fault> {
    let status = call.kernel.barrier.status().ok_or_else(sealed)?;
    let install_time = status.installed.rfc3339();
    Ok(Flat(Data(KeyStatusAnswer { term: status.term, install_time, encryptions: status.encryptions })))
}
