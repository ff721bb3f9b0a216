//! debug: a bundle of what the server says about itself.
use super::{DURATION, INTERVAL, METRICS_INTERVAL, OUTPUT, TARGET};
use crate::call::Call;
use crate::declare::Flag;
use crate::failure::Failure;
use crate::flags;
use crate::output::pretty_json;
use crate::session::Session;
use flate2::Compression;
use flate2::write::GzEncoder;
use kw_client::Request;
use kw_types::{Clock, SystemClock, Ttl};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// What can be looked at: its name, the endpoint, and whether it is looked at again and again.
const TARGETS: [(&str, &str, Again); 5] = [
    ("config", "sys/config/state/sanitized", Again::Never),
    ("host", "sys/host-info", Again::AtIntervals),
    ("metrics", "sys/metrics", Again::AtMetricsIntervals),
    ("replication-status", "sys/ha-status", Again::AtIntervals),
    ("server-status", "sys/seal-status", Again::AtIntervals),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Never,
    AtIntervals,
    AtMetricsIntervals,
}

/// The longest time and the most looks that a bundle is made of: it is kept in memory until it is written.
const DURATION_MAX: u64 = 3600;
const SAMPLES_MAX: u64 = 720;

pub(super) fn debug(call: &mut Call) -> Result<i32, Failure> {
    let duration = seconds(call, &DURATION, 120)?.min(DURATION_MAX);
    let shortest = duration.div_ceil(SAMPLES_MAX).max(1);
    let interval = seconds(call, &INTERVAL, 30)?.max(shortest);
    let metrics_interval = seconds(call, &METRICS_INTERVAL, 10)?.max(shortest);
    let wanted = call.all(&TARGET);
    if let Some(unknown) = wanted.iter().find(|w| !TARGETS.iter().any(|(name, ..)| name == w)) {
        return Err(Failure::local(format!("There is no target {unknown}: see `debug -help`.")));
    }
    let began = SystemClock.now();
    let stamp: String = began.rfc3339().chars().take(19).map(|c| if c == ':' { '-' } else { c }).collect();
    let name = format!("{}-debug-{stamp}Z", call.brand.program());
    let output = call.text(&OUTPUT).map_or_else(
        || format!("{name}.tar.gz"),
        |o| if o.ends_with(".tar.gz") { o.to_owned() } else { format!("{o}.tar.gz") },
    );
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&output);
    let file = file.map_err(|e| Failure::local(format!("Cannot make {output}: {e}")))?;
    let session = call.session()?.unwrapped();
    call.say(format!("Looking at the server for {duration}s; the bundle goes to {output}"))?;
    let mut bundle = Bundle { samples: BTreeMap::new(), errors: Vec::new() };
    for second in 0..=duration {
        for (target, path, again) in TARGETS {
            let due = match again {
                Again::Never => second == 0,
                Again::AtIntervals => second % interval == 0,
                Again::AtMetricsIntervals => second % metrics_interval == 0,
            };
            if due && (wanted.is_empty() || wanted.iter().any(|w| w == target)) {
                bundle.look(&session, target, path);
            }
        }
        if second < duration {
            session.sleep(Duration::from_secs(1));
        }
    }
    let index = json!({
        "version": 1,
        "client_version": env!("CARGO_PKG_VERSION"),
        "server_address": call.text_or(&flags::ADDRESS, "https://127.0.0.1:8200"),
        "timestamp": began.rfc3339(),
        "duration_seconds": duration,
        "interval_seconds": interval,
        "metrics_interval_seconds": metrics_interval,
        "errors": bundle.errors,
    });
    bundle.write(file, &name, &index).map_err(|e| Failure::local(format!("Cannot write {output}: {e}")))?;
    call.say(format!("Success! Bundle written to: {output}")).map(|()| 0)
}

struct Bundle {
    samples: BTreeMap<&'static str, Vec<Value>>,
    errors: Vec<Value>,
}

impl Bundle {
    fn look(&mut self, session: &Session, target: &'static str, path: &str) {
        let at = SystemClock.now().rfc3339();
        match session.send(Request::get(path)) {
            Ok(answer) => {
                let mut sample: Map<String, Value> = answer.body_as().unwrap_or_default();
                sample.insert("timestamp".to_owned(), Value::String(at));
                self.samples.entry(target).or_default().push(Value::Object(sample));
            }
            // One endpoint that is not there or not permitted must not lose the others.
            Err(error) => {
                let text = match error.during(target) {
                    Failure::Stopped { message, .. } => message,
                    Failure::DryRun(text) => text,
                };
                self.errors.push(json!({"timestamp": at, "target": target, "error": text}));
            }
        }
    }

    fn write(&self, file: File, name: &str, index: &Value) -> std::io::Result<()> {
        let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        add(&mut archive, &format!("{name}/index.json"), index)?;
        for (target, samples) in &self.samples {
            add(&mut archive, &format!("{name}/{}.json", target.replace('-', "_")), samples)?;
        }
        archive.into_inner()?.finish()?.sync_all()
    }
}

fn add(archive: &mut tar::Builder<GzEncoder<File>>, path: &str, value: &impl serde::Serialize) -> std::io::Result<()> {
    let text = pretty_json(value);
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(SystemClock.now().seconds()).unwrap_or(0));
    archive.append_data(&mut header, path, text.as_bytes())
}

fn seconds(call: &Call, flag: &Flag, otherwise: u64) -> Result<u64, Failure> {
    let Some(text) = call.text(flag) else { return Ok(otherwise) };
    let parsed =
        Ttl::parse(text).map_err(|what| Failure::local(format!("invalid value for flag -{}: {what}", flag.name)))?;
    Ok(parsed.seconds())
}
