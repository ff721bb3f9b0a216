use super::Framing;
use proptest::prelude::*;

/// What the parser gets of these bytes when they come in pieces of these lengths.
fn scanned(bytes: &[u8], lengths: &[usize]) -> Vec<u8> {
    let mut framing = Framing::default();
    let mut out = bytes.to_vec();
    let mut rest = out.as_mut_slice();
    let mut lengths = lengths.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let length = lengths.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        let (piece, after) = rest.split_at_mut(length);
        framing.scan(piece);
        rest = after;
    }
    out
}

fn is_spoiled(text: &str) -> bool {
    scanned(text.as_bytes(), &[]) != text.as_bytes()
}

#[test]
fn plain_requests_pass_as_they_are() {
    for text in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        // A body may hold what a head may not; the next head begins right behind it.
        "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na\n\nbGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length-Else: x\r\nTransfer: y\r\n\r\n",
    ] {
        assert!(!is_spoiled(text), "{text:?}");
    }
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "c".repeat(5000));
    assert!(!is_spoiled(&long));
}

#[test]
fn what_two_readers_could_take_in_two_ways_is_spoiled() {
    for text in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nX: 1\r\ncontent-length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length\r\n\r\n",
        // The second request on a connection is looked at like the first.
        "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\n",
    ] {
        assert!(is_spoiled(text), "{text:?}");
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n\r\n".to_owned()),
        Just("GET / HTTP/1.1\r\n".to_owned()),
        Just("Host: a\r\n".to_owned()),
        Just("Content-Length:".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        (0_u32..40).prop_map(|n| format!("Content-Length: {n}\r\n")),
        (100_usize..300).prop_map(|n| "c".repeat(n)),
        "[ -~]{0,20}",
    ]
}

proptest! {
    /// However the network cuts a connection's bytes, they mean the same.
    #[test]
    fn cuts_do_not_count(pieces in prop::collection::vec(piece(), 0..20), lengths in prop::collection::vec(1_usize..200, 0..40)) {
        let text = pieces.concat();
        prop_assert_eq!(scanned(text.as_bytes(), &lengths), scanned(text.as_bytes(), &[]));
    }
}
