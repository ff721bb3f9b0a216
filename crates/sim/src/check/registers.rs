//! Documents, policies, mounts and the share of the key: each behaves as one value that is read and written at one point in time
//! somewhere between the begin and the end of each request, on whatever node (linearizability; Wing and Gong's search with
//! Lowe's memory).
use super::Anomaly;
use crate::history::{Action, History, Operation, Outcome, Place, Tick};
use std::collections::{BTreeMap, HashSet};

/// What a document or policy holds: its version (0: nothing) and its value. Of the two places where engines are mounted: what
/// the document of each holds, see [`HOLDS`]. Of the key: 0, and the share that opens it.
type State = (u64, u64);

/// A place without an engine.
const NO_MOUNT: u64 = 0;
/// An engine without a document.
const EMPTY: u64 = 1;
/// With a document, its value and this much more.
const HOLDS: u64 = 2;

/// Rules `document`, `policy`, `mount` and `shares`.
pub fn check(history: &History) -> Vec<Anomaly> {
    let mut documents: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    let mut policies: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations().filter(|o| matters(o)) {
        match &operation.action {
            Action::KvWrite { key, .. } | Action::KvRead { key } => documents.entry(key).or_default().push(operation),
            Action::PolicyWrite { policy, .. } | Action::PolicyUse { policy } => {
                policies.entry(policy).or_default().push(operation);
            }
            _ => {}
        }
    }
    let of = |wanted: fn(&Action) -> bool| -> Vec<&Operation> {
        history.operations().filter(|o| matters(o) && wanted(&o.action)).collect()
    };
    let mounts = of(|action| place(action).is_some());
    let shares = of(|action| matches!(action, Action::Rekey { .. } | Action::Unseal { .. }));
    let tell = |rule: &'static str, name: &str, stuck: Vec<&Operation>| {
        Anomaly::new(rule, format!("no order of the requests explains what {name} showed"), stuck)
    };
    let documents = documents.into_iter().filter_map(|(name, o)| Some(tell("document", name, unexplained((0, 0), o)?)));
    let policies = policies.into_iter().filter_map(|(name, o)| Some(tell("policy", name, unexplained((0, 1), o)?)));
    let mounts = unexplained((NO_MOUNT, NO_MOUNT), mounts).map(|o| tell("mount", "the places", o));
    let shares = unexplained((0, 0), shares).map(|o| tell("shares", "the key", o));
    documents.chain(policies).chain(mounts).chain(shares).collect()
}

/// A read without an answer says nothing, and neither does a refusal that has nothing to do with the value.
fn matters(operation: &Operation) -> bool {
    match (&operation.action, &operation.outcome) {
        (Action::KvRead { .. } | Action::PolicyUse { .. } | Action::MountRead { .. }, Outcome::Unknown { .. }) => false,
        (Action::MountTune { .. }, Outcome::Unknown { .. }) => false,
        (Action::KvRead { .. }, Outcome::Refused { status }) => *status == 404,
        (Action::KvWrite { cas, .. }, Outcome::Refused { status }) => *status == 400 && cas.is_some(),
        (Action::PolicyUse { .. }, Outcome::Refused { status }) => *status == 403,
        (Action::MountRead { .. } | Action::MountWrite { .. }, Outcome::Refused { status }) => *status == 404,
        (Action::MountEnable { .. } | Action::MountMove { .. }, Outcome::Refused { status }) => *status == 400,
        (Action::MountTune { .. } | Action::Unseal { .. }, Outcome::Refused { .. }) => true,
        (_, Outcome::Refused { .. }) => false,
        _ => true,
    }
}

/// The state after an operation took place; `None` when it cannot have taken place in this state with this outcome.
fn step(state: State, operation: &Operation) -> Option<State> {
    let (version, value) = state;
    match (&operation.action, &operation.outcome) {
        (Action::KvRead { .. }, Outcome::Ok(seen)) => {
            (seen.version == Some(version) && seen.value == Some(value)).then_some(state)
        }
        (Action::KvRead { .. }, _) => (version == 0).then_some(state),
        (Action::KvWrite { cas, .. }, Outcome::Refused { .. }) => (*cas != Some(version)).then_some(state),
        (Action::KvWrite { cas, value, .. }, outcome) => {
            let fits = cas.is_none_or(|cas| cas == version);
            let tells = match outcome {
                Outcome::Ok(seen) => seen.version == Some(version + 1),
                _ => true,
            };
            (fits && tells).then_some((version + 1, *value))
        }
        (Action::PolicyUse { .. }, outcome) => ((value == 1) == matches!(outcome, Outcome::Ok(_))).then_some(state),
        (Action::PolicyWrite { allows, .. }, _) => Some((0, u64::from(*allows))),
        (Action::Rekey { share }, _) => Some((0, u64::from(*share))),
        (Action::Unseal { share }, outcome) => {
            ((value == u64::from(*share)) == matches!(outcome, Outcome::Ok(_))).then_some(state)
        }
        (action, outcome) if place(action).is_some() => step_mounts(state, action, outcome),
        _ => Some(state),
    }
}

/// The place that an operation on mounts is about.
fn place(action: &Action) -> Option<Place> {
    match action {
        Action::MountEnable { place }
        | Action::MountDisable { place }
        | Action::MountMove { from: place, .. }
        | Action::MountTune { place }
        | Action::MountWrite { place, .. }
        | Action::MountRead { place } => Some(*place),
        _ => None,
    }
}

fn step_mounts(state: State, action: &Action, outcome: &Outcome) -> Option<State> {
    let (here, there) = if place(action) == Some(0) { state } else { (state.1, state.0) };
    let refused = matches!(outcome, Outcome::Refused { .. });
    let (here, there) = match action {
        Action::MountEnable { .. } if refused => (here != NO_MOUNT).then_some((here, there)),
        Action::MountEnable { .. } => (here == NO_MOUNT).then_some((EMPTY, there)),
        Action::MountDisable { .. } => Some((NO_MOUNT, there)),
        Action::MountMove { .. } => {
            let fits = here != NO_MOUNT && there == NO_MOUNT;
            (fits != refused).then_some(if refused { (here, there) } else { (NO_MOUNT, here) })
        }
        Action::MountWrite { value, .. } => {
            ((here != NO_MOUNT) != refused).then_some(if refused { (here, there) } else { (HOLDS + value, there) })
        }
        Action::MountRead { .. } => {
            let told = match outcome {
                Outcome::Ok(seen) => seen.value.is_some_and(|value| here == HOLDS + value),
                _ => here < HOLDS,
            };
            told.then_some((here, there))
        }
        _ => ((here != NO_MOUNT) != refused).then_some((here, there)),
    }?;
    Some(if place(action) == Some(0) { (here, there) } else { (there, here) })
}

/// When an operation must have taken place; one of unknown outcome may do so at any time, or never.
fn deadline(operation: &Operation) -> Tick {
    operation.end.filter(|_| !operation.is_unknown()).unwrap_or(Tick::MAX)
}

/// How many beginnings of orders are tried: where many requests had no answer, there are more than anybody can wait for.
const STATES_MAX: usize = 100_000;

/// Looks for an order that explains all outcomes. Gives the operations that cannot be placed in the longest attempt; `None` when
/// there is such an order, or when there are too many to try.
fn unexplained(first: State, operations: Vec<&Operation>) -> Option<Vec<&Operation>> {
    let must: usize = operations.iter().filter(|o| !o.is_unknown()).count();
    let mut seen: HashSet<(Vec<u64>, State)> = HashSet::new();
    let mut open: Vec<(Vec<u64>, State, usize)> = vec![(vec![0; operations.len().div_ceil(64)], first, 0)];
    let (mut longest, mut stuck) = (0, operations.clone());
    while let Some((placed, state, count)) = open.pop() {
        if seen.len() > STATES_MAX {
            return None;
        }
        if count == must {
            return None;
        }
        let left = || operations.iter().enumerate().filter(|(i, _)| !is_set(&placed, *i));
        // Nothing can be placed after something that ended before it began.
        let bound = left().map(|(_, o)| deadline(o)).min().unwrap_or(Tick::MAX);
        let candidates: Vec<(usize, &&Operation)> = left().filter(|(_, o)| o.begin < bound).collect();
        if count >= longest {
            longest = count;
            stuck = candidates.iter().map(|(_, o)| **o).collect();
        }
        for (i, operation) in candidates {
            let Some(after) = step(state, operation) else { continue };
            let mut placed = placed.clone();
            set(&mut placed, i);
            if seen.insert((placed.clone(), after)) {
                open.push((placed, after, count + usize::from(!operation.is_unknown())));
            }
        }
    }
    Some(stuck)
}

fn is_set(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}
