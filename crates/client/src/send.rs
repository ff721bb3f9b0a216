//! Sending: attempts, redirects, time limits.
use crate::connect::Connection;
use crate::{Address, ApiResponse, Client, Error, Request};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::Deserialize;
use std::time::Duration;

/// An answer whose body comes piece by piece: a snapshot, or the log of `sys/monitor`.
pub struct Stream {
    body: Incoming,
    describe: (http::Method, String),
    // Held so that the connection lives as long as its body.
    _connection: Connection,
}

impl Stream {
    /// The next piece; `None` at the end.
    ///
    /// Errors: [`Error::Transport`] where the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|e| transport(&self.describe, e, true))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl Client {
    /// Sends a request and reads the answer.
    ///
    /// Errors: [`Error::Api`] for a status of 400 and above (and for 3xx that are not followed), [`Error::Transport`] for no answer.
    pub async fn send(&self, request: Request) -> Result<ApiResponse, Error> {
        let (status, body) = self.send_raw(&request).await?;
        if status >= 300 {
            return Err(self.refusal(&request, status, &body));
        }
        Ok(ApiResponse::parse(status, body))
    }

    /// Sends a request and returns its status and body whatever they are: for `sys/health`, whose status is its answer.
    ///
    /// Errors: [`Error::Transport`] for no answer.
    pub async fn send_raw(&self, request: &Request) -> Result<(u16, Bytes), Error> {
        let mut attempt = 0;
        loop {
            let outcome = match tokio::time::timeout(self.config.timeout, self.attempt(request)).await {
                Ok(outcome) => outcome,
                // Whoever set the limit wants to know at this time, and not three times as late.
                Err(_elapsed) => return Err(late(&self.describe(request))),
            };
            let (again, wait) = match &outcome {
                Ok((status, _, wait)) => (is_transient(*status), *wait),
                // What may have arrived is only repeated where repeating it changes nothing.
                Err(Error::Transport { sent, method, .. }) => (!sent || method == http::Method::GET, None),
                Err(_) => (false, None),
            };
            if !again || attempt >= self.config.retries_max {
                return outcome.map(|(status, body, _)| (status, body));
            }
            attempt += 1;
            let pause = self.config.retry_wait.mul_f64(1.5_f64.powi(i32::try_from(attempt).unwrap_or(1) - 1));
            tokio::time::sleep(wait.unwrap_or(pause)).await;
        }
    }

    /// Sends a request once and hands the body on as it comes. The time limit covers the head of the answer alone.
    ///
    /// Errors: as [`Client::send`].
    pub async fn stream(&self, request: &Request) -> Result<Stream, Error> {
        let describe = self.describe(request);
        let started = tokio::time::timeout(self.config.timeout, self.exchange(request));
        let (response, connection) = started.await.map_err(|_elapsed| late(&describe))??;
        let status = response.status().as_u16();
        if status >= 300 {
            let body = response.into_body().collect().await.map_err(|e| transport(&describe, e, true))?;
            return Err(self.refusal(request, status, &body.to_bytes()));
        }
        Ok(Stream { body: response.into_body(), describe, _connection: connection })
    }

    async fn attempt(&self, request: &Request) -> Result<(u16, Bytes, Option<Duration>), Error> {
        let (response, connection) = self.exchange(request).await?;
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let body = response.into_body().collect().await;
        let body = body.map_err(|e| transport(&self.describe(request), e, true))?.to_bytes();
        self.pool.keep(connection);
        // A server that asks for a pause gets one, but not one that looks like a hang.
        Ok((status, body, wait.map(|seconds: u64| Duration::from_secs(seconds.min(30)))))
    }

    /// One request and the head of its answer, after at most one redirect.
    async fn exchange(&self, request: &Request) -> Result<(http::Response<Incoming>, Connection), Error> {
        let describe = self.describe(request);
        let address = &self.config.address;
        let target = address.target(&request.path_and_query());
        let mut connection = self.pool.take(address).await.map_err(|e| transport(&describe, e, false))?;
        let response = match connection.send_request(self.head(request, address, &target)?).await {
            // The server closed an idle connection just now; the request never left.
            Err(e) if e.is_canceled() => {
                connection = self.pool.open(address).await.map_err(|e| transport(&describe, e, false))?;
                connection.send_request(self.head(request, address, &target)?).await
            }
            other => other,
        };
        let response = response.map_err(|e| transport(&describe, e, true))?;
        match self.redirect(&response)? {
            None => Ok((response, connection)),
            Some((address, target)) => {
                let mut connection = self.pool.open(&address).await.map_err(|e| transport(&describe, e, false))?;
                let response = connection.send_request(self.head(request, &address, &target)?).await;
                Ok((response.map_err(|e| transport(&describe, e, true))?, connection))
            }
        }
    }

    /// Where an answer sends us: another node of the same cluster. The method and body stay.
    fn redirect(&self, response: &http::Response<Incoming>) -> Result<Option<(Address, String)>, Error> {
        if !self.config.follow_redirects || !matches!(response.status().as_u16(), 301 | 302 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()) else { return Ok(None) };
        if location.starts_with('/') {
            return Ok(Some((self.config.address.clone(), location.to_owned())));
        }
        let uri: http::Uri = location.parse().map_err(|_| Error::Decode { what: "redirect" })?;
        let to = Address::parse(location)?;
        let leaves_tls = matches!(self.config.address, Address::Tcp { tls: true, .. })
            && matches!(to, Address::Tcp { tls: false, .. });
        if leaves_tls {
            return Err(Error::config(
                "the server redirects from TLS to plain HTTP, which would show the token; refused",
            ));
        }
        Ok(Some((to, uri.path_and_query().map_or("/", |p| p.as_str()).to_owned())))
    }

    fn head(&self, request: &Request, to: &Address, target: &str) -> Result<http::Request<Full<Bytes>>, Error> {
        let body = request.body.as_ref().map(|b| Bytes::copy_from_slice(b.expose())).unwrap_or_default();
        let mut head = http::Request::builder().method(request.method.clone()).uri(target).body(Full::new(body));
        let head = head.as_mut().map_err(|_| Error::config("the path cannot be sent"))?;
        let headers = head.headers_mut();
        headers.insert(HOST, value(&to.authority())?);
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.content_type));
        }
        if let Some(token) = request.token.as_ref().or(self.config.token.as_ref()).filter(|t| !t.expose().is_empty()) {
            let mut token = value(token.expose())?;
            token.set_sensitive(true);
            headers.insert("x-vault-token", token);
        }
        if let Some(namespace) = &self.config.namespace {
            headers.insert("x-vault-namespace", value(namespace)?);
        }
        if let Some(ttl) = &request.wrap_ttl {
            headers.insert("x-vault-wrap-ttl", value(ttl)?);
        }
        for (name, text) in self.config.headers.iter().chain(&request.headers) {
            let name: HeaderName = name.parse().map_err(|_| Error::config("a header's name is not valid"))?;
            headers.append(name, value(text)?);
        }
        Ok(std::mem::take(head))
    }

    fn describe(&self, request: &Request) -> (http::Method, String) {
        (request.method.clone(), self.config.address.url(&request.path_and_query()))
    }

    pub(crate) fn refusal(&self, request: &Request, status: u16, body: &Bytes) -> Error {
        let (method, url) = self.describe(request);
        let errors = match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { errors: Some(errors), .. }) => Ok(errors),
            // A path that is wrong in a way that the engine knows of is explained by a warning.
            Ok(Refusal { warnings: Some(warnings), .. }) => Ok(warnings),
            _ => Err(String::from_utf8_lossy(body).into_owned()),
        };
        Error::Api { method, url, namespace: self.config.namespace.clone(), status, errors }
    }
}

/// The two forms in which a refusal says why.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Option<Vec<String>>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// Whether the same request may succeed soon: a node that has not caught up (412), or trouble on the server's side.
fn is_transient(status: u16) -> bool {
    status == 412 || (status >= 500 && status != 501)
}

fn value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::config("a token, namespace or header holds characters that HTTP cannot carry"))
}

fn late(describe: &(http::Method, String)) -> Error {
    transport(describe, "the time is up before an answer came", true)
}

fn transport(describe: &(http::Method, String), cause: impl std::fmt::Display, sent: bool) -> Error {
    Error::Transport { method: describe.0.clone(), url: describe.1.clone(), cause: cause.to_string(), sent }
}
