use super::*;
use crate::SystemRng;
use proptest::prelude::*;

#[test]
fn the_field_is_that_of_aes() {
    assert_eq!(mul(0x57, 0x83), 0xc1);
    assert_eq!(mul(0x57, 0x13), 0xfe);
    assert_eq!(inverse(0x53), 0xca);
    assert_eq!(inverse(0), 0);
    for a in 1..=255 {
        assert_eq!(mul(a, inverse(a)), 1);
        assert_eq!(mul(a, 1), a);
        assert_eq!(mul(a, 0), 0);
    }
}

#[test]
fn what_cannot_be_split() {
    for (shares, threshold) in [(2, 1), (2, 0), (2, 3), (1, 1), (0, 0), (254, 255)] {
        assert_eq!(split(b"s", shares, threshold, &SystemRng).unwrap_err(), ShamirError::Threshold);
    }
    assert_eq!(split(b"", 2, 2, &SystemRng).unwrap_err(), ShamirError::Empty);
}

#[test]
fn what_cannot_be_combined() {
    let shares = |raw: &[&[u8]]| combine(&raw.iter().map(|s| Secret::new(s.to_vec())).collect::<Vec<_>>()).unwrap_err();
    assert_eq!(shares(&[]), ShamirError::TooFew);
    assert_eq!(shares(&[&[1, 2]]), ShamirError::TooFew);
    assert_eq!(shares(&[&[1, 2], &[1, 1, 3]]), ShamirError::Length);
    assert_eq!(shares(&[&[1], &[2]]), ShamirError::Length);
    assert_eq!(shares(&[&[], &[]]), ShamirError::Length);
    assert_eq!(shares(&[&[1, 2], &[7, 2]]), ShamirError::Coordinate);
    assert_eq!(shares(&[&[1, 0], &[7, 2]]), ShamirError::Coordinate);
}

#[test]
fn the_largest_split() {
    let shares = split(b"secret", 255, 255, &SystemRng).unwrap();
    let mut xs: Vec<u8> = shares.iter().map(|s| *s.expose().last().unwrap()).collect();
    assert!(xs.windows(2).any(|w| w[0] > w[1]), "in random order");
    xs.sort_unstable();
    assert!(xs.into_iter().eq(1..=255));
    assert_eq!(combine(&shares).unwrap().expose(), b"secret");
    assert_ne!(combine(&shares[..254]).unwrap().expose(), b"secret");
}

proptest! {
    #[test]
    fn any_threshold_of_shares_gives_the_secret(
        secret in prop::collection::vec(any::<u8>(), 1..48),
        threshold in 2..9_u8,
        more in 0..6_u8,
        order in any::<u64>(),
    ) {
        let mut shares = split(&secret, threshold + more, threshold, &SystemRng).unwrap();
        let at = usize::try_from(order % shares.len() as u64).unwrap();
        shares.rotate_left(at);
        let enough = combine(&shares[..usize::from(threshold)]).unwrap();
        prop_assert_eq!(enough.expose(), &secret);
        let all = combine(&shares).unwrap();
        prop_assert_eq!(all.expose(), &secret);
    }
}
