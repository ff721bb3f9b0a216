//! Stage 1: what is asked for. Path and body are parsed, the mount and the route are found; nothing is permitted yet.
use crate::kernel::{Kernel, sealed};
use crate::mounts::Mounted;
use crate::received::{Method, Received};
use crate::sys::SysHandler;
use crate::wrapping;
use kw_engine::{Engine, Handler, Mount};
use kw_schema::{Access, Captures, Found, Input, Op, Params, RouteTable, Verb};
use kw_types::{CanonPath, Fault, FaultKind, PathFlaw, RngExt, Time, Ttl};
use std::borrow::Cow;
use std::sync::Arc;

/// Where a request leads.
pub(crate) enum Target<'k> {
    Engine(&'k Op<Handler>),
    System(&'k Op<SysHandler>),
    /// The path is known, the operation is not: 405.
    /// It asks for the rights that the path's other operations ask for.
    NoOperation(Access),
    /// The same on the bare paths (health, the seal), which nobody needs a token for: 405 without a text.
    NoBareOperation,
    /// What the path is for; nothing is done with it.
    Help,
    /// A request to seal a server that is sealed: 204, whoever asks.
    SealedAlready,
    /// A mount without such a path: 404.
    NoPath,
    /// No mount: 404.
    NoMount,
}

/// A request whose meaning is known. Made by [`resolve`] alone.
pub(crate) struct Resolved<'k> {
    pub received: &'k Received<'k>,
    /// When it came in.
    pub time: Time,
    pub id: String,
    pub path: CanonPath,
    pub verb: Verb,
    pub mount: Option<Arc<Mounted>>,
    /// That of the mount; none for the system's own.
    pub engine: Option<&'k dyn Engine>,
    pub target: Target<'k>,
    pub input: Input<'k>,
    pub wrap_ttl: Option<Ttl>,
    _private: (),
}

/// Why a request went no further, before anything was known that audit could tell.
pub(crate) enum Unresolved {
    Fault(Fault),
    /// The path was not clean: go there instead.
    Redirect(String),
}

impl From<Fault> for Unresolved {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The largest body of a request without a token: nobody who is unknown may use up memory.
pub const ANONYMOUS_BODY_MAX: usize = 1024 * 1024;

/// The one path that answers HEAD: load balancers ask so.
const HEALTH: &str = "sys/health";

/// Below `sys/`.
const SEAL: &str = "seal";

/// Paths whose body is a file and no parameters.
const FILES: [&str; 2] = ["sys/storage/raft/snapshot", "sys/storage/raft/snapshot-force"];

/// Reads the request. Errors: 307, 400, 404 (namespace), 405 (method), 413, 415, 503 (sealed).
pub(crate) async fn resolve<'k>(kernel: &'k Kernel, received: &'k Received<'k>) -> Result<Resolved<'k>, Unresolved> {
    let path = match CanonPath::parse(received.raw_path) {
        Ok(path) => path,
        Err(PathFlaw::Unclean(clean)) if matches!(received.method, Method::Get | Method::List) => {
            return Err(Unresolved::Redirect(clean));
        }
        Err(PathFlaw::Unclean(_)) => return Err(Fault::bad_request("path must not hold empty or dot segments").into()),
        Err(PathFlaw::Bad(why)) => return Err(Fault::bad_request(why).into()),
    };
    if !is_root_namespace(received.namespace) {
        return Err(Fault::new(FaultKind::NotFound, "namespace not found").into());
    }
    if received.token.is_none() && received.body.len() > ANONYMOUS_BODY_MAX {
        return Err(Fault::new(FaultKind::TooLarge, "the body is too large for a request without a token").into());
    }
    let mut params = parse_params(received, FILES.contains(&path.as_str()))?;
    let verb = verb_of(received.method, &path, &mut params)?;
    let asks_help = received.method == Method::Get && params.remove("help").is_some();
    if verb == Verb::Write && path.as_str().ends_with('/') {
        return Err(Fault::bad_request("cannot write to a path ending in '/'").into());
    }
    let Routed { mount, engine, mut target, captures } = route(kernel, &path, verb).await?;
    if asks_help && mount.as_ref().is_some_and(|mount| leads_somewhere(mount, &path, &target)) {
        target = Target::Help;
    }
    let wrap_ttl = wrapping::asked(kernel, received.wrap_ttl)?;
    let (id, time) = (kernel.rng.uuid(), kernel.now());
    let input = Input { captures, params };
    Ok(Resolved { received, time, id, path, verb, mount, engine, target, input, wrap_ttl, _private: () })
}

/// One slash at either end is how clients write it; more of them, or a dot, is not another name of the root.
fn is_root_namespace(header: &str) -> bool {
    matches!(header, "" | "/" | "root" | "root/" | "/root" | "/root/")
}

fn verb_of(method: Method, path: &CanonPath, params: &mut Params<'_>) -> Result<Verb, Fault> {
    Ok(match method {
        Method::Head if path.as_str() == HEALTH => Verb::Read,
        Method::Get if flag(params, "list")? => Verb::List,
        Method::Get if flag(params, "scan")? => Verb::Scan,
        Method::Get => Verb::Read,
        Method::Post | Method::Put => Verb::Write,
        Method::Patch => Verb::Patch,
        Method::Delete => Verb::Delete,
        Method::List => Verb::List,
        Method::Scan => Verb::Scan,
        Method::Head | Method::Other => return Err(Fault::silent(FaultKind::Unsupported)),
    })
}

/// `?list=true` makes a read a list. An empty value counts as an ordinary parameter.
fn flag(params: &mut Params<'_>, name: &str) -> Result<bool, Fault> {
    let Some(raw) = params.get(name) else { return Ok(false) };
    let text = raw.to_value();
    let text = text.as_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(false);
    }
    let on = match text {
        "true" | "1" | "t" | "T" | "TRUE" | "True" => true,
        "false" | "0" | "f" | "F" | "FALSE" | "False" => false,
        _ => return Err(Fault::silent(FaultKind::BadRequest)),
    };
    params.remove(name);
    Ok(on)
}

fn parse_params<'a>(received: &'a Received<'_>, is_file: bool) -> Result<Params<'a>, Fault> {
    let takes_body = !is_file && matches!(received.method, Method::Post | Method::Put | Method::Patch | Method::Delete);
    if !takes_body {
        let mut params = Params::default();
        params.add_pairs(received.query)?;
        return Ok(params);
    }
    let kind = received.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut params = match kind.as_str() {
        "application/x-www-form-urlencoded" if !received.body.starts_with(b"{") => {
            let mut params = Params::default();
            let text =
                std::str::from_utf8(&received.body).map_err(|_| Fault::bad_request("the form is not valid UTF-8"))?;
            params.add_pairs(text)?;
            params
        }
        _ if received.method == Method::Patch && kind != "application/merge-patch+json" => {
            return Err(Fault::new(FaultKind::MediaType, "PATCH needs Content-Type: application/merge-patch+json"));
        }
        _ => Params::from_json(&received.body)?,
    };
    params.add_pairs(received.query)?;
    Ok(params)
}

/// Whether there is a page of help: for every path that has an operation, and for the mount itself.
fn leads_somewhere(mount: &Mount, path: &CanonPath, target: &Target<'_>) -> bool {
    !matches!(target, Target::NoPath) || path.as_str().trim_end_matches('/') == mount.path.bare()
}

/// Where a path leads.
struct Routed<'k> {
    mount: Option<Arc<Mounted>>,
    engine: Option<&'k dyn Engine>,
    target: Target<'k>,
    captures: Captures,
}

impl<'k> Routed<'k> {
    fn outside((target, captures): (Target<'k>, Captures)) -> Self {
        Self { mount: None, engine: None, target, captures }
    }
}

async fn route<'k>(kernel: &'k Kernel, path: &CanonPath, verb: Verb) -> Result<Routed<'k>, Fault> {
    // The few paths of the system that answer while sealed are found without the mount table, which is behind the barrier.
    if kernel.is_sealed() {
        let rest = path.as_str().strip_prefix("sys/").ok_or_else(sealed)?;
        return match in_system(kernel.system.sys(), rest, verb) {
            (target @ Target::System(op), captures) if op.handler.is_open_while_sealed() => {
                Ok(Routed::outside((target, captures)))
            }
            bare @ (Target::NoBareOperation, _) => Ok(Routed::outside(bare)),
            (Target::System(_), captures) if rest == SEAL && verb == Verb::Write => {
                Ok(Routed::outside((Target::SealedAlready, captures)))
            }
            _ => Err(sealed()),
        };
    }
    let Some((mount, rest)) = kernel.mounts.find(kernel, path.as_str()).await? else {
        return Ok(Routed::outside((Target::NoMount, Captures::default())));
    };
    let ((target, captures), engine) = match kernel.system.table(&mount.kind) {
        Some(system) => (in_system(system, rest, verb), None),
        None => match kernel.registry.of_mount(&mount) {
            Some(engine) => (in_engine(engine.routes(&mount).table(), rest, verb), Some(engine)),
            None => return Err(Fault::unavailable("this server has no engine for the mount's type")),
        },
    };
    Ok(Routed { mount: Some(mount), engine, target, captures })
}

fn in_system<'k>(table: &'k RouteTable<SysHandler>, rest: &str, verb: Verb) -> (Target<'k>, Captures) {
    match table.find(rest, verb) {
        Found::Op { op, captures, .. } => (Target::System(op), captures),
        Found::Path(other) if other.handler.is_bare() => (Target::NoBareOperation, Captures::default()),
        Found::Path(other) => (Target::NoOperation(other.access), Captures::default()),
        Found::Nothing => (Target::NoPath, Captures::default()),
    }
}

fn in_engine<'k>(table: &'k RouteTable<Handler>, rest: &str, verb: Verb) -> (Target<'k>, Captures) {
    match table.find(rest, verb) {
        Found::Op { op, captures, .. } => (Target::Engine(op), captures),
        Found::Path(other) => (Target::NoOperation(other.access), Captures::default()),
        Found::Nothing => (Target::NoPath, Captures::default()),
    }
}

impl Resolved<'_> {
    /// Who may call it. What leads nowhere is refused like anything that needs a token.
    pub fn access(&self) -> Access {
        match &self.target {
            Target::Engine(op) => op.access,
            Target::System(op) => op.handler.access(op.access, self.received.edge),
            Target::NoBareOperation | Target::SealedAlready => Access::Open,
            Target::NoOperation(access) => *access,
            _ => Access::Token,
        }
    }

    /// The fields that the operation declares.
    pub fn fields(&self) -> &[kw_schema::Field] {
        match &self.target {
            Target::Engine(op) => &op.fields,
            Target::System(op) => &op.fields,
            _ => &[],
        }
    }

    /// Whether the handler can change anything.
    pub fn is_write(&self) -> bool {
        match &self.target {
            Target::Engine(op) => matches!(op.handler, Handler::Write { .. }),
            Target::System(_) => !matches!(self.verb, Verb::Read | Verb::List | Verb::Scan),
            _ => false,
        }
    }

    /// Whether audit hears of it. Health checks and the ceremony around the seal come before anyone could.
    pub fn is_audited(&self) -> bool {
        match &self.target {
            Target::System(op) => !op.handler.is_unaudited(),
            Target::NoBareOperation | Target::SealedAlready => false,
            _ => true,
        }
    }

    /// Where the mount's rows are for this caller.
    pub fn rows_prefix(&self, token_ident: &str) -> Cow<'_, str> {
        let Some(mount) = &self.mount else { return Cow::Borrowed("") };
        // Of an engine such as the cubbyhole, they are the caller's own.
        if self.engine.is_some_and(Engine::per_token) {
            Cow::Owned([&mount.rows, token_ident, "/"].concat())
        } else {
            Cow::Borrowed(&mount.rows)
        }
    }
}
