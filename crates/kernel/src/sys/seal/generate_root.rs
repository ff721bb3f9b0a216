//! `sys/generate-root`: a new root token by the word of enough share holders. They need no token; their shares are what counts.
use crate::sys::routes::{BareJson, Gate};
use crate::sys::{Call, SysRoutes};
use crate::token::{NewToken, TEXT_LEN, create};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kw_barrier::ceremony::{GenerateRootStatus, KeyShare, RootGrant};
use kw_engine::Data;
use kw_schema::{Request, Response};
use kw_types::{Fault, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let by_holders = |routes: SysRoutes| routes.open().bare().gated(Gate::GenerateRoot);
    let routes = by_holders(routes.at("generate-root/attempt").read(status));
    let routes = by_holders(by_holders(routes.write(start)).delete(cancel));
    let routes = by_holders(routes.at("generate-root/update").write(update));
    routes.at("decode-token").write(decode).open()
}

#[derive(Serialize)]
struct Answer {
    nonce: String,
    started: bool,
    progress: usize,
    required: u8,
    complete: bool,
    encoded_token: Secret<String>,
    /// The older name of `encoded_token`.
    encoded_root_token: Secret<String>,
    pgp_fingerprint: String,
    otp: Secret<String>,
    /// The length that a one-time password must have.
    otp_length: usize,
}

/// How the attempt at a new root token stands.
#[derive(Request)]
struct Status {}

async fn status(call: &Call<'_>, _: Status) -> Result<BareJson<Answer>, Fault> {
    Ok(BareJson(200, Answer { otp_length: TEXT_LEN, ..now(call).await? }))
}

/// Begins an attempt at a new root token.
#[derive(Request)]
struct Start {
    /// The one-time password that hides the token, of 26 to 42 characters, which the token will have too. One is made where
    /// neither this nor a PGP key is given.
    otp: Secret<String>,
    /// The PGP key in base64 to encrypt the token to.
    pgp_key: String,
}

async fn start(call: &Call<'_>, ask: Start) -> Result<BareJson<Answer>, Fault> {
    let kernel = call.kernel;
    let (rng, time) = (kernel.rng.as_ref(), kernel.now());
    let made = kernel.seal.generate_root.lock().start(ask.otp.expose(), &ask.pgp_key, TEXT_LEN, rng, time)?;
    tracing::warn!("share holders began to generate a root token");
    let otp = made.unwrap_or_default();
    Ok(BareJson(200, Answer { otp, otp_length: TEXT_LEN, ..now(call).await? }))
}

/// Ends the attempt, if there is one.
#[derive(Request)]
struct Cancel {
    /// Of the attempt that is meant; where it is given, no other one is ended.
    nonce: String,
}

async fn cancel(call: &Call<'_>, ask: Cancel) -> Result<(), Fault> {
    let mut desk = call.kernel.seal.generate_root.lock();
    let status = desk.status(0);
    super::check_cancel(status.started, &status.nonce, &ask.nonce)?;
    desk.cancel();
    Ok(())
}

/// Gives a share of the unseal key, or of the recovery key where there is one; with the last one needed, the token is made.
#[derive(Request)]
struct Update {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Of the attempt.
    nonce: String,
}

async fn update(call: &Call<'_>, ask: Update) -> Result<BareJson<Answer>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let lock = kernel.share_lock().await?;
    let grant = kernel.seal.generate_root.lock().update(&share, &ask.nonce, &lock, &kernel.barrier)?;
    match grant {
        Some(grant) => complete(call, grant).await,
        None => Ok(BareJson(200, now(call).await?)),
    }
}

async fn complete(call: &Call<'_>, grant: RootGrant) -> Result<BareJson<Answer>, Fault> {
    let kernel = call.kernel;
    let text_len = grant.token_len();
    let made = kernel
        .transact(async |txn| {
            let new = NewToken { text_len, ..kernel.root_token(crate::seal::ROOT_PATH, None) };
            create(kernel, txn, new).await
        })
        .await?;
    tracing::warn!(accessor = made.entry.accessor, "share holders generated a root token");
    let (nonce, required, pgp_fingerprint) = (grant.nonce.clone(), grant.required, grant.pgp_fingerprint().to_owned());
    let encoded = grant.encode(&made.text, kernel.rng.as_ref())?;
    let answer = Answer {
        nonce,
        started: true,
        progress: usize::from(required),
        required,
        complete: true,
        encoded_token: encoded.clone(),
        encoded_root_token: encoded,
        pgp_fingerprint,
        otp: Secret::default(),
        otp_length: 0,
    };
    Ok(BareJson(200, answer))
}

async fn now(call: &Call<'_>) -> Result<Answer, Fault> {
    let required = super::config(call.kernel).await?.secret_threshold;
    let GenerateRootStatus { started, nonce, progress, required, pgp_fingerprint } =
        call.kernel.seal.generate_root.lock().status(required);
    Ok(Answer {
        nonce,
        started,
        progress,
        required,
        complete: false,
        encoded_token: Secret::default(),
        encoded_root_token: Secret::default(),
        pgp_fingerprint,
        otp: Secret::default(),
        otp_length: 0,
    })
}

/// Uncovers a root token that a one-time password hides. The server adds nothing that the caller does not have.
#[derive(Request)]
struct Decode {
    /// The token as `sys/generate-root/update` answered it.
    #[field(required)]
    encoded_token: Secret<String>,
    /// The one-time password.
    #[field(required)]
    otp: Secret<String>,
}

#[derive(Serialize, Response)]
struct Decoded {
    /// The token.
    token: Secret<String>,
}

async fn decode(_: &Call<'_>, ask: Decode) -> Result<Data<Decoded>, Fault> {
    let flaw = || Fault::bad_request("the token and the one-time password do not belong together");
    let hidden = STANDARD_NO_PAD.decode(ask.encoded_token.expose().trim_end_matches('=')).map_err(|_| flaw())?;
    let hidden = Secret::new(hidden);
    if hidden.expose().len() != ask.otp.expose().len() {
        return Err(flaw());
    }
    let bytes = hidden.expose().iter().zip(ask.otp.expose().bytes()).map(|(hidden, otp)| hidden ^ otp).collect();
    Ok(Data(Decoded { token: Secret::new(String::from_utf8(bytes).map_err(|_| flaw())?) }))
}
