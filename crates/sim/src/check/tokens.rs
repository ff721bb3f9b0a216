//! Tokens: no more uses than were given, and dead is dead: revoked, used up or expired, itself or one of its ancestors. A renewed
//! one lives on, but no longer than it may.
use super::Anomaly;
use super::lives::{Life, plus};
use crate::history::{Action, History, Operation, Outcome, Tick, TokenNumber};
use std::collections::BTreeMap;

/// The status of whoever has no token that is good.
const DENIED: u16 = 403;

struct Made<'h> {
    operation: &'h Operation,
    parent: Option<TokenNumber>,
    uses: u64,
    life: Life,
}

type Tokens<'h> = BTreeMap<TokenNumber, Made<'h>>;

/// Rules `overused-token`, `dead-token`, `expired-token` and `lost-token`.
pub fn check(history: &History) -> Vec<Anomaly> {
    let made = made(history);
    let mut found = overused(history, &made);
    let ended: BTreeMap<TokenNumber, Tick> = ended(history).into_iter().collect();
    for operation in history.operations().filter(|o| o.is_ok()) {
        let Some(token) = operation.by else { continue };
        if ended.get(&token).is_some_and(|at| *at < operation.begin) {
            let what = format!("token {token} was good after it had come to its end");
            found.push(Anomaly::new("dead-token", what, [operation]));
        }
        if line(&made, token).any(|m| is_expired(m, operation)) {
            let what = format!("token {token} was good after its time");
            found.push(Anomaly::new("expired-token", what, [operation]));
        }
    }
    found.extend(lost(history, &made));
    found
}

/// Tokens that were revoked or used up for certain, themselves or one of their ancestors, and since when.
pub fn ended(history: &History) -> Vec<(TokenNumber, Tick)> {
    let made = made(history);
    let mut own: BTreeMap<TokenNumber, Tick> = BTreeMap::new();
    let mut end = |token: TokenNumber, at: Tick| {
        own.entry(token).and_modify(|known| *known = at.min(*known)).or_insert(at);
    };
    for operation in history.operations().filter(|o| o.is_ok()) {
        if let (Action::TokenRevoke { token }, Some(at)) = (&operation.action, operation.end) {
            end(*token, at);
        }
    }
    for (token, uses) in made.iter().filter(|(_, m)| m.uses > 0).map(|(token, m)| (*token, m.uses)) {
        let mut ends: Vec<Tick> =
            history.operations().filter(|o| o.by == Some(token) && o.is_ok()).filter_map(|o| o.end).collect();
        ends.sort_unstable();
        // All of its uses went well, so the last of them to end has ended it.
        if let Some(at) = usize::try_from(uses - 1).ok().and_then(|last| ends.get(last)) {
            end(token, *at);
        }
    }
    let of_line = |token: TokenNumber| {
        std::iter::once(token)
            .chain(line(&made, token).filter_map(|m| m.parent))
            .filter_map(|token| own.get(&token))
            .min()
            .map(|at| (token, *at))
    };
    made.keys().filter_map(|token| of_line(*token)).collect()
}

fn made(history: &History) -> Tokens<'_> {
    let mut tokens = Tokens::new();
    for operation in history.operations() {
        if let Action::TokenCreate { token, parent, uses, ttl_seconds } = &operation.action {
            let mut life = Life::default();
            life.give(operation, *ttl_seconds, None, (i64::MAX, i64::MAX));
            tokens.insert(*token, Made { operation, parent: *parent, uses: *uses, life });
        }
    }
    for operation in history.operations() {
        let Action::TokenRenew { token, increment_seconds, max_seconds } = &operation.action else { continue };
        let Some(made) = tokens.get_mut(token) else { continue };
        let (begin, end) = made.operation.clock;
        let bound = (plus(begin.min(end), *max_seconds), plus(begin.max(end), *max_seconds));
        let told = if let Outcome::Ok(seen) = &operation.outcome { seen.value } else { None };
        made.life.give(operation, *increment_seconds, told, bound);
    }
    tokens
}

/// A token and its ancestors.
fn line<'t, 'h>(made: &'t Tokens<'h>, token: TokenNumber) -> impl Iterator<Item = &'t Made<'h>> {
    std::iter::successors(made.get(&token), |m| m.parent.and_then(|parent| made.get(&parent)))
}

fn overused(history: &History, made: &Tokens<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for (token, m) in made.iter().filter(|(_, m)| m.uses > 0) {
        let used: Vec<&Operation> = history.operations().filter(|o| o.by == Some(*token) && o.is_ok()).collect();
        if used.len() as u64 > m.uses {
            let what = format!("token {token} was good {} times instead of {}", used.len(), m.uses);
            found.push(Anomaly::new("overused-token", what, used));
        }
    }
    found
}

/// By the clock of the node that took it. The token was made before its maker answered, so it ends before this.
fn is_expired(made: &Made<'_>, operation: &Operation) -> bool {
    let clock = operation.clock.0.min(operation.clock.1);
    made.operation.is_ok() && clock > made.life.latest_end(operation.end.unwrap_or(Tick::MAX))
}

/// Tokens that were refused although nothing had ended them.
fn lost(history: &History, made: &Tokens<'_>) -> Vec<Anomaly> {
    let is_free = |token: TokenNumber, refused: &Operation| {
        let begun = |o: &&Operation| refused.end.is_some_and(|end| o.begin < end);
        let tries = history.operations().filter(begun).filter(|o| o.by == Some(token)).count() as u64;
        let has_use = |m: &Made<'_>| m.uses == 0 || tries <= m.uses;
        let revoked =
            |token: TokenNumber| history.operations().filter(begun).any(|o| o.action == Action::TokenRevoke { token });
        let ancestors = line(made, token).filter_map(|m| m.parent);
        let (end, clock) = (refused.end.unwrap_or(Tick::MAX), refused.clock.0.max(refused.clock.1));
        line(made, token).all(|m| m.life.surely_lives(refused.begin, end, clock))
            && made.get(&token).is_some_and(has_use)
            && !std::iter::once(token).chain(ancestors).any(revoked)
    };
    let refused = |o: &&Operation| o.action == Action::TokenUse && o.outcome == Outcome::Refused { status: DENIED };
    let wrongly = |o: &&Operation| o.by.is_some_and(|token| is_free(token, o));
    let tell = |o: &Operation| {
        let what = format!("token {} was refused, although nothing had ended it", o.by.unwrap_or_default());
        Anomaly::new("lost-token", what, [o])
    };
    history.operations().filter(refused).filter(wrongly).map(tell).collect()
}
