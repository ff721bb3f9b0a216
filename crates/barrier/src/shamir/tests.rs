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

/// Computed apart from this code, with polynomials as integers and long division.
const VECTORS: &[(usize, &[&str])] = &[
    (
        2,
        &[
            "559bfb85c67ef885852ff5948ae0c6451b0bfbc865cd8e82761941c5d4d07396a0",
            "57b0560fea62b634a147f3cc009a0c3eb501ba369feb353cf5199e481e6928f642",
            "802ffaf8f14400becb4c91faf7a45ee628a7f9ecf056194395197d3b4c922f8cbe",
        ],
    ),
    (
        3,
        &[
            "1735f9c684dc38526f3ac5c7bc7b249072713d886df5cda4f35579901aacbfb651",
            "53ee40ca9a2289da20967da713e0908fe1c64da55893373dd2e1af1cb169d25ff7",
            "2fea5f4767c479cfcf138e6523df1b75965e09bb5c7a031899a50da9d3b3f2e233",
            "4b88eb45ad9592d0942fdc47d674b8874e96fc6628129cf559a637d733e266eb8b",
            "b4a717e2c5417bbdabd5b3eaf1b5fd3e4ff806eb9045c0075e21ed66acccaa42e1",
        ],
    ),
    (
        5,
        &[
            "9426cdc817fdcbde4cb06bcbbc672c15bbfa70fa6dca48e87f7b6b6ac7a46dd6cd",
            "efe3bf346c89287e8a6f836490c03ff267504f473e688b5a235058bd6e63435515",
            "3ddcd0756ad21bca9493eb15106330dbe92baa69508f6685994b6625781ea1f9a1",
            "efa794e5f91dbf59972c9ba380f158b6fff1fb96419eeddfbfeab130cfea482927",
            "e1c87d59a1950ad58cd488d3d626027a4eb4b0dbc80c46c9d00db80781385ad0b9",
        ],
    ),
];

#[test]
fn shares_that_others_made() {
    let mut secret: Vec<u8> = (0..31).collect();
    secret.push(0xff);
    for (threshold, shares) in VECTORS {
        let shares: Vec<Share> = shares.iter().map(|s| Secret::new(hex::decode(s).unwrap())).collect();
        for some in shares.windows(*threshold) {
            assert_eq!(combine(some).unwrap().expose(), &secret);
        }
        assert_eq!(combine(&shares).unwrap().expose(), &secret);
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
