//! The way to the server, put together from flags, environment and token helper.
mod dry_run;
mod hint;

use crate::Brand;
use crate::call::Call;
use crate::failure::{CallError, Failure};
use crate::{flags, parse, token_helper};
use dry_run::DryRun;
use kw_client::{ApiResponse, Client, Config, KvMount, Request, Stream, TlsOptions};
use kw_types::{Secret, Ttl};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A client, and the runtime that it needs.
pub(crate) struct Session {
    client: Client,
    runtime: Runtime,
    dry_run: Option<DryRun>,
    wrap_ttl: Option<String>,
    brand: Brand,
}

impl Session {
    /// Reads flags, environment, TLS files and the token; connects to nothing.
    pub(crate) fn new(call: &Call) -> Result<Self, Failure> {
        let config = config(call)?;
        let client = Client::new(config).map_err(|e| Failure::local_as_remote(e.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Failure::local(format!("Cannot start the runtime: {e}")))?;
        let dry_run = if call.on(&flags::OUTPUT_CURL) {
            Some(DryRun::Curl)
        } else if call.on(&flags::OUTPUT_POLICY) {
            Some(DryRun::Policy)
        } else {
            None
        };
        let wrap_ttl = call.text(&flags::WRAP_TTL).map(str::to_owned);
        Ok(Self { client, runtime, dry_run, wrap_ttl, brand: call.brand })
    }

    /// Sends one request.
    pub(crate) fn send(&self, request: Request) -> Result<ApiResponse, CallError> {
        let request = self.prepare(request)?;
        self.wait(self.client.send(request))
    }

    /// Sends one request whose 404 means that nothing is there.
    pub(crate) fn find(&self, request: Request) -> Result<Option<ApiResponse>, CallError> {
        let request = self.prepare(request)?;
        self.wait(self.client.find(request))
    }

    /// Sends one request whose answer is long.
    pub(crate) fn stream(&self, request: Request) -> Result<Stream, CallError> {
        let request = self.prepare(request)?;
        self.wait(self.client.stream(&request))
    }

    /// The next piece of such an answer.
    pub(crate) fn next(&self, stream: &mut Stream) -> Result<Option<Vec<u8>>, CallError> {
        self.wait(stream.next()).map(|piece| piece.map(|bytes| bytes.to_vec()))
    }

    /// Finds the key-value mount of a path. This is asked even in a dry run: the request to show depends on the answer.
    pub(crate) fn kv_mount(&self, path: &str) -> Result<KvMount, CallError> {
        self.wait(self.client.kv_mount(path))
    }

    /// Lets time pass, as `debug` does between its samples.
    pub(crate) fn sleep(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// The token in use.
    pub(crate) fn token(&self) -> Option<&Secret<String>> {
        self.client.config().token.as_ref()
    }

    /// This session with another token, without wrapping.
    pub(crate) fn with_token(self, token: Secret<String>) -> Self {
        Self { client: self.client.with_token(Some(token)), wrap_ttl: None, ..self }
    }

    /// This session without wrapping.
    pub(crate) fn unwrapped(self) -> Self {
        Self { wrap_ttl: None, ..self }
    }

    /// Whether answers come wrapped.
    pub(crate) fn wraps(&self) -> bool {
        self.wrap_ttl.is_some()
    }

    fn prepare(&self, mut request: Request) -> Result<Request, CallError> {
        if let Some(ttl) = &self.wrap_ttl {
            request = request.wrap_ttl(ttl);
        }
        match &self.dry_run {
            None => Ok(request),
            Some(kind) => Err(CallError::DryRun(kind.show(&request, self.client.config(), self.brand))),
        }
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, kw_client::Error>>) -> Result<T, CallError> {
        self.runtime.block_on(call).map_err(|error| {
            let hint = hint::for_error(&error, self.token().is_some(), self.brand);
            CallError::Client(Box::new(error), hint)
        })
    }
}

fn config(call: &Call) -> Result<Config, Failure> {
    let address = call.text_or(&flags::ADDRESS, "https://127.0.0.1:8200");
    let mut config = Config::new(address).map_err(|e| Failure::local(e.to_string()))?;
    config.tls = tls(call);
    config.namespace = call.text(&flags::NAMESPACE).map(|n| format!("{}/", n.trim_matches('/')));
    config.namespace = config.namespace.filter(|n| n != "/");
    config.headers = headers(call)?;
    config.follow_redirects = !call.on(&flags::DISABLE_REDIRECTS);
    // A person at a terminal would rather see an error than wait for repetitions; a script says how many it wants.
    config.retries_max =
        call.env.own("MAX_RETRIES").map_or(Ok(0), str::parse).map_err(|_| not_valid(call, "MAX_RETRIES"))?;
    if let Some(timeout) = call.env.own("CLIENT_TIMEOUT") {
        let timeout = Ttl::parse(timeout).map_err(|_| not_valid(call, "CLIENT_TIMEOUT"))?;
        if !timeout.is_zero() {
            config.timeout = Duration::from_secs(timeout.seconds());
        }
    }
    config.token = match call.env.own("TOKEN") {
        Some(token) => Some(Secret::new(token.trim().to_owned())),
        None => token_helper::TokenHelper::find(call.env)?.get()?,
    };
    Ok(config)
}

fn not_valid(call: &Call, suffix: &str) -> Failure {
    let name = call.env.own_with_name(suffix).map_or(suffix.to_owned(), |(name, _)| name);
    Failure::local(format!("The environment variable {name} has no valid value."))
}

fn tls(call: &Call) -> TlsOptions {
    let path = |flag| call.text(flag).map(PathBuf::from);
    TlsOptions {
        // What is typed counts before the environment.
        ca_pem: call.env.own("CACERT_BYTES").filter(|_| call.all(&flags::CA_CERT).is_empty()).map(str::to_owned),
        ca_file: path(&flags::CA_CERT),
        ca_directory: path(&flags::CA_PATH),
        client_certificate: path(&flags::CLIENT_CERT),
        client_key: path(&flags::CLIENT_KEY),
        server_name: call.text(&flags::TLS_SERVER_NAME).map(str::to_owned),
        skip_verify: call.text(&flags::TLS_SKIP_VERIFY).and_then(parse::boolean).unwrap_or(false),
    }
}

fn headers(call: &Call) -> Result<Vec<(String, String)>, Failure> {
    let mut headers: Vec<_> = call.pairs(&flags::HEADER).into_iter().collect();
    if headers.iter().any(|(name, _)| name.trim().to_ascii_lowercase().starts_with("x-vault-")) {
        return Err(Failure::local(
            "Headers that begin with X-Vault- are the client's own; use the flag for what you want to set.",
        ));
    }
    let mut factors = call.all(&flags::MFA);
    if factors.is_empty() {
        factors.extend(call.env.own("MFA").map(str::to_owned));
    }
    headers.extend(factors.into_iter().map(|f| ("X-Vault-MFA".to_owned(), f)));
    if call.on(&flags::POLICY_OVERRIDE) {
        headers.push(("X-Vault-Policy-Override".to_owned(), "true".to_owned()));
    }
    Ok(headers)
}
