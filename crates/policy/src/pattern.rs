//! The three forms of a path in a policy, and which of them comes first.
use std::cmp::Reverse;

/// A path of a policy after its templates are filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// No wildcard.
    Exact(String),
    /// Everything that begins so; the `*` is cut off.
    Prefix(String),
    /// With `+` for whole segments.
    Segments(Segments),
}

/// A path with `+` for whole segments, and perhaps a `*` at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    /// Without a `*` at the end.
    text: String,
    /// The whole segments before the first `+`, with their slashes: all that match begin with them.
    head: String,
    /// The segments after the head; `None` for a `+`.
    parts: Vec<Option<Box<[u8]>>>,
    glob: bool,
    /// Where the first `+` stands.
    first: usize,
    wildcards: usize,
}

/// Which of two patterns that both match is the more specific: the greater one. In this order: a later first wildcard, no
/// `*` at the end, fewer `+`, a longer text, and last the greater text, so that it is never left to chance.
pub(crate) type Rank<'a> = (usize, bool, Reverse<usize>, usize, &'a str);

impl Pattern {
    /// Reads the path of a policy. A leading slash is dropped. Errors: `+*`, which Vault forbids.
    pub(crate) fn parse(path: &str) -> Result<Self, &'static str> {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.contains("+*") {
            return Err("'+*' is forbidden: end the path in '+' or in '*'");
        }
        if path == "+" || path.contains("/+") || path.starts_with("+/") {
            return Ok(Self::Segments(Segments::new(path)));
        }
        Ok(match path.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(path.to_owned()),
        })
    }
}

impl Segments {
    fn new(path: &str) -> Self {
        let (text, glob) = path.strip_suffix('*').map_or((path, false), |text| (text, true));
        let first = text.find('+').unwrap_or(text.len());
        let head_len = text.get(..first).and_then(|head| head.rfind('/')).map_or(0, |slash| slash + 1);
        let (head, tail) = text.split_at_checked(head_len).unwrap_or(("", text));
        let parts: Vec<_> = tail.split('/').map(|part| (part != "+").then(|| part.as_bytes().into())).collect();
        let wildcards = parts.iter().filter(|part| part.is_none()).count();
        Self { text: text.to_owned(), head: head.to_owned(), parts, glob, first, wildcards }
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        // Most rules fail here, before anything is cut.
        let Some(tail) = path.as_bytes().strip_prefix(self.head.as_bytes()) else { return false };
        let mut rest = Some(tail);
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let Some(text) = rest else { return false };
            let after = match part {
                None => text.iter().position(|b| *b == b'/').and_then(|end| text.get(end..)).unwrap_or_default(),
                Some(part) => match text.strip_prefix(&**part) {
                    // A `*` stands behind a literal, never behind a `+`.
                    Some(_) if self.glob && parts.peek().is_none() => return true,
                    Some(after) => after,
                    None => return false,
                },
            };
            rest = match after.split_first() {
                None => None,
                Some((b'/', after)) => Some(after),
                Some(_) => return false,
            };
        }
        rest.is_none()
    }

    /// Whether something below `folder` can match.
    pub(crate) fn reaches(&self, folder: &str) -> bool {
        let mut segments = folder.trim_end_matches('/').split('/');
        let mut parts = self.text.split('/').peekable();
        while let Some(part) = parts.next() {
            let Some(segment) = segments.next() else { return true };
            if part == "+" || part == segment {
                continue;
            }
            return self.glob && parts.peek().is_none() && segment.starts_with(part);
        }
        self.glob || segments.next().is_none()
    }

    pub(crate) fn rank(&self) -> Rank<'_> {
        (self.first, !self.glob, Reverse(self.wildcards), self.text.len(), &self.text)
    }
}

/// The rank of a [`Pattern::Prefix`].
pub(crate) fn prefix_rank(prefix: &str) -> Rank<'_> {
    (prefix.len(), false, Reverse(0), prefix.len(), prefix)
}
