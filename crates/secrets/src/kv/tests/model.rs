//! Any sequence of operations gives what a plain model of versions gives, with and without conflicts at the commit.
use super::{status, v2};
use kw_engine::Verb;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Write { cas: Option<u64> },
    Patch { cas: Option<u64> },
    Delete(Vec<u64>),
    DeleteNewest,
    Undelete(Vec<u64>),
    Destroy(Vec<u64>),
    Keep(u32),
    Forget,
    Conflict,
}

/// What a version is: its data, or the reason why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Live(u64),
    Deleted(u64),
    Destroyed,
}

#[derive(Default)]
struct Model {
    exists: bool,
    current: u64,
    kept: u32,
    oldest: u64,
    versions: BTreeMap<u64, State>,
}

impl Model {
    fn write(&mut self, cas: Option<u64>, value: u64) -> bool {
        if cas.is_some_and(|n| n != self.current) {
            return false;
        }
        self.exists = true;
        self.current += 1;
        self.versions.insert(self.current, State::Live(value));
        let kept = if self.kept == 0 { 10 } else { u64::from(self.kept) };
        if self.current - self.oldest >= kept {
            self.oldest = self.current - kept + 1;
            self.versions.retain(|n, _| *n >= self.oldest);
        }
        true
    }

    fn each(&mut self, numbers: &[u64], change: impl Fn(State) -> State) {
        for number in numbers {
            if let Some(state) = self.versions.get_mut(number) {
                *state = change(*state);
            }
        }
    }
}

fn delete(state: State) -> State {
    if let State::Live(value) = state { State::Deleted(value) } else { state }
}

fn undelete(state: State) -> State {
    if let State::Deleted(value) = state { State::Live(value) } else { state }
}

fn step() -> impl Strategy<Value = Step> {
    let cas = || proptest::option::weighted(0.4, 0..8_u64);
    let numbers = || proptest::collection::vec(1..8_u64, 1..4);
    prop_oneof![
        6 => cas().prop_map(|cas| Step::Write { cas }),
        3 => cas().prop_map(|cas| Step::Patch { cas }),
        2 => numbers().prop_map(Step::Delete),
        1 => Just(Step::DeleteNewest),
        2 => numbers().prop_map(Step::Undelete),
        1 => numbers().prop_map(Step::Destroy),
        1 => (0..4_u32).prop_map(Step::Keep),
        1 => Just(Step::Forget),
        2 => Just(Step::Conflict),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versions_follow_the_model(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut h, mut model) = (v2(), Model::default());
        for (at, step) in steps.into_iter().enumerate() {
            let value = at as u64;
            let body = |cas: Option<u64>| json!({"data": {"n": value}, "options": {"cas": cas}});
            match step {
                Step::Write { cas } => {
                    let expected = if model.write(cas, value) { 200 } else { 400 };
                    prop_assert_eq!(status(h.write("data/s", body(cas))), expected);
                }
                Step::Patch { cas } => {
                    let reply = h.call(Verb::Patch, "data/s", body(cas));
                    let seen = reply.as_ref().map_or_else(|f| f.kind().status(), |r| r.status.unwrap_or(200));
                    let expected = match model.versions.get(&model.current) {
                        None => 404,
                        Some(_) if cas.is_some_and(|n| n != model.current) => 400,
                        Some(State::Live(_)) => { model.write(cas, value); 200 }
                        Some(_) => 404,
                    };
                    prop_assert_eq!(seen, expected);
                }
                Step::Delete(numbers) => {
                    model.each(&numbers, delete);
                    h.write("delete/s", json!({"versions": numbers})).unwrap();
                }
                Step::DeleteNewest => {
                    let newest = model.current;
                    model.each(&[newest], delete);
                    h.delete("data/s").unwrap();
                }
                Step::Undelete(numbers) => {
                    model.each(&numbers, undelete);
                    h.write("undelete/s", json!({"versions": numbers})).unwrap();
                }
                Step::Destroy(numbers) => {
                    model.each(&numbers, |_| State::Destroyed);
                    h.write("destroy/s", json!({"versions": numbers})).unwrap();
                }
                Step::Keep(kept) => {
                    (model.exists, model.kept) = (true, kept);
                    h.write("metadata/s", json!({"max_versions": kept})).unwrap();
                }
                Step::Forget => {
                    model = Model::default();
                    h.delete("metadata/s").unwrap();
                }
                Step::Conflict => h.conflict_once(),
            }
            for number in 0..=model.current + 1 {
                let read = h.read(&format!("data/s?version={number}"));
                let state = model.versions.get(if number == 0 { &model.current } else { &number });
                match state {
                    Some(State::Live(value)) => prop_assert_eq!(&read.unwrap()["data"], &json!({"n": value})),
                    Some(_) => prop_assert_ne!(super::data_beside(read), Value::Null),
                    None => {
                        let fault = read.unwrap_err();
                        prop_assert_eq!((fault.kind().status(), fault.data()), (404, None));
                    }
                }
            }
            let older = model.versions.iter().filter(|(n, s)| **n != model.current && **s != State::Destroyed).count();
            let rows = h.row_names().unwrap();
            prop_assert_eq!(rows.len(), older + usize::from(model.exists), "{:?}", rows);
        }
    }
}
