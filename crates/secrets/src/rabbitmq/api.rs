//! The broker's management API, as far as users need it. See "RabbitMQ Management HTTP API", served by each broker at `/api/`.
use super::connection::Connection;
use super::roles::{Permission, TopicPermission};
use kw_engine::{Fault, Secret};
use kw_outbound::{Client, Error, Guard, Options, Request, Url};
use serde::Serialize;
use std::fmt;

/// A client for one broker, as its administrator.
pub(super) struct Api {
    client: Client,
    base: Url,
    username: String,
    password: Secret<String>,
}

/// Why the broker did not do it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It could not be asked.
    Unreached(Error),
    /// It answered this status.
    Status(u16),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) => error.fmt(f),
            Self::Status(401) => f.write_str("the broker does not know this user and password (401)"),
            Self::Status(status) => write!(f, "the broker answered {status}"),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unreached(error)
    }
}

#[derive(Serialize)]
struct NewUser<'a> {
    password: &'a Secret<String>,
    tags: &'a str,
}

#[derive(Serialize)]
struct NewTopicPermission<'a> {
    exchange: &'a str,
    #[serde(flatten)]
    permission: &'a TopicPermission,
}

impl Api {
    /// Nothing is sent yet. Errors: 400 for a connection that cannot be used.
    pub(super) fn new(connection: &Connection) -> Result<Self, Fault> {
        let fault = |e: Error| Fault::bad_request(format!("the connection cannot be used: {e}"));
        // An operator with the right to write config/connection names the target, and brokers are mostly on private networks.
        let client = Client::new(Options::new(Guard::OPERATOR)).map_err(fault)?;
        let base = Url::parse(&connection.connection_uri).map_err(fault)?;
        let api = Self { client, base, username: connection.username.clone(), password: connection.password.clone() };
        api.signed(Request::get(api.base.clone())).map_err(fault)?;
        Ok(api)
    }

    /// Whether the broker is there and lets us list its users, which only an administrator may.
    pub(super) async fn check(&self) -> Result<(), Refusal> {
        self.ask(Request::get(self.base.at(&["api", "users"])), &[]).await
    }

    pub(super) async fn put_user(&self, name: &str, password: &Secret<String>, tags: &str) -> Result<(), Refusal> {
        let url = self.base.at(&["api", "users", name]);
        self.ask(Request::put(url).json(&NewUser { password, tags })?, &[]).await
    }

    pub(super) async fn put_permission(&self, vhost: &str, name: &str, permission: &Permission) -> Result<(), Refusal> {
        let url = self.base.at(&["api", "permissions", vhost, name]);
        self.ask(Request::put(url).json(permission)?, &[]).await
    }

    pub(super) async fn put_topic_permission(
        &self,
        vhost: &str,
        name: &str,
        exchange: &str,
        permission: &TopicPermission,
    ) -> Result<(), Refusal> {
        let url = self.base.at(&["api", "topic-permissions", vhost, name]);
        self.ask(Request::put(url).json(&NewTopicPermission { exchange, permission })?, &[]).await
    }

    /// Its permissions go with it, and the broker closes its connections. A user who is not there is success.
    pub(super) async fn delete_user(&self, name: &str) -> Result<(), Refusal> {
        self.ask(Request::delete(self.base.at(&["api", "users", name])), &[404]).await
    }

    /// Sends; any 2xx is success, and so are the statuses in `also`.
    async fn ask(&self, request: Request, also: &[u16]) -> Result<(), Refusal> {
        let status = self.client.send(self.signed(request)?).await?.status;
        if status.is_success() || also.contains(&status.as_u16()) {
            Ok(())
        } else {
            Err(Refusal::Status(status.as_u16()))
        }
    }

    fn signed(&self, request: Request) -> Result<Request, Error> {
        request.basic_auth(&self.username, &self.password)
    }
}
