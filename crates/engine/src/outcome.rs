//! What a handler gives back.
use crate::{Login, PlannedLease};
use kw_schema::{Field, Kind, Place, Response};
use kw_types::{Fault, Ttl};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;

/// What a handler may return, turned into one form for the kernel.
pub trait Outcome {
    /// Describes the fields of `data`.
    fn fields(out: &mut Vec<Field>);
    fn into_reply(self) -> Result<Reply, Fault>;
}

/// The erased outcome.
pub struct Reply {
    pub body: Body,
    pub warnings: Vec<String>,
    /// Where it is neither 200 (with a body) nor 204 (without).
    pub status: Option<u16>,
    /// `lease_duration` of an answer without a lease: a hint when to read again (KV version 1). Zero: none.
    pub lease_duration: Ttl,
    /// The public handle of a secret in the answer, by which it can be taken back unseen; empty: it has none.
    pub accessor: String,
}

/// What is answered.
pub enum Body {
    /// 204.
    Empty,
    /// `data` of the envelope.
    Data(JsonText),
    /// A login; the kernel makes the token.
    Login(Box<Login>),
    /// A credential to be made.
    Lease(Box<dyn PlannedLease>),
    /// The whole answer, without the envelope.
    Bare { content_type: &'static str, bytes: Vec<u8> },
}

/// A JSON text: spliced into the answer as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(String);

/// Room that most answers find enough: a text that grows is copied again and again.
const USUAL_LEN: usize = 1024;

impl JsonText {
    /// Serialises a value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, Fault> {
        let mut text = Vec::with_capacity(USUAL_LEN);
        serde_json::to_writer(&mut text, value).map_err(|e| unserialisable(&e))?;
        String::from_utf8(text).map(Self).map_err(|_| Fault::internal("an answer is not UTF-8"))
    }

    /// The members of two objects as one; neither may be empty. The first one is the text of an object.
    pub fn joined<T: Serialize + ?Sized>(first: &str, second: &T) -> Result<Self, Fault> {
        let mut text = Vec::with_capacity(USUAL_LEN.max(first.len() + USUAL_LEN / 4));
        text.extend_from_slice(first.strip_suffix('}').unwrap_or(first).as_bytes());
        let seam = text.len();
        serde_json::to_writer(&mut text, second).map_err(|e| unserialisable(&e))?;
        if let Some(brace) = text.get_mut(seam) {
            *brace = b',';
        }
        String::from_utf8(text).map(Self).map_err(|_| Fault::internal("an answer is not UTF-8"))
    }

    /// What was made from stored JSON alone. It was checked when it was written, and the barrier has authenticated it since; so
    /// it is not parsed again, which for the most frequent of all requests would be a good part of the work.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// `null`.
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    pub fn get(&self) -> &str {
        &self.0
    }
}

/// Its length: it may hold a secret.
impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JSON of {} bytes", self.0.len())
    }
}

impl From<Box<RawValue>> for JsonText {
    fn from(raw: Box<RawValue>) -> Self {
        Self(Box::<str>::from(raw).into())
    }
}

impl Reply {
    pub fn new(body: Body) -> Self {
        Self { body, warnings: Vec::new(), status: None, lease_duration: Ttl::ZERO, accessor: String::new() }
    }

    /// `data` from any value.
    pub fn data<T: Serialize + ?Sized>(value: &T) -> Result<Self, Fault> {
        Ok(Self::new(Body::Data(JsonText::of(value)?)))
    }
}

/// Serialises what a lease is kept as.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(value).map_err(|e| unserialisable(&e))
}

/// It cannot fail for our own types but must not panic if it does.
fn unserialisable(error: &serde_json::Error) -> Fault {
    Fault::internal(format_args!("an answer does not serialise: {:?}", error.classify()))
}

impl Outcome for Reply {
    fn fields(_: &mut Vec<Field>) {}
    fn into_reply(self) -> Result<Reply, Fault> {
        Ok(self)
    }
}

impl Outcome for () {
    fn fields(_: &mut Vec<Field>) {}
    fn into_reply(self) -> Result<Reply, Fault> {
        Ok(Reply::new(Body::Empty))
    }
}

/// An answer with `data`.
#[derive(Debug)]
pub struct Data<T>(pub T);

impl<T: Response> Outcome for Data<T> {
    fn fields(out: &mut Vec<Field>) {
        T::fields(out);
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        Reply::data(&self.0)
    }
}

/// `None` is 404.
impl<O: Outcome> Outcome for Option<O> {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        self.ok_or_else(Fault::not_found)?.into_reply()
    }
}

/// A listing. An empty one is 404, as in Vault.
#[derive(Debug, Default, Serialize)]
pub struct Keys {
    pub keys: Vec<String>,
    /// Facts about each key, as an object by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_info: Option<Box<RawValue>>,
}

impl From<Vec<String>> for Keys {
    fn from(keys: Vec<String>) -> Self {
        Self { keys, key_info: None }
    }
}

impl Outcome for Keys {
    fn fields(out: &mut Vec<Field>) {
        let doc = "Names; those of folders end in a slash.";
        out.push(Field {
            name: "keys",
            place: Place::Answer,
            kind: Kind::List,
            required: true,
            default: None,
            secret: false,
            doc,
        });
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        if self.keys.is_empty() {
            return Err(Fault::not_found());
        }
        Reply::data(&self)
    }
}

/// An outcome with warnings for the caller.
pub struct Warned<O>(pub O, pub Vec<String>);

impl<O: Outcome> Outcome for Warned<O> {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        let mut reply = self.0.into_reply()?;
        reply.warnings.extend(self.1);
        Ok(reply)
    }
}

/// An outcome with a secret that has a public handle. When the answer is wrapped, the handle is told beside the wrapping token.
pub struct WithAccessor<O>(pub O, pub String);

impl<O: Outcome> Outcome for WithAccessor<O> {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        let mut reply = self.0.into_reply()?;
        reply.accessor = self.1;
        Ok(reply)
    }
}

/// An outcome with another HTTP status than 200 or 204.
pub struct Status<O>(pub u16, pub O);

impl<O: Outcome> Outcome for Status<O> {
    fn fields(out: &mut Vec<Field>) {
        O::fields(out);
    }
    fn into_reply(self) -> Result<Reply, Fault> {
        let mut reply = self.1.into_reply()?;
        reply.status = Some(self.0);
        Ok(reply)
    }
}
