//! Where a plain request of HTTP/1.1 ends, and what its lines say.
use crate::bytes::{NAME, TARGET, all_in};
use crate::convert;
use crate::head::Head;
use crate::strict::length;
use kw_kernel::{ANONYMOUS_BODY_MAX, Method};
use memchr::memchr;

/// A head that is longer is not plain.
const HEAD_LEN_MAX: usize = 8192;

/// A head of more headers is not plain.
const HEADERS_MAX: usize = 64;

/// What the next bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Plain(Framed),
    /// The beginning of a head.
    Cut,
    /// Nothing for here.
    Other,
}

/// The lengths of a request's parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// The request line.
    pub line: usize,
    /// That line, the headers, and the empty line.
    pub head: usize,
    pub body: usize,
    /// No request comes after it.
    pub is_last: bool,
}

impl Framed {
    pub fn len(&self) -> usize {
        self.head + self.body
    }
}

/// The headers of a connection's newest request. Clients send the same ones with nearly every request, and those are known by
/// their bytes: they are not read again.
#[derive(Default)]
pub(crate) struct Headers {
    /// As they came, with the empty line; empty where there is nothing to be known.
    raw: Vec<u8>,
    /// Name, value, name, value; names in lower case.
    text: String,
    /// The lengths of a name and of its value.
    lens: Vec<(usize, usize)>,
    body: usize,
    is_last: bool,
}

impl Headers {
    /// Looks at the lines of a head. Where it is plain, these are its headers from now on.
    pub fn frame(&mut self, bytes: &[u8]) -> Frame {
        let (line, rest) = match first_line(bytes) {
            Ok((line, rest)) if !line.is_empty() => (bytes.len() - rest.len(), rest),
            Ok(_) => return Frame::Other,
            Err(frame) => return frame,
        };
        if (self.raw.is_empty() || !rest.starts_with(&self.raw))
            && let Err(frame) = self.read(rest)
        {
            self.raw.clear();
            return frame;
        }
        let head = line + self.raw.len();
        if head > HEAD_LEN_MAX {
            return Frame::Other;
        }
        Frame::Plain(Framed { line, head, body: self.body, is_last: self.is_last })
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Frame> {
        self.text.clear();
        self.lens.clear();
        let (mut body, mut rest) = (None, bytes);
        self.is_last = false;
        for _ in 0..=HEADERS_MAX {
            let (line, after) = first_line(rest)?;
            rest = after;
            if line.is_empty() {
                self.body = body.unwrap_or(0);
                self.raw.clear();
                self.raw.extend_from_slice(bytes.get(..bytes.len() - rest.len()).unwrap_or_default());
                return Ok(());
            }
            match self.header(line).ok_or(Frame::Other)? {
                Header::Usual => {}
                Header::Length(length) if body.is_none() && length <= ANONYMOUS_BODY_MAX => body = Some(length),
                Header::Close => self.is_last = true,
                Header::Length(_) => return Err(Frame::Other),
            }
        }
        Err(Frame::Other)
    }

    /// Takes a header in, and says what it means to the framing. `None`: it is not plain.
    fn header(&mut self, line: &[u8]) -> Option<Header> {
        let (name, value) = split_at_first(b':', std::str::from_utf8(line).ok()?)?;
        if name.is_empty() || !all_in(NAME, name.as_bytes()) {
            return None;
        }
        let (at, value) = (self.text.len(), value.trim_ascii());
        self.lens.push((name.len(), value.len()));
        self.text.push_str(name);
        let name = self.text.get_mut(at..)?;
        name.make_ascii_lowercase();
        let meaning = match &*name {
            "content-length" => Header::Length(length(value.as_bytes())?.try_into().ok()?),
            "connection" if value.eq_ignore_ascii_case("keep-alive") => Header::Usual,
            "connection" if value.eq_ignore_ascii_case("close") => Header::Close,
            "connection" | "transfer-encoding" | "te" | "trailer" | "expect" | "upgrade" => return None,
            _ => Header::Usual,
        };
        self.text.push_str(value);
        Some(meaning)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.text.as_str();
        self.lens.iter().map_while(move |&(name, value)| {
            let (own, after) = rest.split_at_checked(name + value)?;
            rest = after;
            own.split_at_checked(name)
        })
    }
}

/// What a header says about the framing.
enum Header {
    Usual,
    Length(usize),
    /// The request is the last one.
    Close,
}

/// A line of visible ASCII, blanks and tabs without its end, and what comes after it. Errors: what the bytes are otherwise.
fn first_line(bytes: &[u8]) -> Result<(&[u8], &[u8]), Frame> {
    let Some(end) = memchr(b'\n', bytes) else {
        return Err(if bytes.len() > HEAD_LEN_MAX { Frame::Other } else { Frame::Cut });
    };
    let (line, rest) = bytes.split_at_checked(end + 1).unwrap_or_default();
    let line = line.strip_suffix(b"\r\n").ok_or(Frame::Other)?;
    if line.iter().fold(false, |odd, b| odd | !matches!(b, b' '..=b'~' | b'\t')) {
        return Err(Frame::Other);
    }
    Ok((line, rest))
}

/// Method, target below `/v1/` and headers of a framed request; `None` where it is not plain, or is to be refused.
pub(crate) fn request<'a>(line: &'a [u8], headers: &'a Headers) -> Option<(Method, &'a str, Head<'a>)> {
    let (method, rest) = split_at_first(b' ', std::str::from_utf8(line).ok()?)?;
    let target = rest.strip_suffix(" HTTP/1.1\r\n")?.strip_prefix("/v1/")?;
    let method = match convert::method(method) {
        Method::Head | Method::Other => return None,
        usual => usual,
    };
    let head = Head::of_lines(headers.iter()).ok()?;
    all_in(TARGET, target.as_bytes()).then_some((method, target, head))
}

/// What is before and after a byte, by the vectored search.
pub(crate) fn split_at_first(byte: u8, text: &str) -> Option<(&str, &str)> {
    let at = memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
