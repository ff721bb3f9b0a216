use super::*;
use crate::{SystemRng, UnsealKey};
use futures_util::FutureExt;
use std::sync::Arc;

#[test]
fn a_wrapped_root_key_opens_under_its_own_seal_alone() {
    let seal = |key| ShamirSeal::new(key, Arc::new(SystemRng));
    let (one, two) = (seal(UnsealKey::generate(&SystemRng)), seal(UnsealKey::generate(&SystemRng)));
    let root = RootKey::generate(&SystemRng);
    let wrapped = one.wrap_root(&root).now_or_never().unwrap().unwrap();
    let back = one.unwrap_root(&wrapped).now_or_never().unwrap().unwrap();
    assert_eq!(back.expose(), root.expose());
    assert_eq!(two.unwrap_root(&wrapped).now_or_never().unwrap().unwrap_err(), SealError::WrongKey);
    assert_eq!(one.unwrap_root(&wrapped[1..]).now_or_never().unwrap().unwrap_err(), SealError::WrongKey);
    assert_eq!(one.kind(), SHAMIR);
}

#[test]
fn a_configuration_is_read_as_it_was_written() {
    let text = r#"{"type":"shamir","secret_shares":5,"secret_threshold":3}"#;
    let config: SealConfig = serde_json::from_str(text).unwrap();
    assert_eq!((config.secret_shares, config.secret_threshold, config.backup), (5, 3, false));
    let again: SealConfig = serde_json::from_slice(&serde_json::to_vec(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}
