//! Who holds the shares of the key, and opens the nodes with them.
use crate::history::{Action, Operation, Outcome, Seen, ShareNumber};
use crate::node::Node;
use crate::request::Ask;
use crate::ticker::Ticker;
use kw_kernel::Kernel;
use kw_types::Clock;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

/// A share opens the store by itself; rekeying makes another one.
pub struct Holder {
    shares: RefCell<Vec<String>>,
    tries: RefCell<Vec<Operation>>,
    ticker: Rc<Ticker>,
}

/// Whoever tries to open a node is no client.
const NOBODY: u32 = 0;

/// The status of a share that is not the right one.
const WRONG: u16 = 400;

impl Holder {
    /// One who holds the first share, which has the number 0.
    pub fn new(first: String, ticker: Rc<Ticker>) -> Self {
        Self { shares: RefCell::new(vec![first]), tries: RefCell::default(), ticker }
    }

    /// The share that was made last.
    pub fn newest(&self) -> String {
        self.shares.borrow().last().cloned().unwrap_or_default()
    }

    /// Keeps a new share, and all that were there before: nobody knows yet whether it will be good.
    pub fn keep(&self, share: String) -> ShareNumber {
        let mut shares = self.shares.borrow_mut();
        shares.push(share);
        u32::try_from(shares.len() - 1).unwrap_or(u32::MAX)
    }

    /// Tries all shares, the newest first. Gives whether one of them has opened the node.
    pub async fn open(&self, node: &Node, kernel: &Kernel) -> bool {
        let shares: Vec<String> = self.shares.borrow().clone();
        for (number, share) in shares.iter().enumerate().rev() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let (begin, clock) = (self.ticker.tick(), node.clock.now().nanos());
            let ask = Ask::new("POST", "sys/unseal").with(json!({"key": share}));
            let answer = kernel.handle(&ask.received()).await;
            let outcome = match answer.status {
                200 => Outcome::Ok(Seen::default()),
                WRONG => Outcome::Refused { status: WRONG },
                // It says nothing about the share.
                _ => continue,
            };
            let opened = matches!(outcome, Outcome::Ok(_));
            self.tries.borrow_mut().push(Operation {
                id: self.ticker.id(),
                client: NOBODY,
                node: node.number,
                begin,
                end: Some(self.ticker.tick()),
                clock: (clock, node.clock.now().nanos()),
                by: None,
                action: Action::Unseal { share: number },
                outcome,
                audited: None,
            });
            if opened {
                return true;
            }
        }
        false
    }

    /// What was tried since this was asked last.
    pub fn tries(&self) -> Vec<Operation> {
        std::mem::take(&mut self.tries.borrow_mut())
    }
}
