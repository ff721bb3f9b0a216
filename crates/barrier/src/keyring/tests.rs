use super::*;
use crate::SystemRng;

#[test]
fn a_keyring_survives_its_row() {
    let root = RootKey::generate(&SystemRng);
    let mut keyring = Keyring::generate(&SystemRng, Time::from_seconds(7));
    let made = |made| Used { made, reserved: 0 };
    keyring.count(1, made(41));
    keyring.rotate(&SystemRng, Time::from_seconds(8)).unwrap();
    keyring.count(1, made(1));
    keyring.count(2, Used { made: 5, reserved: 3 * BLOCK });
    let row = keyring.seal(&root, &SystemRng).unwrap();
    let again = Keyring::open(&root, &row).unwrap();
    let shown: Vec<_> =
        again.terms().map(|t| (t.number, t.installed.seconds(), t.used.made, t.used.reserved)).collect();
    assert_eq!(shown, [(1, 7, 42, 0), (2, 8, 5, 3 * BLOCK)]);
    for (a, b) in keyring.terms().zip(again.terms()) {
        assert!(a.key.matches(b.key.expose()));
    }
    assert!(keyring.subkey("x").unwrap().matches(again.subkey("x").unwrap().expose()));
    assert!(!keyring.subkey("x").unwrap().matches(again.subkey("y").unwrap().expose()));
}

#[test]
fn uses_beyond_their_bits_stay_at_the_bound() {
    for used in [Used { made: u64::MAX, reserved: u64::MAX }, Used { made: MADE_MAX + 1, reserved: 1 }] {
        let again = unpack(pack(used));
        assert!(again.made == MADE_MAX && again.reserved >= used.reserved.min(BLOCK), "{again:?}");
        assert_eq!(unpack(pack(again)), again);
    }
}

#[test]
fn a_keyring_opens_under_its_root_key_alone() {
    let root = RootKey::generate(&SystemRng);
    let row = Keyring::generate(&SystemRng, Time::ZERO).seal(&root, &SystemRng).unwrap();
    assert_eq!(Keyring::open(&RootKey::generate(&SystemRng), &row).unwrap_err(), BarrierError::WrongKey);
    for at in 0..row.len() {
        let mut bent = row.clone();
        bent[at] ^= 1;
        assert_eq!(Keyring::open(&root, &bent).unwrap_err(), BarrierError::WrongKey);
        assert_eq!(Keyring::open(&root, &row[..at]).unwrap_err(), BarrierError::WrongKey);
    }
}

#[test]
fn rows_that_make_no_sense_are_refused() {
    let root = RootKey::generate(&SystemRng);
    for plain in [&b""[..], &[1; 33], &[1; 34], &[2; 1 + KEY_LEN + TERM_LEN], &[1; 1 + KEY_LEN + 2 * TERM_LEN]] {
        let row = seal_under(root.expose(), LABEL, plain, &SystemRng).unwrap();
        assert_eq!(Keyring::open(&root, &row).unwrap_err(), BarrierError::Malformed("keyring"));
    }
}
