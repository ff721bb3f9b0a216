//! The seal whose key is in the transit engine of another server: Keywright's, OpenBao's or Vault's, by the same HTTP API.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use kw_barrier::UnsealKey;
use kw_barrier::seal::{Seal, SealError, WrappedKey};
use kw_outbound::{Answer, Client, Guard, HeaderName, HeaderValue, Options, Request, Url};
use kw_types::{Clock, Secret, Time, Ttl};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Which server and key.
#[derive(Clone, Debug)]
pub struct TransitOptions {
    /// Such as `https://vault.example.com:8200`.
    pub address: String,
    pub token: Secret<String>,
    pub key_name: String,
    /// Such as `transit/`.
    pub mount_path: String,
    /// Empty for none.
    pub namespace: String,
    /// Put before the key's version, to tell apart the keys of several servers.
    pub key_id_prefix: String,
    /// Whether the token is somebody else's to renew.
    pub disable_renewal: bool,
    /// CA certificates in PEM in place of the system's.
    pub ca_pem: Option<String>,
    /// How long a call may take.
    pub time_max: Duration,
}

/// A key of another server.
pub struct Transit {
    client: Client,
    base: Url,
    token: HeaderValue,
    namespace: Option<HeaderValue>,
    options: TransitOptions,
    clock: Arc<dyn Clock>,
    /// When the token is to be looked after again.
    renew_at: Mutex<Time>,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Secret<String>,
}

#[derive(Deserialize)]
struct LookedUp {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

/// A token that does not run out, or cannot be renewed, is looked at again after this.
const LOOK_AGAIN: Ttl = Ttl::from_hours(1);

impl Transit {
    /// Errors: an address, token, namespace or CA that cannot be used; a key that is not named.
    pub fn new(options: TransitOptions, clock: Arc<dyn Clock>) -> Result<Self, String> {
        if options.key_name.is_empty() || options.mount_path.trim_matches('/').is_empty() {
            return Err("a transit seal needs key_name and mount_path".to_owned());
        }
        let base = Url::parse(&options.address).map_err(|e| format!("address: {e}"))?;
        let mut token = HeaderValue::from_str(options.token.expose())
            .ok()
            .filter(|token| !token.is_empty())
            .ok_or("a transit seal needs a token")?;
        token.set_sensitive(true);
        let namespace = options.namespace.trim_matches('/');
        let namespace = if namespace.is_empty() {
            None
        } else {
            Some(HeaderValue::from_str(namespace).map_err(|_| "namespace: it cannot be sent")?)
        };
        let guarded =
            Options { ca_pem: options.ca_pem.clone(), time_max: options.time_max, ..Options::new(Guard::OPERATOR) };
        let client = Client::new(guarded).map_err(|e| e.to_string())?;
        Ok(Self { client, base, token, namespace, options, clock, renew_at: Mutex::new(Time::ZERO) })
    }

    async fn encrypt(&self, key: &UnsealKey) -> Result<WrappedKey, SealError> {
        let plaintext = Secret::new(STANDARD.encode(key.expose()));
        let body = Encrypt { plaintext: plaintext.expose() };
        let done: Data<Encrypted> = self.post(&self.key_path("encrypt"), &body).await?;
        let ciphertext = done.data.ciphertext;
        // `vault:v3:...`: the version in the middle says which key it was.
        let version =
            ciphertext.split(':').nth(1).ok_or_else(|| said("the answer holds no ciphertext of transit's"))?;
        let key_id = format!("{}{}:{version}", self.options.key_id_prefix, self.options.key_name);
        Ok(WrappedKey { key_id, content: ciphertext.into_bytes() })
    }

    async fn decrypt(&self, wrapped: &WrappedKey) -> Result<UnsealKey, SealError> {
        let ciphertext = std::str::from_utf8(&wrapped.content).map_err(|_| SealError::WrongKey)?;
        let done: Data<Decrypted> = self.post(&self.key_path("decrypt"), &Decrypt { ciphertext }).await?;
        let key = Secret::new(STANDARD.decode(done.data.plaintext.expose()).map_err(|_| SealError::WrongKey)?);
        UnsealKey::from_slice(key.expose()).ok_or(SealError::WrongKey)
    }

    /// Renews the token once half of its time is over.
    async fn renew(&self) -> Result<(), SealError> {
        let now = self.clock.now();
        if self.options.disable_renewal || now < *self.renew_at.lock() {
            return Ok(());
        }
        let looked: Data<LookedUp> = self.call(Request::get(self.url(&["auth", "token", "lookup-self"]))).await?;
        let mut left = looked.data.ttl;
        if left > 0 && looked.data.renewable {
            #[derive(Deserialize)]
            struct Renewed {
                auth: Auth,
            }
            #[derive(Deserialize)]
            struct Auth {
                #[serde(default)]
                lease_duration: u64,
            }
            let renewed: Renewed =
                self.post(&self.url(&["auth", "token", "renew-self"]), &serde_json::json!({})).await?;
            left = renewed.auth.lease_duration;
        } else if left > 0 {
            tracing::warn!(seconds_left = left, "the token of the transit seal runs out and cannot be renewed");
        }
        let next = if left == 0 { LOOK_AGAIN } else { Ttl::from_seconds(left / 2).capped(LOOK_AGAIN) };
        *self.renew_at.lock() = now.plus(next);
        Ok(())
    }

    fn key_path(&self, operation: &str) -> Url {
        let mut path: Vec<&str> = self.options.mount_path.split('/').filter(|part| !part.is_empty()).collect();
        path.extend([operation, self.options.key_name.as_str()]);
        self.url(&path)
    }

    fn url(&self, path: &[&str]) -> Url {
        let whole: Vec<&str> = std::iter::once("v1").chain(path.iter().copied()).collect();
        self.base.at(&whole)
    }

    async fn post<T: for<'de> Deserialize<'de>>(&self, url: &Url, body: &impl Serialize) -> Result<T, SealError> {
        self.call(Request::post(url.clone()).json(body).map_err(said)?).await
    }

    async fn call<T: for<'de> Deserialize<'de>>(&self, request: Request) -> Result<T, SealError> {
        let mut request = request
            .header(HeaderName::from_static("x-vault-token"), self.token.clone())
            .header(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            request = request.header(HeaderName::from_static("x-vault-namespace"), namespace.clone());
        }
        let answer = self.client.send(request).await.map_err(said)?;
        if !answer.status.is_success() {
            return Err(said(refusal(&answer)));
        }
        answer.json().map_err(said)
    }
}

impl Seal for Transit {
    fn kind(&self) -> &'static str {
        "transit"
    }

    fn wrap<'a>(&'a self, key: &'a UnsealKey) -> BoxFuture<'a, Result<WrappedKey, SealError>> {
        Box::pin(self.encrypt(key))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<UnsealKey, SealError>> {
        Box::pin(self.decrypt(wrapped))
    }

    fn tend(&self) -> BoxFuture<'_, Result<(), SealError>> {
        Box::pin(self.renew())
    }
}

/// What the server said. Its texts hold no secret; they are cut, since it may be anything that listens there.
fn refusal(answer: &Answer) -> String {
    const LEN_MAX: usize = 200;
    let errors = answer.json::<Errors>().map(|body| body.errors.join("; ")).unwrap_or_default();
    let text: String = errors.chars().filter(|c| !c.is_control()).take(LEN_MAX).collect();
    format!("it answered {}: {text}", answer.status.as_u16())
}

fn said(why: impl std::fmt::Display) -> SealError {
    SealError::Service(format!("the transit server: {why}"))
}
