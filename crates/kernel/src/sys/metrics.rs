//! `sys/metrics`: what this node counts, as JSON or for Prometheus.
use super::routes::Gate;
use super::{Call, SysRoutes};
use crate::mounts::MountTable;
use crate::{lease, token};
use kw_engine::{Body, Reply};
use kw_schema::Request;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("metrics").read(metrics).gated(Gate::Metrics)
}

/// Shows what this node counts.
#[derive(Request)]
struct Ask {
    /// `prometheus` for Prometheus' text format, else JSON.
    format: String,
}

/// A measured value.
struct Metric {
    /// As Vault's JSON has it: words joined by dots.
    name: &'static str,
    help: &'static str,
    kind: Kind,
    label: Option<(&'static str, &'static str)>,
    value: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

async fn metrics(call: &Call<'_>, ask: Ask) -> Result<Reply, Fault> {
    let metrics = measure(call).await?;
    let (content_type, bytes) = match ask.format.as_str() {
        "prometheus" => ("text/plain; version=0.0.4; charset=utf-8", prometheus(&metrics).into_bytes()),
        "" | "json" => ("application/json", json(call, &metrics)?),
        _ => return Err(Fault::bad_request("format is \"prometheus\", or absent for JSON")),
    };
    Ok(Reply::new(Body::Bare { content_type, bytes }))
}

async fn measure(call: &Call<'_>) -> Result<Vec<Metric>, Fault> {
    let kernel = call.kernel;
    let mounts = kernel.mounts.current(kernel).await?;
    let audits = kernel.audits.current(kernel).await?;
    let gauge = |name, help, label, value| Metric { name, help, kind: Kind::Gauge, label, value };
    let counter = |name, help, label, value| Metric { name, help, kind: Kind::Counter, label, value };
    let counted = &kernel.counters;
    let mut out = vec![
        gauge("vault.core.unsealed", "1 while this node is not sealed.", None, u64::from(!kernel.is_sealed())),
        gauge("vault.core.active", "1 while this node serves requests.", None, 1),
    ];
    for (label, auth) in [("auth", true), ("logical", false)] {
        let help = "Mounts by sort.";
        out.push(gauge("vault.core.mount_table.num_entries", help, Some(("type", label)), count(&mounts, auth)));
    }
    let uptime = kernel.now().since(kernel.seal.started).seconds();
    out.push(gauge("keywright.uptime_seconds", "Seconds since this node was started.", None, uptime));
    let open = u64::try_from(audits.devices.len()).unwrap_or(u64::MAX);
    out.push(gauge("keywright.audit_devices", "Audit devices that are open.", None, open));
    for (class, n) in counted.answers() {
        out.push(counter("keywright.answers", "Answers by class of status.", Some(("status", class)), n));
    }
    out.push(counter("keywright.tokens_made", "Tokens made.", None, counted.tokens_made.get()));
    out.push(counter("keywright.leases_issued", "Leases issued.", None, counted.leases_issued.get()));
    out.push(counter("keywright.expired", "Tokens and leases ended by time.", None, counted.expired.get()));
    let due = lease::count_due(kernel).await?;
    out.push(gauge(
        "keywright.due",
        "Tokens and leases whose time is up and that have not ended yet.",
        None,
        wide(due),
    ));
    let help = "Revoked tokens whose children and leases are still to be taken back; all of them are refused already.";
    out.push(gauge("keywright.revoking_tokens", help, None, wide(token::count_revoking(kernel).await?)));
    Ok(out)
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn count(mounts: &MountTable, auth: bool) -> u64 {
    u64::try_from(mounts.iter().filter(|m| m.auth == auth).count()).unwrap_or(u64::MAX)
}

/// Prometheus' text format, version 0.0.4.
fn prometheus(metrics: &[Metric]) -> String {
    let mut out = String::new();
    let mut before = String::new();
    for Metric { name, help, kind, label, value } in metrics {
        let (suffix, kind) = if *kind == Kind::Counter { ("_total", "counter") } else { ("", "gauge") };
        let name = format!("{}{suffix}", name.replace('.', "_"));
        if name != before {
            out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            before.clone_from(&name);
        }
        match label {
            Some((key, text)) => out.push_str(&format!("{name}{{{key}=\"{text}\"}} {value}\n")),
            None => out.push_str(&format!("{name} {value}\n")),
        }
    }
    out
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    timestamp: String,
    gauges: Vec<GaugeShown>,
    points: [(); 0],
    counters: Vec<CounterShown>,
    samples: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GaugeShown {
    name: &'static str,
    value: u64,
    labels: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CounterShown {
    name: &'static str,
    count: u64,
    sum: u64,
    labels: BTreeMap<&'static str, &'static str>,
}

/// The same as JSON, in the form that Vault's clients read.
fn json(call: &Call<'_>, metrics: &[Metric]) -> Result<Vec<u8>, Fault> {
    let mut document = Document {
        timestamp: call.kernel.now().rfc3339(),
        gauges: Vec::new(),
        points: [],
        counters: Vec::new(),
        samples: [],
    };
    for metric in metrics {
        let name = metric.name;
        let labels = metric.label.into_iter().collect();
        match metric.kind {
            Kind::Gauge => document.gauges.push(GaugeShown { name, value: metric.value, labels }),
            Kind::Counter => {
                document.counters.push(CounterShown { name, count: metric.value, sum: metric.value, labels });
            }
        }
    }
    serde_json::to_vec(&document).map_err(|e| Fault::internal(format_args!("metrics: {:?}", e.classify())))
}
