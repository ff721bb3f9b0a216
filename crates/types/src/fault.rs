//! What can go wrong with a request, and whose fault it is.
use std::borrow::Cow;
use std::fmt;

/// Who is at fault, and so which HTTP status the caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 400: the caller's input cannot be taken as it is.
    BadRequest,
    /// 401: only the OAuth endpoints answer this.
    Unauthenticated,
    /// 403: the caller may not do this, or is not who it says.
    Denied,
    /// 404: nothing is there (for a caller who may know it).
    NotFound,
    /// 405: the path exists, but not with this operation.
    Unsupported,
    /// 412: the state that the request needs is not there (yet).
    Precondition,
    /// 413: the request is larger than the listener allows.
    TooLarge,
    /// 415: the body has a content type that this operation does not take.
    MediaType,
    /// 429: a limit or quota is used up.
    TooMany,
    /// 500: our own fault, or that of a peer that we depend on.
    Internal,
    /// 503: sealed, draining or cut off from the store.
    Unavailable,
    /// 507: the store has no room left.
    NoSpace,
}

impl FaultKind {
    /// The HTTP status code of RFC 9110 that belongs to this kind.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Denied => 403,
            Self::NotFound => 404,
            Self::Unsupported => 405,
            Self::Precondition => 412,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::NoSpace => 507,
        }
    }
}

/// A refusal. `public` texts are shown to the caller and never hold a value that the caller sent or may not see;
/// `context` goes to the server's log only and holds no secret either.
pub struct Fault {
    kind: FaultKind,
    public: Vec<Cow<'static, str>>,
    context: Option<String>,
    data: Option<String>,
}

impl Fault {
    /// A fault with one public text.
    pub fn new(kind: FaultKind, public: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, public: vec![public.into()], context: None, data: None }
    }

    /// A fault without any text: the body is `{"errors": []}`, as Vault answers for what is not there.
    pub fn silent(kind: FaultKind) -> Self {
        Self { kind, public: Vec::new(), context: None, data: None }
    }

    /// 400 with a text that says what to do.
    pub fn bad_request(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::BadRequest, public)
    }

    /// 403 with Vault's one text, which tells nothing else.
    pub fn denied() -> Self {
        Self::new(FaultKind::Denied, "permission denied")
    }

    /// 404 with no text.
    pub fn not_found() -> Self {
        Self::silent(FaultKind::NotFound)
    }

    /// 405 with Vault's text.
    pub fn unsupported() -> Self {
        Self::new(FaultKind::Unsupported, "unsupported operation")
    }

    /// 500. `context` says what happened, for the log alone.
    pub fn internal(context: impl fmt::Display) -> Self {
        Self::new(FaultKind::Internal, "internal error").because(context)
    }

    /// 503 with the reason.
    pub fn unavailable(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::Unavailable, public)
    }

    /// Adds what the log should say beside the public text.
    #[must_use]
    pub fn because(mut self, context: impl fmt::Display) -> Self {
        self.context = Some(context.to_string());
        self
    }

    /// Adds a JSON text that is sent as `data` beside the errors (KV version 2 does so for a deleted version).
    #[must_use]
    pub fn with_data(mut self, json: String) -> Self {
        self.data = Some(json);
        self
    }

    /// Who is at fault.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The texts for the caller.
    pub fn public(&self) -> &[Cow<'static, str>] {
        &self.public
    }

    /// The text for the log.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The JSON text for `data`.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.status())?;
        for text in &self.public {
            write!(f, ": {text}")?;
        }
        match &self.context {
            Some(context) => write!(f, " ({context})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Fault {}
