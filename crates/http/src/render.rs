//! The head of an answer as HTTP/1.1 text (RFC 9112, section 4).
use http::StatusCode;
use kw_kernel::Answer;
use kw_types::{Clock, SystemClock};
use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

/// What every answer says, by the case that clients look for, and what depends on its type and on the connection.
pub(crate) fn fixed_headers(answer: &Answer, is_secure: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let kind = answer.content_type;
    // Only what a browser could show as a page has to be told what it may load.
    let is_page = !matches!(kind, "" | "application/json");
    [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", if is_page { "default-src 'none'; frame-ancestors 'none'" } else { "" }),
        // For encrypted connections alone (RFC 6797, 7.2).
        ("Strict-Transport-Security", if is_secure { "max-age=31536000; includeSubDomains" } else { "" }),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
}

/// Appends the head. `is_last`: the connection ends with this answer.
pub(crate) fn render(answer: &Answer, is_secure: bool, is_last: bool, out: &mut Vec<u8>) {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    begin(status, answer, is_secure, out);
    // A value that would end its line is left out, as hyper has it.
    let is_text = |text: &str| text.bytes().all(|b| b >= b' ' && b != 0x7f || b == b'\t');
    for (name, value) in answer.headers.iter().filter(|(_, value)| is_text(value)) {
        let at = out.len();
        line(name, value, out);
        title(out.get_mut(at + 2..).unwrap_or_default());
    }
    if is_last {
        line("Connection", "close", out);
    }
    // RFC 9110, 8.6: none with 204.
    if status != StatusCode::NO_CONTENT {
        out.extend_from_slice(b"\r\nContent-Length: ");
        out.extend_from_slice(itoa::Buffer::new().format(answer.body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\nDate: ");
    date(out);
    out.extend_from_slice(b"\r\n\r\n");
}

/// Status and headers that many answers have alike.
#[derive(Default)]
struct Beginning {
    of: (StatusCode, &'static str, bool),
    text: Vec<u8>,
}

thread_local! {
    /// That of the last answer: most are like the one before.
    static LAST: RefCell<Beginning> = RefCell::default();
}

fn begin(status: StatusCode, answer: &Answer, is_secure: bool, out: &mut Vec<u8>) {
    LAST.with_borrow_mut(|last| {
        let of = (status, answer.content_type, is_secure);
        if last.text.is_empty() || last.of != of {
            last.of = of;
            last.text.clear();
            last.text.extend_from_slice(b"HTTP/1.1 ");
            last.text.extend_from_slice(status.as_str().as_bytes());
            last.text.push(b' ');
            last.text.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
            for (name, value) in fixed_headers(answer, is_secure) {
                line(name, value, &mut last.text);
            }
        }
        out.extend_from_slice(&last.text);
    });
}

fn line(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
}

/// `x-a: v` becomes `X-A: v`.
fn title(line: &mut [u8]) {
    let mut begins = true;
    for byte in line.iter_mut().take_while(|byte| **byte != b':') {
        if begins {
            byte.make_ascii_uppercase();
        }
        begins = *byte == b'-';
    }
}

thread_local! {
    /// A second that was written lately, and its text.
    static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

fn date(out: &mut Vec<u8>) {
    let now = SystemClock.now().seconds();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now {
            let since = Duration::from_secs(u64::try_from(now).unwrap_or(0));
            (*second, *text) = (now, httpdate::fmt_http_date(UNIX_EPOCH + since));
        }
        out.extend_from_slice(text.as_bytes());
    });
}
