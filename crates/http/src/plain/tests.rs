use super::{COPIED_LEN_MAX, Frame, Line, Outgoing, frame, read_head};
use crate::render::render;
use crate::rules::Limits;
use crate::watch::Watch;
use bytes::Bytes;
use kw_kernel::{Answer, Method};
use proptest::prelude::*;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

fn framed(text: &str) -> Frame {
    frame(&mut text.as_bytes().to_vec())
}

fn is_plain(text: &str) -> bool {
    let mut bytes = text.as_bytes().to_vec();
    match frame(&mut bytes) {
        Frame::Plain { head, .. } => read_head(&bytes[..head]).is_some(),
        _ => false,
    }
}

#[test]
fn a_plain_request_is_what_its_lines_say() {
    let text = "POST /v1/secret/data/a?x=1&y HTTP/1.1\r\nHost: a:8200\r\nX-Vault-Token: t\r\nContent-Length:  4 \r\n\
                X-Vault-Namespace:\troot \r\nUser-Agent: some one\r\n\r\n{\"\":GET /";
    let mut bytes = text.as_bytes().to_vec();
    let head_len = text.find("{").unwrap();
    assert_eq!(frame(&mut bytes), Frame::Plain { head: head_len, body: 4, is_last: false });
    let (method, target, head) = read_head(&bytes[..head_len]).unwrap();
    assert_eq!((method, target), (Method::Post, "secret/data/a?x=1&y"));
    assert!(head.has_token() && !head.has_chunks());
    let received = head.into_received(None, Default::default(), Bytes::new());
    assert_eq!(received.namespace, "root");
    assert!(received.headers.contains(&("user-agent", "some one")) && received.headers.len() == 2);
    for (value, is_last) in [("close", true), ("Close", true), ("keep-alive", false), ("Keep-Alive", false)] {
        let text = format!("GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: {value}\r\n\r\n");
        assert_eq!(framed(&text), Frame::Plain { head: text.len(), body: 0, is_last });
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

#[test]
fn an_answer_is_rendered_as_hyper_would() {
    let of = |status, kind, body: &'static str, headers, is_secure, is_last| {
        let answer = Answer { status, content_type: kind, body: body.as_bytes().to_vec().into(), headers };
        let mut out = Vec::new();
        render(&answer, is_secure, is_last, &mut out);
        let text = String::from_utf8(out).unwrap();
        let (before, date) = text.split_once("\r\nDate: ").unwrap();
        assert!(date.len() == 33 && date.ends_with(" GMT\r\n\r\n"), "{date:?}");
        before.to_owned()
    };
    let common = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff";
    assert_eq!(
        of(200, "application/json", "{}", vec![], false, false),
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{common}\r\nContent-Length: 2")
    );
    assert_eq!(
        of(204, "", "", vec![], false, true),
        format!("HTTP/1.1 204 No Content\r\n{common}\r\nConnection: close")
    );
    let headers = vec![("x-some-thing", "/v1/a".to_owned()), ("x-bad", "a\r\nb: c".to_owned())];
    assert_eq!(
        of(307, "", "", headers, true, false),
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\n{common}\r\nStrict-Transport-Security: max-age=31536000; \
             includeSubDomains\r\nX-Some-Thing: /v1/a\r\nContent-Length: 0"
        )
    );
    let page = of(200, "text/plain", "a", vec![], false, false);
    assert!(page.contains("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"), "{page}");
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
        if let Frame::Plain { head, .. } = frame(&mut bytes) {
            prop_assume!(read_head(&bytes[..head]).is_some());
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut parsed = httparse::Request::new(&mut headers);
            prop_assert_eq!(parsed.parse(text.as_bytes()), Ok(httparse::Status::Complete(head)));
            prop_assert_eq!(parsed.path, Some(target.as_str()));
            let told = std::str::from_utf8(&bytes[..head]).unwrap().split("\r\n").skip(1).filter(|l| !l.is_empty()).count();
            prop_assert_eq!(parsed.headers.len(), told);
        }
    }
}

/// A peer that takes a few bytes at a time, of all pieces that are handed over.
struct Trickle {
    taken: Vec<u8>,
    step: usize,
}

impl AsyncRead for Trickle {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (before, step) = (self.taken.len(), self.step);
        self.taken.extend(pieces.iter().flat_map(|piece| piece.iter()).take(step));
        let len = self.taken.len() - before;
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn answer(body: &[u8]) -> Answer {
    Answer { status: 200, content_type: "application/json", body: body.to_vec().into(), headers: Vec::new() }
}

fn line(step: usize, body: &[u8]) -> Line<Trickle> {
    let mut output = Outgoing::default();
    // Another one that was made ready before leaves no trace.
    output.set(answer(&[b'x'; 2 * COPIED_LEN_MAX]), false, true);
    output.set(answer(body), false, false);
    Line { stream: Trickle { taken: Vec::new(), step }, input: Vec::new(), output }
}

#[tokio::test]
async fn an_answer_arrives_whole_however_little_is_taken_at_once() {
    let watch = Watch::new(Limits::default());
    for len in [0, 1, COPIED_LEN_MAX, COPIED_LEN_MAX + 1, 50_000] {
        let body: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        let mut head = Vec::new();
        render(&answer(&body), false, false, &mut head);
        // Steps that end before, at and behind the end of the head.
        for step in [1, 3, head.len() - 1, head.len(), head.len() + 1, 4096, 1 << 20] {
            let mut line = line(step, &body);
            line.write(&watch).await.unwrap();
            assert!(line.stream.taken == [head.as_slice(), &body].concat(), "{len} {step}");
        }
    }
    let written = line(0, b"").write(&watch).await;
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::WriteZero);
}
