//! A server of the simulation: a kernel, its jobs and what it stands on. It can be paused, killed and started again.
use crate::chance::Dice;
use crate::clock::NodeClock;
use crate::desk::Lender;
use crate::door::Door;
use crate::flaw::Flaw;
use crate::gate::{Gate, Gated};
use crate::history::Audited;
use crate::holder::Holder;
use crate::ledger::Ledger;
use crate::link::{Link, Net, Sort};
use crate::log::Log;
use crate::request::Ask;
use crate::shelf::Shelf;
use kw_audit::DeviceConfig;
use kw_engine::{Engine, Lockout};
use kw_kernel::{Answer, Kernel, KernelParts, Registry, Settings};
use kw_store::{CACHE_BYTES, Cached, Store};
use kw_types::{Clock, Ttl};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// So many wrong passwords lock a user out.
pub const FAILURES_MAX: u32 = 4;

/// What a node keeps over its deaths.
pub struct Node {
    pub number: u32,
    pub clock: Arc<NodeClock>,
    pub net: Arc<Net>,
    pub log: Log,
    pub ledger: Arc<Ledger>,
    pub sort: Sort,
    pub flaw: Flaw,
    pub dice: Dice,
    pub life: RefCell<Option<Life>>,
}

/// A process of a node, from its start to its death.
#[derive(Clone)]
pub struct Life {
    pub kernel: Arc<Kernel>,
    pub gate: Rc<Gate>,
}

/// An answer, whether audit had heard of it when it left, and what the node's clock showed then.
pub struct Answered {
    pub answer: Answer,
    pub audited: Audited,
    pub clock: i64,
}

impl Node {
    /// The process that runs now.
    pub fn alive(&self) -> Option<Life> {
        self.life.borrow().clone().filter(|life| !life.gate.is_dead())
    }

    /// Kills the process: everything that it was doing is dropped where it stands, and what was not synced is gone.
    pub fn kill(&self) {
        if let Some(life) = self.life.take() {
            life.gate.die();
        }
        if self.sort == Sort::Local {
            self.ledger.lose_unsynced();
        }
    }

    /// Starts a process, which unseals itself and begins its jobs.
    pub fn start(self: &Rc<Self>, holder: &Rc<Holder>) {
        let dice = self.dice.fork(1);
        let link = Link::new(self.ledger.clone(), self.net.clone(), dice.fork(2), self.flaw, self.sort);
        let (news, gate) = (link.news(), Rc::new(Gate::default()));
        let kernel = Arc::new(Kernel::new(KernelParts {
            store: Arc::new(Cached::new(link, CACHE_BYTES)) as Arc<dyn Store>,
            clock: self.clock.clone(),
            rng: Arc::new(dice.fork(4)),
            registry: registry(),
            settings: self.settings(),
        }));
        tokio::task::spawn_local(Gated::new(gate.clone(), None, news));
        let (opened, holder, node) = (kernel.clone(), holder.clone(), self.clone());
        let work = async move {
            loop {
                // Later, too: a node that has slept over two changes of the key closes itself.
                while opened.is_sealed() {
                    if !holder.open(&node, &opened).await {
                        sleep(Duration::from_millis(100)).await;
                    }
                }
                jobs(&opened, &dice).await;
            }
        };
        tokio::task::spawn_local(Gated::new(gate.clone(), None, work));
        self.life.replace(Some(Life { kernel, gate }));
    }

    /// Sends a request. It is given up after `steps_max` steps, as when the client goes away; the receiver hears nothing then,
    /// nor when the node dies.
    pub fn send(self: &Rc<Self>, id: u64, ask: Ask, steps_max: Option<u32>) -> Option<oneshot::Receiver<Answered>> {
        let life = self.alive()?;
        let (tell, told) = oneshot::channel();
        let node = self.clone();
        let work = async move {
            let answer = life.kernel.handle(&ask.received()).await;
            if node.flaw != Flaw::AuditAfterAnswer {
                node.log.read();
            }
            let (audited, clock) = (node.log.of(id), node.clock.now().nanos());
            drop(tell.send(Answered { answer, audited, clock }));
        };
        tokio::task::spawn_local(Gated::new(self.alive()?.gate, steps_max, work));
        Some(told)
    }

    /// Cuts the node off from the others and the ledger, or joins it again.
    pub fn cut(&self, is_cut: bool) {
        self.net.is_cut.store(is_cut, Ordering::Relaxed);
    }

    fn settings(&self) -> Settings {
        let path = self.log.path.to_string_lossy().into_owned();
        let device = DeviceConfig {
            path: format!("node{}/", self.number),
            kind: "file".to_owned(),
            description: String::new(),
            local: true,
            options: BTreeMap::from([("file_path".to_owned(), path)]),
            salt: Vec::new().into(),
        };
        Settings { audit_devices: vec![device], ..plain_settings() }
    }
}

/// The jobs get the processor now and then only: they would be most of what a simulation does.
async fn jobs(kernel: &Arc<Kernel>, dice: &Dice) {
    sleep(Duration::from_millis(dice.between(200, 4000))).await;
    let rounds = kw_kernel::jobs::run(kernel.clone());
    let _ = tokio::time::timeout(Duration::from_millis(dice.between(260, 1500)), rounds).await;
}

/// What the server has, less what is not simulated, and the two that stand for the world outside.
pub fn registry() -> Registry {
    let mut engines = kw_secrets::all();
    engines.retain(|engine| matches!(engine.kind(), "kv" | "cubbyhole"));
    engines.extend([Box::new(Lender::new()) as Box<dyn Engine>, Box::new(Shelf::new())]);
    let mut methods = kw_auth::all();
    methods.retain(|method| matches!(method.kind(), "approle" | "userpass"));
    methods.push(Box::new(Door::new()));
    Registry::new(engines, methods)
}

/// The settings of a node without an audit device.
pub fn plain_settings() -> Settings {
    let day = Ttl::from_hours(24);
    let lockout = Lockout { threshold: FAILURES_MAX, duration: day, counter_reset: day, disabled: false, tuned: false };
    Settings {
        version: String::new(),
        api_version: String::new(),
        build_date: String::new(),
        cluster_name: String::new(),
        api_addr: String::new(),
        cluster_addr: String::new(),
        default_lease_ttl: day,
        max_lease_ttl: day,
        raw_storage: false,
        audit_by_api: false,
        audit_devices: Vec::new(),
        lockouts: BTreeMap::from([("all".to_owned(), lockout)]),
        sanitized: serde_json::Value::Null,
        log_level: String::new(),
    }
}
