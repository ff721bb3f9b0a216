//! How the broker is reached, and how its users are named.
use super::api::Api;
use super::template::{Scope, Template};
use kw_engine::{Cx, Fault, Request, Secret, Txn, View};
use kw_outbound::Url;
use serde::{Deserialize, Serialize};

const ROW: &str = "config/connection";

/// Vault's default: the display name of the token that asks, and a UUID.
const USERNAME_TEMPLATE: &str = r#"{{ printf "%s-%s" (.DisplayName) (uuid) }}"#;

/// The connection, as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) connection_uri: String,
    pub(super) username: String,
    pub(super) password: Secret<String>,
    /// Empty: the default.
    pub(super) username_template: String,
}

/// Sets how the broker's management API is reached. It is never shown again.
#[derive(Request)]
pub(super) struct Write {
    /// The management API: `http://localhost:15672`, `https://broker.example`.
    #[field(required)]
    connection_uri: String,
    /// A user with the tag `administrator`.
    #[field(required)]
    username: String,
    /// The password of that user.
    #[field(required)]
    password: Secret<String>,
    /// Whether to check the connection before it is stored.
    #[field(default = "true")]
    verify_connection: bool,
    /// How users are named; see the engine's page.
    username_template: String,
    /// The password policy that passwords are made by.
    password_policy: String,
}

pub(super) async fn write(cx: &Cx<'_>, txn: Txn<'_>, asked: Write) -> Result<(), Fault> {
    let Write { connection_uri, username, password, verify_connection, username_template, password_policy } = asked;
    for (name, missing) in [
        ("missing connection_uri", connection_uri.is_empty()),
        ("missing username", username.is_empty()),
        ("missing password", password.expose().is_empty()),
    ] {
        if missing {
            return Err(Fault::bad_request(name));
        }
    }
    if !password_policy.is_empty() {
        return Err(Fault::bad_request(
            "password_policy is not available for this engine yet: leave it away, passwords then have 36 letters and digits",
        ));
    }
    Url::parse(&connection_uri).map_err(|e| Fault::bad_request(format!("invalid connection_uri: {e}")))?;
    let connection = Connection { connection_uri, username, password, username_template };
    connection.username_for(cx, "role").map_err(Fault::bad_request)?;
    let api = Api::new(&connection)?;
    if verify_connection {
        api.check().await.map_err(|e| Fault::bad_request(format!("failed to validate the connection: {e}")))?;
    }
    txn.put(ROW, &connection)
}

impl Connection {
    /// The stored connection; `None` before it is configured.
    pub(super) async fn load(view: View<'_>) -> Result<Option<Self>, Fault> {
        view.get(ROW).await
    }

    /// A new user's name. Errors: a text that says what is wrong with the template.
    pub(super) fn username_for(&self, cx: &Cx<'_>, role_name: &str) -> Result<String, String> {
        let text = if self.username_template.is_empty() { USERNAME_TEMPLATE } else { &self.username_template };
        let display_name = cx.caller().map_or("", |c| c.display_name.as_str());
        let scope = Scope { display_name, role_name, now: cx.now(), rng: cx.rng() };
        let name = Template::parse(text).and_then(|template| template.render(&scope));
        name.map_err(|why| format!("unable to use the username template: {why}"))
    }
}
