use crate::*;
use kw_types::{Rng, RngExt};

#[test]
fn the_hash_is_the_standard_one() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex::encode(sha256(b"abc")), abc);
}

#[test]
fn random_bytes_do_not_repeat() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2000 {
        assert!(seen.insert(SystemRng.bytes::<12>()));
    }
    for len in [0, 1, 1000, 1024, 1025, 4096, 10_000] {
        let mut buffer = vec![0; len];
        SystemRng.fill(&mut buffer);
        assert!(len < 16 || buffer.iter().any(|b| *b != 0));
        // A hole that was not filled would be a run of zeros.
        assert!(!buffer.windows(16).any(|run| run.iter().all(|b| *b == 0)));
    }
}

#[test]
fn errors_tell_who_is_at_fault() {
    use kw_types::{Fault, FaultKind};
    assert_eq!(Fault::from(BarrierError::Sealed).kind(), FaultKind::Unavailable);
    assert_eq!(Fault::from(BarrierError::Sealed).public(), ["Vault is sealed"]);
    assert_eq!(Fault::from(BarrierError::WrongKey).kind(), FaultKind::Internal);
    assert_eq!(Fault::from(ceremony::CeremonyError::NoRekey).kind(), FaultKind::BadRequest);
}
