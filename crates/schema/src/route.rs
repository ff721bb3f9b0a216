//! Routes: a pattern of a path, the operations on it, and finding one.
use crate::Field;
use hashbrown::HashMap;
use serde::Serialize;
use smallvec::SmallVec;

/// What a request wants to do. `Write` is POST and PUT alike; whether it needs the `create` or the `update` capability depends
/// on whether the thing exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Read,
    List,
    Scan,
    Write,
    Patch,
    Delete,
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Whoever has a token with the capability.
    Token,
    /// As `Token`, and the policy must grant `sudo` too.
    Sudo,
    /// Anybody: logins, health, the seal.
    Open,
}

/// One operation of a route. `H` is what runs it.
#[derive(Debug)]
pub struct Op<H> {
    pub verb: Verb,
    pub access: Access,
    pub doc: &'static str,
    pub fields: Vec<Field>,
    pub answer: Vec<Field>,
    pub handler: H,
}

impl<H> Op<H> {
    /// The first sentence of its text.
    pub fn summary(&self) -> String {
        let line = self.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        line.split_once(". ").map(|(first, _)| format!("{first}.")).unwrap_or(line)
    }
}

/// The named parts of a path that matched.
#[derive(Clone, Debug, Default)]
pub struct Captures(SmallVec<[(&'static str, String); 2]>);

impl Captures {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, text)| text.as_str())
    }
}

/// The routes of one engine, method or the system, in the order of their declaration: the first pattern that matches is taken.
///
/// A pattern is a path of literals and captures: `{name}` is one name of letters, digits, `_`, and inside `-` and `.`;
/// `{name*}` is any one segment; `{name...}` is all that is left, maybe nothing. Literals may follow it (`mounts/{path...}/tune`);
/// it then is at least one character. A list takes its path with or without the trailing slash.
#[derive(Debug)]
pub struct RouteTable<H> {
    routes: Vec<Route<H>>,
    /// Routes by their first segment, where that is a literal; the others are under "".
    by_head: HashMap<&'static str, Vec<usize>>,
    /// The route that an operation was added to last.
    latest: usize,
}

#[derive(Debug)]
struct Route<H> {
    pattern: &'static str,
    parts: Vec<Part<'static>>,
    ops: Vec<Op<H>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Literal(&'a str),
    Name(&'static str),
    Segment(&'static str),
    Rest(&'static str),
}

impl<H> Default for RouteTable<H> {
    fn default() -> Self {
        Self { routes: Vec::new(), by_head: HashMap::new(), latest: 0 }
    }
}

impl<H> RouteTable<H> {
    /// Adds an operation under a pattern.
    pub fn add(&mut self, pattern: &'static str, op: Op<H>) {
        if let Some(at) = self.routes.iter().position(|r| r.pattern == pattern) {
            self.latest = at;
            if let Some(route) = self.routes.get_mut(at) {
                route.ops.push(op);
            }
            return;
        }
        self.latest = self.routes.len();
        let parts: Vec<Part<'static>> = pattern.split('/').map(part).collect();
        let head = if let Some(Part::Literal(text)) = parts.first() { text } else { "" };
        self.by_head.entry(head).or_default().push(self.routes.len());
        self.routes.push(Route { pattern, parts, ops: vec![op] });
    }

    /// The operation added last, to be adjusted by a builder.
    pub fn last(&mut self) -> Option<&mut Op<H>> {
        self.routes.get_mut(self.latest).and_then(|r| r.ops.last_mut())
    }

    /// Every operation with its pattern.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Op<H>)> {
        self.routes.iter().flat_map(|r| r.ops.iter().map(move |op| (r.pattern, op)))
    }

    /// Finds the route of a path (relative to the mount). `Found::Path` when a pattern matches but has no such operation.
    pub fn find(&self, path: &str, verb: Verb) -> Found<'_, H> {
        let folder = matches!(verb, Verb::List | Verb::Scan);
        let trimmed = if folder { path.trim_end_matches('/') } else { path };
        let mut known = None;
        for route in self.candidates(trimmed) {
            // A rest capture of a list keeps the slash: "" and "a/" are folders.
            let subject = if folder && !matches!(route.parts.last(), Some(Part::Rest(_))) { trimmed } else { path };
            let Some(captures) = capture(&route.parts, subject) else { continue };
            known = known.or(route.ops.first());
            if let Some(op) = route.ops.iter().find(|op| op.verb == verb) {
                return Found::Op { pattern: route.pattern, op, captures };
            }
        }
        known.map_or(Found::Nothing, Found::Path)
    }

    /// All operations on a path, by the first pattern that matches it. It may end in a slash.
    pub fn at(&self, path: &str) -> Option<(&'static str, &[Op<H>])> {
        let path = path.trim_end_matches('/');
        let route = self.candidates(path).find(|route| capture(&route.parts, path).is_some())?;
        Some((route.pattern, &route.ops))
    }

    /// Routes that may match: those that begin as the path does, then those that begin with a capture.
    fn candidates(&self, path: &str) -> impl Iterator<Item = &Route<H>> {
        let (head, _) = first_segment(path);
        let captures = self.by_head.get("").filter(|_| !head.is_empty() || !self.by_head.contains_key(head));
        let places = self.by_head.get(head).into_iter().chain(captures).flatten();
        places.filter_map(|at| self.routes.get(*at))
    }
}

/// The outcome of [`RouteTable::find`].
#[derive(Debug)]
pub enum Found<'a, H> {
    Op {
        pattern: &'static str,
        op: &'a Op<H>,
        captures: Captures,
    },
    /// The path is known, the operation is not; another operation of the path.
    Path(&'a Op<H>),
    Nothing,
}

fn part(text: &'static str) -> Part<'static> {
    let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) else { return Part::Literal(text) };
    if let Some(name) = inner.strip_suffix("...") {
        return Part::Rest(name);
    }
    inner.strip_suffix('*').map_or(Part::Name(inner), Part::Segment)
}

fn capture(parts: &[Part<'_>], path: &str) -> Option<Captures> {
    let mut found = SmallVec::new();
    let mut rest = Some(path);
    for (at, part) in parts.iter().enumerate() {
        if let Part::Rest(name) = part {
            let captured = without_tail(rest.unwrap_or_default(), parts.get(at + 1..).unwrap_or_default())?;
            found.push((*name, captured.to_owned()));
            return Some(Captures(found));
        }
        let text = rest?;
        let (segment, after) = first_segment(text);
        match part {
            Part::Literal(literal) if *literal == segment => {}
            Part::Name(name) if is_name(segment) => found.push((*name, segment.to_owned())),
            Part::Segment(name) if !segment.is_empty() => found.push((*name, segment.to_owned())),
            _ => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(Captures(found))
}

/// What is before the first slash, and what is after it, by the vectored search: this runs for every request.
fn first_segment(path: &str) -> (&str, Option<&str>) {
    let slash = memchr::memchr(b'/', path.as_bytes());
    slash.and_then(|at| Some((path.get(..at)?, path.get(at + 1..)))).unwrap_or((path, None))
}

/// The text before the literals that end a pattern.
fn without_tail<'p>(mut text: &'p str, tail: &[Part<'_>]) -> Option<&'p str> {
    for part in tail.iter().rev() {
        let (before, segment) = text.rsplit_once('/')?;
        if *part != Part::Literal(segment) || before.is_empty() {
            return None;
        }
        text = before;
    }
    Some(text)
}

fn is_name(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    word(*first) && word(*last) && bytes.iter().all(|b| word(*b) || matches!(b, b'-' | b'.'))
}
