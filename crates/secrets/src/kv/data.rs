//! The data of a secret: reading a version, adding one.
use super::merge::merge_patch;
use super::model::{Facts, Secret, secret_row};
use super::row::{Row, Versioned};
use super::settings::Settings;
use crate::document::leaf;
use kw_engine::{
    Body, Coerce, Cx, Data, Fault, Field, Input, JsonText, Kind, Outcome, Raw, RawObject, Reply, Request, Response, Status, Txn,
    View,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads the newest version of a secret, or another one.
#[derive(Request)]
pub(super) struct Read {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    /// The number of the version; 0 or less means the newest.
    version: i64,
}

pub(super) async fn read(cx: &Cx<'_>, view: View<'_>, request: Read) -> Result<Answer, Fault> {
    let row = view.get_bytes(&secret_row(&request.path)).await?.ok_or_else(Fault::not_found)?;
    let row = Row::parse(&row)?;
    let number = u64::try_from(request.version).unwrap_or(0);
    if let (Row::Versioned(newest), 0) = (row, number) {
        return newest.answer(cx);
    }
    // Boxed, so that the future of the usual read has no room for this one in it.
    Box::pin(older(cx, view, Secret::of_row(&request.path, row)?, number)).await
}

/// What is neither newest nor in its final form takes the long way.
async fn older(cx: &Cx<'_>, view: View<'_>, secret: Secret, number: u64) -> Result<Answer, Fault> {
    let number = if number == 0 { secret.history.current } else { number };
    let version = secret.history.versions.get(&number).copied();
    let facts = secret.history.facts(number).ok_or_else(Fault::not_found)?;
    let facts = serde_json::to_string(&facts).map_err(|e| Fault::internal(format_args!("{:?}", e.classify())))?;
    // A version may have been let go of since its secret's row was read; then it is gone like any other.
    let data = if version.is_some_and(|v| v.is_live(cx.now())) { secret.data(view, number).await? } else { None };
    data.map(|data| Answer::of(&data, &facts)).ok_or_else(|| gone("data", &facts))
}

impl Versioned<'_> {
    fn answer(self, cx: &Cx<'_>) -> Result<Answer, Fault> {
        if self.facts.is_empty() {
            return Err(Fault::not_found());
        }
        if self.is_live(cx) { Ok(Answer::of(self.data, self.facts)) } else { Err(gone("data", self.facts)) }
    }
}

/// 404 for a version that was there: the caller is told of it, but gets nothing of what was in `member`.
pub(super) fn gone(member: &str, facts: &str) -> Fault {
    Fault::not_found().with_data(format!(r#"{{"{member}":null,"metadata":{facts}}}"#))
}

/// A version with its data, as JSON that was never taken apart.
pub(super) struct Answer(JsonText);

impl Answer {
    fn of(data: &str, facts: &str) -> Self {
        let mut text = String::with_capacity(data.len() + facts.len() + 32);
        text.push_str(r#"{"data":"#);
        text.push_str(data);
        text.push_str(r#","metadata":"#);
        text.push_str(facts);
        text.push('}');
        Self(JsonText::stored(text))
    }
}

impl Outcome for Answer {
    fn fields(out: &mut Vec<Field>) {
        VersionShown::fields(out);
        out.iter_mut().filter(|field| field.name == "data").for_each(|field| field.secret = true);
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        Ok(Reply::new(Body::Data(self.0)))
    }
}

/// Describes [`Answer`].
#[derive(Serialize, Response)]
struct VersionShown {
    /// The secret, as it was written.
    data: RawObject,
    /// The version: `created_time`, `custom_metadata`, `deletion_time`, `destroyed`, `version`.
    metadata: RawObject,
}

/// The data of a secret in a request.
pub(super) struct SecretObject(Box<RawValue>);

impl Coerce for SecretObject {
    const KIND: Kind = RawObject::KIND;
    const SECRET: bool = true;

    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        RawObject::coerce(raw).map(|object| Self(object.0))
    }
}

/// Adds a version. It becomes the newest.
#[derive(Request)]
pub(super) struct WriteFields {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    /// The secret: any object. Digits and the order of names are kept.
    data: Option<SecretObject>,
    /// `cas`: the number of the version that this one must follow; 0: there must be none yet.
    options: Option<RawObject>,
}

/// [`WriteFields`], where an explicit `null` is data too.
pub(super) struct Write(WriteFields);

impl Request for Write {
    const DOC: &'static str = WriteFields::DOC;

    fn fields(out: &mut Vec<Field>) {
        WriteFields::fields(out);
    }

    fn parse(input: &Input<'_>) -> Result<Self, Fault> {
        let mut fields = WriteFields::parse(input)?;
        if input.params.get("data").is_some_and(Raw::is_null) {
            fields.data = Some(SecretObject(RawValue::NULL.to_owned()));
        }
        Ok(Self(fields))
    }
}

pub(super) async fn write(cx: &Cx<'_>, txn: Txn<'_>, Write(request): Write) -> Result<Data<Facts>, Fault> {
    let path = leaf(&request.path)?;
    let data = request.data.ok_or_else(no_data)?;
    let cas = check_and_set(request.options.as_ref())?;
    let mount = Settings::of_mount(txn.view()).await?;
    let secret = Secret::load(txn.view(), path).await?.unwrap_or_else(|| Secret::new(path, cx.now()));
    check(&secret, &mount, cas)?;
    add(cx, txn, secret, &mount, data.0.get())
}

/// Adds a version that is the newest one, changed as a JSON merge patch says (RFC 7396): what is null is taken out.
#[derive(Request)]
pub(super) struct Patch {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
    /// What changes.
    data: Option<SecretObject>,
    /// `cas`: the number of the version that is changed.
    options: Option<RawObject>,
}

pub(super) async fn patch(cx: &Cx<'_>, txn: Txn<'_>, request: Patch) -> Result<Patched, Fault> {
    let path = leaf(&request.path)?;
    let change = request.data.ok_or_else(no_data)?;
    let cas = check_and_set(request.options.as_ref())?;
    let mount = Settings::of_mount(txn.view()).await?;
    let Some(secret) = Secret::load(txn.view(), path).await? else { return Ok(Patched::Nothing) };
    let newest = secret.history.current;
    let Some(version) = secret.history.versions.get(&newest) else { return Ok(Patched::Nothing) };
    check(&secret, &mount, cas)?;
    let old = if version.is_live(cx.now()) { secret.data(txn.view(), newest).await? } else { None };
    let Some(old) = old else {
        let facts = serde_json::to_string(&secret.history.facts(newest));
        return Err(gone("data", &facts.map_err(|e| Fault::internal(format_args!("{:?}", e.classify())))?));
    };
    let new = merge_patch(&old, &change.0)?;
    add(cx, txn, secret, &mount, new.get()).map(Patched::Added)
}

/// What a patch did.
pub(super) enum Patched {
    Added(Data<Facts>),
    /// There is no secret: 404 without a body, as clients know it of this one operation.
    Nothing,
}

impl Outcome for Patched {
    fn fields(out: &mut Vec<Field>) {
        Data::<Facts>::fields(out);
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        match self {
            Self::Added(facts) => facts.into_reply(),
            Self::Nothing => Status(404, ()).into_reply(),
        }
    }
}

fn add(cx: &Cx<'_>, txn: Txn<'_>, mut secret: Secret, mount: &Settings, data: &str) -> Result<Data<Facts>, Fault> {
    secret.add(txn, data, mount, cx.now());
    secret.store(txn)?;
    let facts = secret.history.facts(secret.history.current);
    facts.map(Data).ok_or_else(|| Fault::internal("the version just added is not there"))
}

fn no_data() -> Fault {
    Fault::bad_request("no data provided")
}

/// The option `cas`. It must be a whole number and written as one: a client that sends something else has a mistake that
/// would cost it its protection.
fn check_and_set(options: Option<&RawObject>) -> Result<Option<u64>, Fault> {
    #[derive(Deserialize)]
    struct Options<'a> {
        #[serde(borrow)]
        cas: Option<&'a RawValue>,
    }
    let wrong = || Fault::bad_request("error parsing check-and-set parameter: 'cas' must be a whole number");
    let parsed = |raw: &RawValue| match raw.get().parse::<i128>() {
        // No version has a number below zero, so this one is well formed and not the current one.
        Ok(number) if number < 0 => Err(mismatch()),
        Ok(number) => u64::try_from(number).map_err(|_| wrong()),
        Err(_) => Err(wrong()),
    };
    let Some(options) = options else { return Ok(None) };
    let options: Options<'_> = serde_json::from_str(options.text()).map_err(|_| wrong())?;
    options.cas.map(parsed).transpose()
}

fn check(secret: &Secret, mount: &Settings, cas: Option<u64>) -> Result<(), Fault> {
    match cas {
        None if mount.cas_required || secret.history.settings.cas_required => {
            Err(Fault::bad_request("check-and-set parameter required for this call"))
        }
        Some(number) if number != secret.history.current => Err(mismatch()),
        _ => Ok(()),
    }
}

fn mismatch() -> Fault {
    Fault::bad_request("check-and-set parameter did not match the current version")
}
