//! Seals of the configuration and the environment, made.
//!
//! As in Vault and OpenBao a variable of the environment counts before the configuration; except for the address and the token
//! of a transit seal and what belongs to them, whose variables are those of the command line: they count only where the
//! configuration says nothing, so that a shell that is set up for one server does not redirect the seal of another.
use crate::config::{Config, SealKind, SealStanza};
use kw_barrier::SystemRng;
use kw_barrier::seal::{Seal, SealMember, SealSet};
use kw_cli::Environment;
use kw_seals::{
    OaepHash, Pkcs11, Pkcs11Mechanism, Pkcs11Options, StaticKey, StaticKeyOptions, Transit, TransitOptions,
};
use kw_types::{Secret, SystemClock, Ttl};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a key service may take to answer, where nothing else is set.
const TIME_MAX: Duration = Duration::from_secs(15);

/// All seals. Errors: what is wrong with one of them, with its place; no value is quoted.
pub(crate) fn of(config: &Config, env: &Environment) -> Result<SealSet, String> {
    let mut stanzas = config.seals.clone();
    if let Some(word) = env.own("SEAL_TYPE").filter(|word| *word != "shamir")
        && stanzas.is_empty()
    {
        let kind = SealKind::parse(word).ok_or("the variable SEAL_TYPE names a seal type that is not supported")?;
        stanzas.push(SealStanza::of_environment(kind));
    }
    let (mut enabled, mut disabled) = (Vec::new(), Vec::new());
    for stanza in &stanzas {
        let place = || format!("{}:{}: seal {:?}", stanza.file, stanza.line, stanza.name);
        let seal = make(stanza, env).map_err(|why| format!("{}: {why}", place()))?;
        let members = if stanza.disabled { &mut disabled } else { &mut enabled };
        members.push(SealMember::new(stanza.name.clone(), stanza.priority, seal));
    }
    Ok(SealSet::new(enabled, disabled))
}

fn make(stanza: &SealStanza, env: &Environment) -> Result<Arc<dyn Seal>, String> {
    let settings = Settings { stanza, env };
    Ok(match stanza.kind {
        SealKind::Static => Arc::new(static_key(&settings)?),
        SealKind::Transit => Arc::new(transit(&settings)?),
        SealKind::Pkcs11 => Arc::new(pkcs11(&settings)?),
    })
}

/// A stanza and what the environment says instead.
struct Settings<'a> {
    stanza: &'a SealStanza,
    env: &'a Environment,
}

impl Settings<'_> {
    /// Of the stanza alone.
    fn written(&self, key: &str) -> Option<&str> {
        self.stanza.settings.get(key).map(|text| text.expose().as_str())
    }

    /// The environment's first. With two stanzas of one kind a variable would mean both, so it means the one in force.
    fn get(&self, key: &str, variable: &str) -> Option<&str> {
        let of_env = self.env.own(variable).filter(|_| !self.stanza.disabled);
        of_env.or_else(|| self.written(key))
    }

    /// The stanza's first.
    fn written_or(&self, key: &str, variable: &str) -> Option<&str> {
        self.written(key).or_else(|| self.env.own(variable))
    }

    fn need(&self, key: &str, variable: &str) -> Result<&str, String> {
        self.get(key, variable).ok_or_else(|| format!("{key} must be set"))
    }

    fn time_max(&self) -> Result<Duration, String> {
        let Some(text) = self.written("timeout") else { return Ok(TIME_MAX) };
        let ttl = Ttl::parse(text).ok().filter(|ttl| !ttl.is_zero());
        ttl.map(|ttl| Duration::from_secs(ttl.seconds()))
            .ok_or_else(|| "timeout must be a duration such as \"15s\"".to_owned())
    }
}

fn is_on(text: Option<&str>, key: &str) -> Result<bool, String> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "0" | "f") => Ok(false),
        Some("true" | "1" | "t") => Ok(true),
        Some(_) => Err(format!("{key} must be true or false")),
    }
}

fn static_key(settings: &Settings<'_>) -> Result<StaticKey, String> {
    let read = |setting: &str| StaticKeyOptions::read_key(setting, |name| settings.env.other(name).map(str::to_owned));
    let id = settings.get("previous_key_id", "STATIC_SEAL_PREVIOUS_KEY_ID");
    let previous = match (id, settings.get("previous_key", "STATIC_SEAL_PREVIOUS_KEY")) {
        (None, None) => None,
        (Some(id), Some(key)) => Some((id.to_owned(), read(key).map_err(|why| format!("previous_key: {why}"))?)),
        _ => return Err("previous_key and previous_key_id go together".to_owned()),
    };
    let options = StaticKeyOptions {
        current_key_id: settings.need("current_key_id", "STATIC_SEAL_CURRENT_KEY_ID")?.to_owned(),
        current_key: read(settings.need("current_key", "STATIC_SEAL_CURRENT_KEY")?)
            .map_err(|why| format!("current_key: {why}"))?,
        previous,
    };
    StaticKey::new(options, Arc::new(SystemRng))
}

fn transit(settings: &Settings<'_>) -> Result<Transit, String> {
    for key in ["tls_client_cert", "tls_client_key", "tls_server_name"] {
        if settings.written(key).is_some() {
            return Err(format!(
                "{key} is not supported: the transit server is reached by its own name and with a token"
            ));
        }
    }
    if is_on(settings.written("tls_skip_verify"), "tls_skip_verify")? {
        return Err("tls_skip_verify is not supported: whoever answered could decrypt the store's key; name the server's CA in tls_ca_cert".to_owned());
    }
    let ca_pem = match settings.written_or("tls_ca_cert", "CACERT") {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|e| format!("tls_ca_cert: {path}: {e}"))?),
    };
    let missing = |key: &str| format!("{key} must be set");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let options = TransitOptions {
        address: settings.written_or("address", "ADDR").ok_or_else(|| missing("address"))?.to_owned(),
        token: Secret::new(settings.written_or("token", "TOKEN").ok_or_else(|| missing("token"))?.to_owned()),
        key_name: settings.need("key_name", "TRANSIT_SEAL_KEY_NAME")?.to_owned(),
        mount_path: settings.need("mount_path", "TRANSIT_SEAL_MOUNT_PATH")?.to_owned(),
        namespace: text(settings.written_or("namespace", "NAMESPACE")),
        key_id_prefix: text(settings.get("key_id_prefix", "TRANSIT_SEAL_KEY_ID_PREFIX")),
        disable_renewal: is_on(settings.get("disable_renewal", "TRANSIT_SEAL_DISABLE_RENEWAL"), "disable_renewal")?,
        ca_pem,
        time_max: settings.time_max()?,
    };
    Transit::new(options, Arc::new(SystemClock))
}

fn pkcs11(settings: &Settings<'_>) -> Result<Pkcs11, String> {
    let mechanism = match settings.get("mechanism", "HSM_MECHANISM") {
        None => None,
        Some(text) => Some(
            Pkcs11Mechanism::parse(text).ok_or("mechanism must be CKM_AES_GCM (0x1087) or CKM_RSA_PKCS_OAEP (0x9)")?,
        ),
    };
    let oaep_hash = match settings.get("rsa_oaep_hash", "HSM_RSA_OAEP_HASH") {
        None => OaepHash::default(),
        Some(text) => OaepHash::parse(text).ok_or("rsa_oaep_hash must be sha1, sha224, sha256, sha384 or sha512")?,
    };
    let slot = settings.get("slot", "HSM_SLOT").map(|text| number(text).ok_or("slot must be a number"));
    let key_id = settings
        .get("key_id", "HSM_KEY_ID")
        .map(|text| hex::decode(text.trim_start_matches("0x")).map_err(|_| "key_id must be in hex, as in \"0x01ab\""));
    let label = settings.get("key_label", "HSM_KEY_LABEL");
    let options = Pkcs11Options {
        lib: PathBuf::from(settings.need("lib", "HSM_LIB")?),
        slot: slot.transpose()?,
        token_label: settings.get("token_label", "HSM_TOKEN_LABEL").map(str::to_owned),
        pin: Secret::new(settings.need("pin", "HSM_PIN")?.to_owned()),
        key_label: label
            .or_else(|| settings.get("default_key_label", "HSM_DEFAULT_KEY_LABEL"))
            .unwrap_or_default()
            .to_owned(),
        key_id: key_id.transpose()?,
        mechanism,
        oaep_hash,
        generate_key: is_on(settings.get("generate_key", "HSM_GENERATE_KEY"), "generate_key")?,
        time_max: settings.time_max()?,
    };
    Pkcs11::new(options, Arc::new(SystemRng))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
