use super::{Frame, Framed, Headers, request};
use bytes::Bytes;
use kw_kernel::Method;
use proptest::prelude::*;

fn framed(text: &str) -> Frame {
    Headers::default().frame(text.as_bytes())
}

fn is_plain(text: &str) -> bool {
    let mut headers = Headers::default();
    match headers.frame(text.as_bytes()) {
        Frame::Plain(framed) => request(&text.as_bytes()[..framed.line], &headers).is_some(),
        _ => false,
    }
}

#[test]
fn a_plain_request_is_what_its_lines_say() {
    let text = "POST /v1/secret/data/a?x=1&y HTTP/1.1\r\nHost: a:8200\r\nX-Vault-Token: t\r\nContent-Length:  4 \r\n\
                X-Vault-Namespace:\troot \r\nUser-Agent: some one\r\n\r\n{\"\":GET /";
    let mut headers = Headers::default();
    let line = text.find("Host").unwrap();
    let head_len = text.find("{").unwrap();
    let expected = Framed { line, head: head_len, body: 4, is_last: false };
    assert_eq!(headers.frame(text.as_bytes()), Frame::Plain(expected));
    let (method, target, head) = request(&text.as_bytes()[..line], &headers).unwrap();
    assert_eq!((method, target), (Method::Post, "secret/data/a?x=1&y"));
    assert!(head.has_token() && !head.has_chunks());
    let received = head.into_received(None, Default::default(), Bytes::new());
    assert_eq!(received.namespace, "root");
    assert!(received.headers.contains(&("user-agent", "some one")) && received.headers.len() == 2);
    for (value, is_last) in [("close", true), ("Close", true), ("keep-alive", false), ("Keep-Alive", false)] {
        let text = format!("GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: {value}\r\n\r\n");
        assert_eq!(framed(&text), Frame::Plain(Framed { line: 20, head: text.len(), body: 0, is_last }));
    }
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_hyper() {
    let with = |header: &str| format!("GET /v1/a HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n");
    assert!(is_plain(&with("A: b")));
    for header in [
        "Transfer-Encoding: chunked",
        "transfer-encoding : chunked",
        "Expect: 100-continue",
        "Upgrade: h2c",
        "Connection: upgrade",
        "Connection: close, x",
        "TE: trailers",
        "Trailer: a",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length: ",
        "Content-Length: 1048577",
        "Content-Length: 99999999999999999999",
        "A : b",
        "A",
        ": b",
        " folded: b",
        "A: b\r\n c",
        "A: \u{e9}",
        "A: \u{0}",
        "A: b\rc",
        "A: b\nB: c",
        "Host: b",
        "Host: a b",
        "X-Vault-Token: a\r\nX-Vault-Token: b",
        "X-Vault-Token: a\r\nAuthorization: Bearer b",
        "X-Vault-Wrap-TTL: 1\r\nX-Vault-Wrap-TTL: 1",
        "Content-Type: a\r\nContent-Type: a",
    ] {
        assert!(!is_plain(&with(header)), "{header:?}");
    }
    for text in [
        "GET /v1/a HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET /v1/a HTTP/1.1\r\n\r\n",
        "GET /v1/a HTTP/1.1\nHost: a\n\n",
        "\r\nGET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "get /v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS /v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  /v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/a  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/v1/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /ui/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/\"a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/a\tHTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        assert!(!is_plain(text), "{text:?}");
    }
    assert_eq!(framed(&with(&format!("A: {}", "b".repeat(9000)))), Frame::Other);
    assert_eq!(framed(&"a".repeat(9000)), Frame::Other);
    assert_eq!(framed(&with(&"A: b\r\n".repeat(100))), Frame::Other);
}

proptest! {
    /// Whatever the bytes are: what is plain here is one request to hyper's parser too, with the same lines.
    #[test]
    fn hyper_would_read_the_same(
        target in "/v1/[a-z%?=&/.\"# \t]{0,12}",
        lines in proptest::collection::vec("(Host|A|b-c|Content-Length|Transfer-Encoding| x):? ?[a-z0-9 ,\t\r]{0,6}", 0..5),
        end in prop_oneof![Just("\r\n"), Just("\n"), Just("\r\r\n")],
        cut in 0_usize..200,
    ) {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{}{end}{end}rest", lines.join(end));
        let mut bytes = text.clone().into_bytes();
        bytes.truncate(cut.max(text.len() / 2));
        let mut known = Headers::default();
        if let Frame::Plain(Framed { line, head, .. }) = known.frame(&bytes) {
            prop_assume!(request(&bytes[..line], &known).is_some());
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut parsed = httparse::Request::new(&mut headers);
            prop_assert_eq!(parsed.parse(text.as_bytes()), Ok(httparse::Status::Complete(head)));
            prop_assert_eq!(parsed.path, Some(target.as_str()));
            let told = std::str::from_utf8(&bytes[..head]).unwrap().split("\r\n").skip(1).filter(|l| !l.is_empty()).count();
            prop_assert_eq!(parsed.headers.len(), told);
        }
    }
}

proptest! {
    /// Request after request on one connection: each is read as if it were the first.
    #[test]
    fn headers_that_are_known_are_those_that_came(
        requests in proptest::collection::vec(
            ("/v1/[a-z]{0,3}", proptest::collection::vec("(A|b-C|Content-Length|Connection): (|0|3|a|close|te)", 0..3), 0..100_usize),
            1..8,
        ),
    ) {
        let mut known = Headers::default();
        for (target, lines, cut) in requests {
            let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\nabcd");
            // The beginning of a head comes first now and then.
            prop_assert_eq!(known.frame(text.get(..cut).unwrap_or(&text).as_bytes()), framed(text.get(..cut).unwrap_or(&text)));
            for _ in 0..2 {
                let mut alone = Headers::default();
                let frame = known.frame(text.as_bytes());
                prop_assert_eq!(&frame, &alone.frame(text.as_bytes()));
                if matches!(frame, Frame::Plain(_)) {
                    prop_assert!(known.iter().eq(alone.iter()));
                }
                text.push_str("GET");
            }
        }
    }
}
