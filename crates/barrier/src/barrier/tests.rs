use super::*;
use crate::SystemRng;
use crate::cipher::OVERHEAD;
use aws_lc_rs::hmac;

fn opened() -> (Barrier, RootKey, Vec<u8>) {
    let root = RootKey::generate(&SystemRng);
    let row = Keyring::generate(&SystemRng, Time::from_seconds(1)).seal(&root, &SystemRng).unwrap();
    let barrier = Barrier::new(Arc::new(SystemRng));
    barrier.unseal(root.clone(), &row).unwrap();
    (barrier, root, row)
}

fn seal(barrier: &Barrier, key: &[u8], plain: &[u8]) -> Result<Bytes, StoreError> {
    RowCipher::seal(barrier, key, plain)
}

fn open(barrier: &Barrier, key: &[u8], sealed: &Bytes) -> Result<Bytes, StoreError> {
    RowCipher::open(barrier, key, sealed)
}

#[test]
fn a_row_opens_under_its_own_key_alone() {
    let (barrier, ..) = opened();
    for len in [0, 1, 250, 5000] {
        let key = vec![b'k'; len];
        let sealed = seal(&barrier, &key, b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(open(&barrier, &key, &sealed).unwrap(), "plain");
        assert!(matches!(open(&barrier, b"other", &sealed), Err(StoreError::Corrupt(_))));
        for at in 0..sealed.len() {
            let mut bent = sealed.to_vec();
            bent[at] ^= 0x80;
            assert!(open(&barrier, &key, &bent.into()).is_err());
            assert!(open(&barrier, &key, &sealed.slice(..at)).is_err());
        }
    }
}

#[test]
fn the_same_text_never_looks_the_same() {
    let (barrier, ..) = opened();
    assert_ne!(seal(&barrier, b"k", b"plain").unwrap(), seal(&barrier, b"k", b"plain").unwrap());
}

#[test]
fn sealed_means_no_keys() {
    let (barrier, root, row) = opened();
    let sealed = seal(&barrier, b"k", b"plain").unwrap();
    barrier.seal();
    assert!(barrier.is_sealed());
    assert!(matches!(seal(&barrier, b"k", b"x"), Err(StoreError::Unavailable(_))));
    assert!(matches!(open(&barrier, b"k", &sealed), Err(StoreError::Unavailable(_))));
    assert!(barrier.subkey("token").is_none() && barrier.mac("token", b"a").is_none() && barrier.status().is_none());
    assert_eq!(barrier.plan_checkpoint(&row).unwrap_err(), BarrierError::Sealed);
    assert_eq!(barrier.unseal(RootKey::generate(&SystemRng), &row), Err(BarrierError::WrongKey));
    assert!(barrier.is_sealed());
    barrier.unseal(root, &row).unwrap();
    assert_eq!(open(&barrier, b"k", &sealed).unwrap(), "plain");
}

#[test]
fn keyed_hashes_are_hmacs_under_the_subkey_of_their_purpose() {
    let (barrier, _, row) = opened();
    let hmac = |purpose: &str, data: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, barrier.subkey(purpose).unwrap().expose());
        Some(hmac::sign(&key, data).as_ref().try_into().unwrap())
    };
    // The first call derives the key, the second one finds it; a rotation does not change it.
    for _ in 0..2 {
        assert_eq!(barrier.mac("token", b"a"), hmac("token", b"a"));
        assert_eq!(barrier.mac("other", b"a"), hmac("other", b"a"));
    }
    assert_ne!(barrier.mac("token", b"a"), barrier.mac("other", b"a"));
    let before = barrier.mac("token", b"a");
    barrier.apply(barrier.plan_rotation(&row, Time::from_seconds(9)).unwrap()).unwrap();
    assert_eq!(barrier.mac("token", b"a"), before);
    barrier.seal();
    assert_eq!(barrier.mac("token", b"a"), None);
}

#[test]
fn rotation_keeps_rows_and_subkeys() {
    let (barrier, root, row) = opened();
    let before = seal(&barrier, b"k", b"old").unwrap();
    let subkey = barrier.subkey("token").unwrap();
    let change = barrier.plan_rotation(&row, Time::from_seconds(9)).unwrap();
    assert_eq!(barrier.status().unwrap().term, 1, "a plan does nothing by itself");
    let row = change.row().to_vec();
    barrier.apply(change).unwrap();
    let status = barrier.status().unwrap();
    assert_eq!((status.term, status.installed.seconds(), status.encryptions), (2, 9, 0));
    let after = seal(&barrier, b"k", b"new").unwrap();
    assert_eq!(after[1..5], [0, 0, 0, 2]);
    barrier.seal();
    barrier.unseal(root, &row).unwrap();
    assert_eq!(open(&barrier, b"k", &before).unwrap(), "old");
    assert_eq!(open(&barrier, b"k", &after).unwrap(), "new");
    assert!(barrier.subkey("token").unwrap().matches(subkey.expose()));
}

#[test]
fn another_node_follows() {
    let (one, root, row) = opened();
    let two = Barrier::new(Arc::new(SystemRng));
    two.unseal(root, &row).unwrap();
    let change = one.plan_rotation(&row, Time::from_seconds(9)).unwrap();
    let row = change.row().to_vec();
    one.apply(change).unwrap();
    let sealed = seal(&one, b"k", b"new").unwrap();
    assert!(matches!(open(&two, b"k", &sealed), Err(StoreError::Unavailable(_))));
    two.reload(&row).unwrap();
    assert_eq!(open(&two, b"k", &sealed).unwrap(), "new");

    let change = one.plan_rekey(&row).unwrap();
    let (row, handover) = (change.row().to_vec(), change.handover().unwrap().to_vec());
    one.apply(change).unwrap();
    assert_eq!(two.reload(&row), Err(BarrierError::WrongKey));
    two.follow(&handover, &row).unwrap();
    assert_eq!(two.reload(&row), Ok(()));
}

#[test]
fn a_late_change_does_not_take_a_term_back() {
    let (barrier, _, row) = opened();
    let late = barrier.plan_checkpoint(&row).unwrap();
    barrier.apply(barrier.plan_rotation(&row, Time::ZERO).unwrap()).unwrap();
    barrier.apply(late).unwrap();
    assert_eq!(barrier.status().unwrap().term, 2);
}

#[test]
fn encryptions_are_counted_over_restarts() {
    let (barrier, root, row) = opened();
    assert!(barrier.needs_checkpoint(), "what a crash may forget is paid for first");
    let change = barrier.plan_checkpoint(&row).unwrap();
    seal(&barrier, b"k", b"between").unwrap();
    let row = change.row().to_vec();
    barrier.apply(change).unwrap();
    assert!(!barrier.needs_checkpoint());
    assert_eq!(bound(&barrier), CHECKPOINT_AT + 1);
    barrier.seal();
    barrier.unseal(root, &row).unwrap();
    assert_eq!(bound(&barrier), 2 * CHECKPOINT_AT);
}

#[test]
fn what_is_reserved_is_not_told_as_made() {
    let (barrier, root, mut row) = opened();
    let made = |barrier: &Barrier| barrier.status().unwrap().encryptions;
    for start in 0..3 {
        assert_eq!(made(&barrier), 10 * start, "opened for the {start}th time");
        for _ in 0..5 {
            seal(&barrier, b"k", b"x").unwrap();
        }
        let change = barrier.plan_checkpoint(&row).unwrap();
        for _ in 0..5 {
            seal(&barrier, b"k", b"x").unwrap();
        }
        row = change.row().to_vec();
        barrier.apply(change).unwrap();
        assert_eq!(made(&barrier), 10 * start + 10);
        let last = barrier.plan_checkpoint(&row).unwrap();
        row = last.row().to_vec();
        barrier.apply(last).unwrap();
        assert_eq!((made(&barrier), bound(&barrier)), (10 * start + 10, 10 * start + 10 + (start + 1) * CHECKPOINT_AT));
        // Another node's row may be this one too: nothing is counted twice.
        barrier.reload(&row).unwrap();
        assert_eq!(made(&barrier), 10 * start + 10);
        barrier.seal();
        barrier.unseal(root.clone(), &row).unwrap();
    }
    // A crash forgets what was not recorded, and that is within what was reserved.
    seal(&barrier, b"k", b"x").unwrap();
    barrier.seal();
    barrier.unseal(root, &row).unwrap();
    assert_eq!((made(&barrier), bound(&barrier)), (30, 30 + 4 * CHECKPOINT_AT));
}

/// What the bounds of a term's use are held against.
fn bound(barrier: &Barrier) -> u64 {
    barrier.open.load_full().unwrap().active.bound()
}

#[test]
fn a_used_up_term_encrypts_no_more() {
    let (barrier, _, row) = opened();
    let active = barrier.open.load_full().unwrap().active.clone();
    active.reserve(ROTATE_AT - CHECKPOINT_AT - 1);
    assert!(!barrier.needs_rotation());
    seal(&barrier, b"k", b"x").unwrap();
    assert!(barrier.needs_rotation());
    active.reserve(ENCRYPTIONS_MAX);
    assert!(matches!(seal(&barrier, b"k", b"x"), Err(StoreError::Unavailable(_))));
    barrier.apply(barrier.plan_rotation(&row, Time::ZERO).unwrap()).unwrap();
    assert!(!barrier.needs_rotation());
    seal(&barrier, b"k", b"x").unwrap();
}

#[test]
fn rows_stay_readable_while_keys_change() {
    let (barrier, root, row) = opened();
    let sealed = seal(&barrier, b"k", b"plain").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    match open(&barrier, b"k", &sealed) {
                        Ok(plain) => assert_eq!(plain, "plain"),
                        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
                    }
                }
            });
        }
        let mut row = row.clone();
        for second in 0..50 {
            let change = barrier.plan_rotation(&row, Time::from_seconds(second)).unwrap();
            row = change.row().to_vec();
            barrier.apply(change).unwrap();
            barrier.seal();
            barrier.unseal(root.clone(), &row).unwrap();
        }
    });
    assert_eq!(barrier.status().unwrap().term, 51);
}

#[test]
fn a_term_of_the_same_number_may_have_another_key() {
    let (barrier, _, row) = opened();
    let (one, other) =
        (barrier.plan_rotation(&row, Time::ZERO).unwrap(), barrier.plan_rotation(&row, Time::ZERO).unwrap());
    barrier.apply(one).unwrap();
    let sealed = seal(&barrier, b"k", b"plain").unwrap();
    barrier.reload(other.row()).unwrap();
    assert!(matches!(open(&barrier, b"k", &sealed), Err(StoreError::Corrupt(_))));
    let sealed = seal(&barrier, b"k", b"plain").unwrap();
    assert_eq!(open(&barrier, b"k", &sealed).unwrap(), "plain");
}

#[test]
fn a_row_of_a_newer_version_says_so() {
    let (barrier, _, _) = opened();
    let mut sealed = seal(&barrier, b"k", b"plain").unwrap().to_vec();
    sealed[0] += 1;
    match open(&barrier, b"k", &sealed.into()) {
        Err(StoreError::Corrupt(why)) => assert!(why.contains("format 2") && why.contains("newer Keywright"), "{why}"),
        other => panic!("{other:?}"),
    }
}
