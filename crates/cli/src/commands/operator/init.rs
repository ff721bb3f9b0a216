//! operator init.
use super::*;
use crate::call::Call;
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kw_client::Request;
use kw_types::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What the server answers: the only time that the shares are seen.
#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    keys: Vec<Secret<String>>,
    #[serde(default)]
    keys_base64: Vec<Secret<String>>,
    #[serde(default)]
    recovery_keys: Option<Vec<Secret<String>>>,
    #[serde(default)]
    recovery_keys_base64: Option<Vec<Secret<String>>>,
    root_token: Secret<String>,
}

/// What programs are given, field for field as from Vault.
#[derive(Serialize)]
struct Shown<'a> {
    unseal_keys_b64: &'a [Secret<String>],
    unseal_keys_hex: &'a [Secret<String>],
    unseal_shares: i64,
    unseal_threshold: i64,
    recovery_keys_b64: &'a [Secret<String>],
    recovery_keys_hex: &'a [Secret<String>],
    recovery_keys_shares: i64,
    recovery_keys_threshold: i64,
    root_token: &'a Secret<String>,
}

pub(super) fn init(call: &mut Call) -> Result<i32, Failure> {
    if call.on(&STATUS) {
        return status(call);
    }
    let session = call.session()?;
    // A seal that opens by itself splits a recovery key in place of the unseal key, so the defaults go there.
    let seal = session.send(Request::get("sys/seal-status")).ok().and_then(|a| a.body_as::<Value>().ok());
    let recovers = seal.as_ref().and_then(|s| s.get("recovery_seal")?.as_bool()).unwrap_or(false)
        || call.int(&RECOVERY_SHARES).is_some();
    let (shares, threshold) = (call.int(&KEY_SHARES), call.int(&KEY_THRESHOLD));
    let (recovery_shares, recovery_threshold) = (call.int(&RECOVERY_SHARES), call.int(&RECOVERY_THRESHOLD));
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| _ = body.insert(name.to_owned(), value);
    let (n, t, rn, rt);
    if recovers {
        (n, t) = (shares.unwrap_or(0), threshold.unwrap_or(0));
        (rn, rt) = (recovery_shares.unwrap_or(5), recovery_threshold.unwrap_or(3));
        set("recovery_shares", json!(rn));
        set("recovery_threshold", json!(rt));
        set("recovery_pgp_keys", json!(pgp_keys(&call.all(&RECOVERY_PGP_KEYS))?));
        // Said only where it is given: other servers do not know it.
        if call.text(&RECOVERY_OPENS).is_some() {
            set("recovery_opens_store", json!(call.on(&RECOVERY_OPENS)));
        }
    } else {
        (n, t) = (shares.unwrap_or(5), threshold.unwrap_or(3));
        (rn, rt) = (0, 0);
        set("pgp_keys", json!(pgp_keys(&call.all(&PGP_KEYS))?));
    }
    set("secret_shares", json!(n));
    set("secret_threshold", json!(t));
    if let Some(file) = call.text(&ROOT_PGP_KEY) {
        set("root_token_pgp_key", json!(pgp_key(file)?));
    }
    let answer = session.send(Request::put("sys/init", &body)).map_err(|e| e.during("Error initializing"))?;
    let made: Made = answer.body_as().map_err(|e| Failure::remote(format!("Error initializing: {e}")))?;
    let shown = Shown {
        unseal_keys_b64: &made.keys_base64,
        unseal_keys_hex: &made.keys,
        unseal_shares: n,
        unseal_threshold: t,
        recovery_keys_b64: made.recovery_keys_base64.as_deref().unwrap_or_default(),
        recovery_keys_hex: made.recovery_keys.as_deref().unwrap_or_default(),
        recovery_keys_shares: rn,
        recovery_keys_threshold: rt,
        root_token: &made.root_token,
    };
    match call.format()?.is_table() {
        true => show(call, &shown)?,
        false => call.show_structure(&shown)?,
    }
    Ok(0)
}

fn show(call: &mut Call, made: &Shown) -> Result<(), Failure> {
    for (i, share) in made.unseal_keys_b64.iter().enumerate() {
        call.say(format!("Unseal Key {}: {}", i + 1, share.expose()))?;
    }
    for (i, share) in made.recovery_keys_b64.iter().enumerate() {
        call.say(format!("Recovery Key {}: {}", i + 1, share.expose()))?;
    }
    call.say("")?;
    call.say(format!("Initial Root Token: {}", made.root_token.expose()))?;
    let product = call.brand.product();
    if made.recovery_keys_shares > 0 {
        return call.say(format!(
            "\nSuccess! {product} is initialized\n\nRecovery key initialized with {} key shares and a key threshold of {}.\nGive each share to another person: they are not shown again.",
            made.recovery_keys_shares, made.recovery_keys_threshold
        ));
    }
    call.say(format!(
        "\n{product} initialized with {} key shares and a key threshold of {}. Give\neach share to another person, over a channel that you trust: they are not\nshown again. Whenever {product} is sealed or started anew, {} of them are\nneeded to unseal it.\n\n{product} does not store the root key. Without at least {} shares it stays\nsealed for good. New shares can be made from a quorum of the present ones:\nsee \"{} operator rekey\".",
        made.unseal_shares,
        made.unseal_threshold,
        made.unseal_threshold,
        made.unseal_threshold,
        call.brand.program()
    ))
}

/// Exit code 0: initialised; 2: not; 1: nobody knows.
fn status(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session().map_err(Failure::on_this_side)?.send(Request::get("sys/init"));
    let answer = answer.map_err(|e| e.during("Error checking init status").on_this_side())?;
    let body: Value = answer.body_as().map_err(|e| Failure::local(e.to_string()))?;
    let initialised = body.get("initialized").and_then(Value::as_bool).unwrap_or(false);
    let product = call.brand.product();
    if !call.format()?.is_table() {
        call.show_structure(&json!({"initialized": initialised}))?;
    } else {
        call.say(format!("{product} is {}initialized", if initialised { "" } else { "not " }))?;
    }
    Ok(if initialised { 0 } else { 2 })
}

/// PGP keys from files, in the base64 that the API takes.
pub(super) fn pgp_keys(given: &[String]) -> Result<Vec<String>, Failure> {
    given.iter().flat_map(|g| g.split(',')).map(str::trim).filter(|f| !f.is_empty()).map(pgp_key).collect()
}

/// One key: a binary file is encoded, armour is taken off, and what is base64 already is sent as it is.
pub(super) fn pgp_key(file: &str) -> Result<String, Failure> {
    if file.starts_with("keybase:") {
        return Err(Failure::local("PGP keys are read from files alone: save the key to a file and name that."));
    }
    let file = file.strip_prefix('@').unwrap_or(file);
    let content = std::fs::read(file).map_err(|e| Failure::local(format!("Cannot read the PGP key {file}: {e}")))?;
    let Ok(text) = std::str::from_utf8(&content) else { return Ok(STANDARD.encode(content)) };
    if text.trim_start().starts_with("-----BEGIN") {
        let inside = unarmoured(text).filter(|inside| STANDARD.decode(inside).is_ok());
        return inside.ok_or_else(|| Failure::local(format!("{file} is not the armour of one PGP public key.")));
    }
    let joined: String = text.split_whitespace().collect();
    Ok(if STANDARD.decode(&joined).is_ok() { joined } else { STANDARD.encode(content) })
}

/// The base64 inside of ASCII armour (RFC 9580, section 6.2): after the headers and an empty line, without the checksum.
fn unarmoured(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
    let mut lines = text.trim().lines().map(str::trim);
    if lines.next() != Some(BEGIN) {
        return None;
    }
    let mut lines = lines.skip_while(|line| line.contains(": ")).peekable();
    lines.next_if(|line| line.is_empty());
    let mut body = String::new();
    for line in lines.by_ref().take_while(|line| *line != END) {
        if !line.starts_with('=') {
            body.push_str(line);
        }
    }
    // More after the end would be a second key, and nobody could say for whom the share is.
    lines.next().is_none().then_some(body)
}
