//! What all clients and the faults of one run share: the nodes, the history, and what is known of tokens.
use crate::chance::Dice;
use crate::desk::{Deed, Desk};
use crate::founding::Founded;
use crate::history::{Action, Event, History, Operation, Outcome, Phase, Seen, Tick, TokenNumber};
use crate::holder::Holder;
use crate::node::{Answered, Node};
use crate::plan::Plan;
use crate::request::Ask;
use crate::ticker::Ticker;
use kw_types::Clock;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// A run while it runs.
pub struct Scene {
    pub plan: Plan,
    pub founded: &'static Founded,
    pub nodes: Vec<Rc<Node>>,
    pub desk: Rc<Desk>,
    pub holder: Rc<Holder>,
    pub dice: Dice,
    pub known: RefCell<Known>,
    history: RefCell<History>,
    ticker: Rc<Ticker>,
    operations_left: Cell<u32>,
}

/// What the clients have heard of.
#[derive(Default)]
pub struct Known {
    pub tokens: Vec<Token>,
    /// Those that were given more time.
    pub renewed: Vec<Token>,
    /// Things that are good for so many successes.
    pub counted: Vec<Counted>,
    /// Credentials, each with the id of its lease.
    pub leases: Vec<(u64, String)>,
    pub has_rekeyed: bool,
    pub next_token: TokenNumber,
    pub next_counted: u32,
    pub next_value: u64,
}

/// A token of the workload.
#[derive(Clone)]
pub struct Token {
    pub number: TokenNumber,
    pub text: String,
    pub uses: u64,
    /// It lives no longer than this, whatever renewals say; 0 if nothing was said of that.
    pub max_seconds: u64,
    pub is_batch: bool,
}

/// A wrapping token or a secret id.
#[derive(Clone)]
pub struct Counted {
    pub kind: &'static str,
    pub number: u32,
    pub text: String,
}

/// What an operation is recorded as.
pub struct Recorded {
    pub client: u32,
    pub by: Option<TokenNumber>,
    pub action: Action,
}

impl Scene {
    pub fn new(plan: Plan, founded: &'static Founded, nodes: Vec<Rc<Node>>, desk: Rc<Desk>, dice: Dice) -> Self {
        let operations_left = Cell::new(plan.operations);
        let ticker = Rc::new(Ticker::new());
        Self {
            plan,
            founded,
            nodes,
            desk,
            holder: Rc::new(Holder::new(founded.share.clone(), ticker.clone())),
            dice,
            known: RefCell::default(),
            history: RefCell::default(),
            ticker,
            operations_left,
        }
    }

    /// The next place in the order of everything.
    pub fn tick(&self) -> Tick {
        self.ticker.tick()
    }

    /// Takes one operation from what is left to do.
    pub fn take_turn(&self) -> bool {
        let left = self.operations_left.get();
        self.operations_left.set(left.saturating_sub(1));
        left > 0
    }

    pub fn is_over(&self) -> bool {
        self.operations_left.get() == 0
    }

    pub fn note_fault(&self, node: &Node, what: String) {
        let event = Event::Fault { at: self.tick(), node: node.number, what };
        self.note(event);
    }

    pub fn note_settled(&self, phase: Phase, lease_rows: usize, stray_rows: usize) {
        let event = Event::Settled { at: self.tick(), phase, out: self.desk.out(), lease_rows, stray_rows };
        self.note(event);
    }

    fn note(&self, event: Event) {
        let latest = self.nodes.iter().map(|node| node.clock.now().nanos()).max().unwrap_or(0);
        for deed in self.desk.deeds() {
            let at = self.tick();
            self.history.borrow_mut().events.push(match deed {
                Deed::Lent(credential) => Event::Lent { at, credential },
                Deed::TakenBack(credential) => Event::TakenBack { at, credential, latest },
            });
        }
        self.history.borrow_mut().events.extend(self.holder.tries().into_iter().map(Event::Operation));
        self.history.borrow_mut().events.push(event);
    }

    pub fn into_history(self) -> History {
        self.history.into_inner()
    }

    /// Sends a request to a node, waits, and records what came of it. `read` takes from the body what the history is to know.
    /// Gives the body of a success.
    pub async fn perform(
        &self,
        node: &Rc<Node>,
        recorded: Recorded,
        ask: Ask,
        read: impl FnOnce(&Value) -> Seen,
    ) -> Option<Value> {
        let id = self.ticker.id();
        let steps_max = self.dice.permille(self.plan.faults.impatience).then(|| self.dice.between(1, 60) as u32);
        let (begin, clock) = (self.tick(), node.clock.now().nanos());
        let told = match node.send(id, ask.numbered(id), steps_max) {
            Some(answer) => timeout(PATIENCE, answer).await.map_err(|_| "no answer in time"),
            None => Err("the node is down"),
        };
        let Recorded { client, by, action } = recorded;
        let mut operation = Operation {
            id,
            client,
            node: node.number,
            begin,
            end: None,
            clock: (clock, clock),
            by,
            action,
            outcome: Outcome::Unknown { why: String::new() },
            audited: None,
        };
        let body = self.conclude(&mut operation, told.and_then(|told| told.map_err(|_| "the answer never came")), read);
        self.note(Event::Operation(operation));
        body
    }

    fn conclude(
        &self,
        operation: &mut Operation,
        told: Result<Answered, &'static str>,
        read: impl FnOnce(&Value) -> Seen,
    ) -> Option<Value> {
        let Answered { answer, audited, clock } = match told {
            Ok(answered) => answered,
            Err(why) => {
                operation.outcome = Outcome::Unknown { why: why.to_owned() };
                return None;
            }
        };
        operation.end = Some(self.tick());
        operation.clock.1 = clock;
        operation.audited = Some(audited);
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        match answer.status {
            200..300 => {
                operation.outcome = Outcome::Ok(read(&body));
                Some(body)
            }
            400..500 => {
                operation.outcome = Outcome::Refused { status: answer.status };
                None
            }
            status => {
                operation.outcome = Outcome::Unknown { why: format!("{status} {}", body["errors"]) };
                None
            }
        }
    }
}
