use super::{COPIED_LEN_MAX, Outgoing};
use crate::render::render;
use kw_kernel::Answer;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

fn outgoing(body: &[u8]) -> Outgoing {
    let mut output = Outgoing::default();
    // Another one that was made ready before leaves no trace.
    output.set(answer(&[b'x'; 2 * COPIED_LEN_MAX]), false, true);
    output.set(answer(body), false, false);
    output
}

#[tokio::test]
async fn an_answer_arrives_whole_however_little_is_taken_at_once() {
    for len in [0, 1, COPIED_LEN_MAX, COPIED_LEN_MAX + 1, 50_000] {
        let body: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        let mut head = Vec::new();
        render(&answer(&body), false, false, &mut head);
        // Steps that end before, at and behind the end of the head.
        for step in [1, 3, head.len() - 1, head.len(), head.len() + 1, 4096, 1 << 20] {
            let (mut output, mut stream) = (outgoing(&body), Trickle { taken: Vec::new(), step });
            poll_fn(|cx| output.poll_write(cx, &mut stream)).await.unwrap();
            assert!(stream.taken == [head.as_slice(), &body].concat(), "{len} {step}");
        }
    }
    let (mut output, mut stream) = (outgoing(b""), Trickle { taken: Vec::new(), step: 0 });
    let written = poll_fn(|cx| output.poll_write(cx, &mut stream)).await;
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::WriteZero);
}
