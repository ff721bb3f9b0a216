//! Starting, signals, stopping.
use crate::arguments::Arguments;
use crate::config::{CACHE_SIZE, Config, Level, Listener, LogFormat, LogLevel, Notice, Storage};
use crate::dev_tls::DevTls;
use crate::edge::{Bounded, bind_all};
use crate::logging::{self, LogControl};
use crate::{banner, dev, process, registry, seals, stores};
use kw_audit::DeviceConfig;
use kw_barrier::SystemRng;
use kw_cli::{Brand, Environment};
use kw_engine::Lockout;
use kw_http::Seat;
use kw_kernel::{Kernel, KernelParts, Settings};
use kw_types::{Rng, SystemClock};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long open requests may take to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs `keywright server` with its flags; returns when it was told to stop. The answer is the exit code.
pub fn server(brand: Brand, args: &[String]) -> i32 {
    match run(brand, args) {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("{}", kw_cli::for_people(why));
            1
        }
    }
}

fn run(brand: Brand, args: &[String]) -> Result<(), String> {
    let env = Environment::of_process();
    let arguments = Arguments::parse(args, &env)?;
    let dev_tls = arguments.dev_tls.then(|| DevTls::make(&arguments)).transpose()?;
    let (config, notices) = load(&arguments, dev_tls.as_ref())?;
    let log = logging::install(config.log_level, config.log_format, config.log_file.as_deref())
        .map_err(|e| format!("log_file: {e}"))?;
    tell(&notices);
    process::harden(config.disable_mlock);
    // The generator's first use costs 20 ms of entropy collection; it runs beside the opening of the store.
    let warm = std::thread::spawn(|| SystemRng.fill(&mut [0; 16]));
    let store = stores::open(&config.storage, config.disable_cache)?;
    let bounded = Arc::new(bind_all(&config)?);
    let _pid_file = config.pid_file.as_deref().map(process::PidFile::write).transpose()?;
    let _ = warm.join();
    let mut kernel = Kernel::new(KernelParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
        registry: registry(),
        settings: settings(&config, &bounded),
    });
    kernel.set_consistency(config.consistency);
    kernel.use_seals(seals::of(&config, &env)?);
    if let Some(path) = config.rollback_mark.clone() {
        kernel.keep_mark(path);
    }
    kernel.rehearse_snapshots_in(Box::new(stores::open_scratch));
    let kernel = Arc::new(kernel);
    let steered = log.clone();
    kernel.steer_log(logging::as_tracing(config.log_level), Box::new(move |levels| steered.set_levels(levels)));
    let runtime = event_loop()?;
    let control = Control { brand, arguments, dev_tls, env, config, log, bounded, kernel };
    runtime.block_on(control.serve())?;
    runtime.block_on(store.close()).map_err(|e| format!("closing the store: {e}"))
}

fn load(arguments: &Arguments, dev_tls: Option<&DevTls>) -> Result<(Config, Vec<Notice>), String> {
    let loaded = if arguments.dev {
        let listener = Listener { tls: dev_tls.map(DevTls::files), ..Listener::plain(&arguments.dev_listen) };
        Config::load_dev(listener, &arguments.configs)
    } else {
        Config::load(&arguments.configs)
    };
    let (mut config, notices) = loaded.map_err(|e| e.to_string())?;
    if let Some(dir) = &arguments.dev_persist {
        config.storage = Storage::Embedded { path: dir.clone(), cache_size: CACHE_SIZE };
    }
    if let Some(word) = &arguments.log_level {
        config.log_level = LogLevel::parse(word).ok_or("-log-level is one of trace, debug, info, warn, error")?;
    }
    if let Some(word) = &arguments.log_format {
        config.log_format = LogFormat::parse(word).ok_or("-log-format is standard or json")?;
    }
    if let Some(file) = &arguments.log_file {
        config.log_file = Some(file.clone());
    }
    Ok((config, notices))
}

/// Writes what there is to say about a configuration to the log.
pub(crate) fn tell(notices: &[Notice]) {
    for notice in notices {
        match notice.level {
            Level::Debug => tracing::debug!("{notice}"),
            Level::Info => tracing::info!("{notice}"),
            Level::Warn => tracing::warn!("{notice}"),
        }
    }
}

fn settings(config: &Config, bounded: &[Bounded]) -> Settings {
    let first = bounded.first().map(|b| b.bound.address()).unwrap_or_default();
    let scheme = match config.listeners.first() {
        Some(listener) if matches!(listener.bind, crate::config::Bind::Unix { .. }) => "unix",
        Some(listener) if listener.tls.is_some() => "https",
        _ => "http",
    };
    let device = |device: &crate::config::AuditDevice| DeviceConfig {
        path: format!("{}/", device.name),
        kind: device.kind.clone(),
        description: device.description.clone(),
        local: device.local,
        options: device.options.clone(),
        salt: Vec::new().into(),
    };
    Settings {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: "1.18.5".to_owned(),
        build_date: "2026-11-21T00:00:00Z".to_owned(),
        cluster_name: config.cluster_name.clone().unwrap_or_default(),
        api_addr: config.api_addr.clone().unwrap_or_else(|| format!("{scheme}://{first}")),
        cluster_addr: config.cluster_addr.clone().unwrap_or_default(),
        default_lease_ttl: config.default_lease_ttl,
        max_lease_ttl: config.max_lease_ttl,
        raw_storage: config.raw_storage_endpoint,
        audit_by_api: config.api_audit_creation,
        audit_devices: config.audit.iter().map(device).collect(),
        lockouts: lockouts(&config.user_lockout),
        sanitized: sanitized(config),
        log_level: format!("{:?}", config.log_level).to_lowercase(),
    }
}

/// The rules by type. What a type leaves open is as for `all`.
fn lockouts(blocks: &[crate::config::Lockout]) -> BTreeMap<String, Lockout> {
    let all = blocks.iter().find(|block| block.kind == "all");
    let of = |block: &crate::config::Lockout| {
        let threshold = block.threshold.or(all.and_then(|a| a.threshold)).unwrap_or_default();
        Lockout {
            threshold: u32::try_from(threshold).unwrap_or(u32::MAX),
            duration: block.duration.or(all.and_then(|a| a.duration)).unwrap_or_default(),
            counter_reset: block.counter_reset.or(all.and_then(|a| a.counter_reset)).unwrap_or_default(),
            disabled: block.disabled,
            tuned: false,
        }
    };
    blocks.iter().map(|block| (block.kind.clone(), of(block))).collect()
}

/// The configuration without anything secret, for `sys/config/state/sanitized`.
fn sanitized(config: &Config) -> serde_json::Value {
    let listeners: Vec<_> = config
        .listeners
        .iter()
        .map(
            |l| serde_json::json!({"type": if matches!(l.bind, crate::config::Bind::Tcp(_)) { "tcp" } else { "unix" }}),
        )
        .collect();
    serde_json::json!({
        "api_addr": config.api_addr.clone().unwrap_or_default(),
        "cluster_addr": config.cluster_addr.clone().unwrap_or_default(),
        "cluster_name": config.cluster_name.clone().unwrap_or_default(),
        "default_lease_ttl": config.default_lease_ttl.seconds(),
        "max_lease_ttl": config.max_lease_ttl.seconds(),
        "disable_mlock": config.disable_mlock,
        "disable_cache": config.disable_cache,
        "enable_ui": false,
        "listeners": listeners,
        "log_level": format!("{:?}", config.log_level).to_lowercase(),
        "raw_storage_endpoint": config.raw_storage_endpoint,
        "storage": {"type": config.storage.kind()},
        // Programs read these by name; metrics are fetched from us, and sent to none of these services.
        "telemetry": {"circonus_api_token": "", "dogstatsd_addr": "", "statsd_address": "", "statsite_address": ""},
    })
}

/// An event loop: one thread with its own queue. Not a `LocalSet`: that is a queue within the queue, which is woken through the
/// kernel whenever a socket is ready.
pub(crate) fn event_loop() -> Result<LocalRuntime, String> {
    let made = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    made.map_err(|e| format!("no event loop could be made: {e}"))
}

/// The running server.
struct Control {
    brand: Brand,
    arguments: Arguments,
    dev_tls: Option<DevTls>,
    env: Environment,
    config: Config,
    log: LogControl,
    bounded: Arc<Vec<Bounded>>,
    kernel: Arc<Kernel>,
}

impl Control {
    async fn serve(self) -> Result<(), String> {
        let (stop, stopping) = watch::channel(false);
        let addresses: Vec<String> = self.bounded.iter().map(|b| b.bound.address()).collect();
        let api_addr = self.kernel.settings().api_addr.clone();
        let mut out = banner::configuration(&self.config, &api_addr, &addresses, self.brand);
        if self.arguments.dev {
            let keys = dev::open(&self.kernel, &self.arguments).await?;
            if !self.arguments.dev_no_store_token {
                dev::store_token(&self.env, &keys.root_token);
            }
            let authority = self.dev_tls.as_ref().map(DevTls::authority);
            let is_kept = self.arguments.dev_persist.is_some();
            out += &banner::development(&api_addr, authority.as_deref(), &keys.unseal_key, &keys.root_token, is_kept);
        }
        print!("{out}");
        // Whoever waits for these lines in a pipe must see them now.
        let _ = std::io::stdout().flush();
        let threads = self.spawn_loops(&stopping)?;
        let jobs = tokio::task::spawn_local(kw_kernel::jobs::run(self.kernel.clone()));
        let opening = tokio::task::spawn_local(kw_kernel::jobs::keep_open(self.kernel.clone()));
        let served =
            tokio::task::spawn_local(serve_all(self.bounded.clone(), self.kernel.clone(), stopping, Seat::FIRST));
        self.follow_signals().await?;
        tracing::info!("stopping: open requests are served to their end");
        let _ = stop.send(true);
        if tokio::time::timeout(DRAIN, served).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        jobs.abort();
        opening.abort();
        join_within(threads, DRAIN);
        self.kernel.close().await.map_err(|f| f.to_string())
    }

    /// One event loop for each further processor.
    fn spawn_loops(&self, stopping: &watch::Receiver<bool>) -> Result<Vec<JoinHandle<()>>, String> {
        let wanted =
            self.arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let mut threads = Vec::new();
        for number in 1..wanted {
            // Whoever says how many there are to be gets them.
            let seat = if self.arguments.threads.is_some() { Seat::FIRST } else { Seat::after(number) };
            let (bounded, kernel, stopping) = (self.bounded.clone(), self.kernel.clone(), stopping.clone());
            let body = move || match event_loop() {
                Ok(runtime) => runtime.block_on(serve_all(bounded, kernel, stopping, seat)),
                Err(why) => tracing::error!(why, "there is one event loop less"),
            };
            threads.push(std::thread::Builder::new().name("serve".to_owned()).spawn(body).map_err(|e| e.to_string())?);
        }
        Ok(threads)
    }

    /// Returns at SIGTERM or SIGINT. SIGHUP reads certificates and the log level anew and reopens audit files.
    async fn follow_signals(&self) -> Result<(), String> {
        let on = |kind| signal(kind).map_err(|e| format!("signals cannot be caught: {e}"));
        let (mut hangup, mut terminate, mut interrupt) =
            (on(SignalKind::hangup())?, on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        loop {
            tokio::select! {
                _ = hangup.recv() => self.reload(),
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    }

    fn reload(&self) {
        tracing::info!("reloading certificates, log level and audit files");
        for tls in self.bounded.iter().filter_map(|b| b.tls.as_ref()) {
            if let Err(error) = tls.reload() {
                tracing::error!(%error, "a certificate could not be read; the one in use stays");
            }
        }
        self.kernel.reopen_audit();
        match load(&self.arguments, self.dev_tls.as_ref()) {
            Ok((config, _)) => self.log.set_level(config.log_level),
            Err(why) => tracing::error!(why, "the configuration could not be read; what is in force stays"),
        }
    }
}

async fn serve_all(bounded: Arc<Vec<Bounded>>, kernel: Arc<Kernel>, stopping: watch::Receiver<bool>, seat: Seat) {
    let mut running = Vec::new();
    for one in bounded.iter() {
        match one.listener() {
            Ok(listener) => {
                let serving = kw_http::serve(listener, kernel.clone(), stopping.clone(), seat);
                running.push(tokio::task::spawn_local(serving));
            }
            Err(error) => tracing::error!(%error, "a listener could not be shared with an event loop"),
        }
    }
    for task in running {
        if let Ok(Err(error)) = task.await {
            tracing::error!(%error, "a listener ended");
        }
    }
}

fn join_within(threads: Vec<JoinHandle<()>>, time: Duration) {
    let step = Duration::from_millis(10);
    let mut left = time;
    while threads.iter().any(|t| !t.is_finished()) && !left.is_zero() {
        std::thread::sleep(step);
        left = left.saturating_sub(step);
    }
}
