//! Lockout with real passwords. They are checked on other threads, so such a run cannot be repeated; what it shows must hold all
//! the same.
use crate::play::{judge, play, report};
use kw_sim::Plan;
use kw_sim::history::{Action, Outcome};

#[test]
fn guesses_at_real_passwords_are_counted_and_lock_out() {
    let (mut judged, mut locked, mut entered) = (0, 0, 0);
    for seed in 0..12 {
        let plan = Plan { real_passwords: true, ..Plan::of(seed) };
        let history = play(plan.clone());
        let anomalies = judge(&history);
        assert_eq!(anomalies, [], "{}", report(&plan, &history, &anomalies));
        for login in history.operations().filter(|o| matches!(o.action, Action::Login { .. })) {
            match login.outcome {
                Outcome::Ok(_) => entered += 1,
                Outcome::Refused { status: 400 } => judged += 1,
                Outcome::Refused { .. } => locked += 1,
                Outcome::Unknown { .. } => {}
            }
        }
    }
    assert!(judged > 10 && locked > 10 && entered > 3, "{judged} guesses, {locked} while locked out, {entered} logins");
}
