//! Drives the server with the crate vaultrs, unmodified, as Rust services use it. `VAULT_ADDR` and `VAULT_TOKEN` name a development
//! server. Prints "N passed, N failed".
use serde::{Deserialize, Serialize};
use std::error::Error;
use vaultrs::api::ResponseWrapper;
use vaultrs::api::auth::approle::requests::{GenerateNewSecretIDRequest, SetAppRoleRequest};
use vaultrs::api::kv2::requests::SetSecretRequestOptions;
use vaultrs::api::sys::requests::EnableEngineRequest;
use vaultrs::api::token::requests::CreateTokenRequest;
use vaultrs::auth::approle;
use vaultrs::client::{Client, VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;
use vaultrs::{kv2, sys, token};

type Done = Result<(), Box<dyn Error>>;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Login {
    user: String,
    password: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut failed = 0;
    let outcomes = [
        ("health", health().await),
        ("kv version 2", versions().await),
        ("approle", role().await),
        ("wrapping", wrapping().await),
        ("tokens", tokens().await),
    ];
    for (name, outcome) in &outcomes {
        if let Err(why) = outcome {
            failed += 1;
            println!("FAIL {name}: {why:?}");
        }
    }
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    std::process::exit(i32::from(failed > 0));
}

/// A client with the root token, or with another.
fn client(token: Option<&str>) -> Result<VaultClient, Box<dyn Error>> {
    let mut settings = VaultClientSettingsBuilder::default();
    settings.address(std::env::var("VAULT_ADDR")?);
    settings.token(match token {
        Some(token) => token.to_owned(),
        None => std::env::var("VAULT_TOKEN")?,
    });
    Ok(VaultClient::new(settings.build()?)?)
}

async fn health() -> Done {
    let health = sys::health(&client(None)?).await?;
    want(health.initialized && !health.sealed, "initialised and open")
}

async fn versions() -> Done {
    let vault = client(None)?;
    let mut options = EnableEngineRequest::builder();
    options.options([("version".to_owned(), "2".to_owned())]);
    sys::mount::enable(&vault, "rs-kv", "kv", Some(&mut options)).await?;
    let secret = |password: &str| Login { user: "ann".to_owned(), password: password.to_owned() };
    let first = kv2::set(&vault, "rs-kv", "app/db", &secret("one")).await?;
    want(first.version == 1, "the first version")?;
    kv2::set_with_options(&vault, "rs-kv", "app/db", &secret("two"), SetSecretRequestOptions { cas: 1 }).await?;
    let late = kv2::set_with_options(&vault, "rs-kv", "app/db", &secret("three"), SetSecretRequestOptions { cas: 1 }).await;
    want(refused(&late, 400), "a write with an old version is refused")?;
    want(kv2::read::<Login>(&vault, "rs-kv", "app/db").await? == secret("two"), "the newest version")?;
    want(kv2::read_version::<Login>(&vault, "rs-kv", "app/db", 1).await? == secret("one"), "the old version")?;
    want(kv2::list(&vault, "rs-kv", "app").await? == ["db"], "the list")?;
    let metadata = kv2::read_metadata(&vault, "rs-kv", "app/db").await?;
    want(metadata.current_version == 2 && metadata.versions.len() == 2, "two versions")?;
    kv2::delete_metadata(&vault, "rs-kv", "app/db").await?;
    want(refused(&kv2::read::<Login>(&vault, "rs-kv", "app/db").await, 404), "a deleted secret is not found")
}

async fn role() -> Done {
    let vault = client(None)?;
    sys::policy::set(&vault, "rs-reader", r#"path "secret/data/rs/*" { capabilities = ["read"] }"#).await?;
    sys::auth::enable(&vault, "rs-approle", "approle", None).await?;
    let mut settings = SetAppRoleRequest::builder();
    settings.token_policies(vec!["rs-reader".to_owned()]).token_ttl("10m");
    approle::role::set(&vault, "rs-approle", "app", Some(&mut settings)).await?;
    let role_id = approle::role::read_id(&vault, "rs-approle", "app").await?.role_id;
    let secret_id = approle::role::secret::generate(&vault, "rs-approle", "app", None).await?.secret_id;
    let auth = approle::login(&client(Some(""))?, "rs-approle", &role_id, &secret_id).await?;
    want(auth.lease_duration == 600, "the role's time to live")?;
    let app = client(Some(&auth.client_token))?;
    let secret = Login { user: "ann".to_owned(), password: "one".to_owned() };
    kv2::set(&vault, "secret", "rs/app", &secret).await?;
    want(kv2::read::<Login>(&app, "secret", "rs/app").await? == secret, "the role reads its secret")?;
    want(refused(&kv2::set(&app, "secret", "rs/app", &secret).await, 403), "the role may not write")
}

async fn wrapping() -> Done {
    let vault = client(None)?;
    sys::auth::enable(&vault, "rs-wrapped", "approle", None).await?;
    approle::role::set(&vault, "rs-wrapped", "app", None).await?;
    let endpoint = GenerateNewSecretIDRequest::builder().mount("rs-wrapped").role_name("app").build()?;
    let wrapped = endpoint.wrap(&vault).await?;
    want(wrapped.lookup(&vault).await?.creation_path.ends_with("role/app/secret-id"), "what is wrapped")?;
    want(!wrapped.unwrap(&vault).await?.secret_id.is_empty(), "the wrapped secret id")?;
    want(wrapped.unwrap(&vault).await.is_err(), "a second unwrapping is refused")
}

async fn tokens() -> Done {
    let vault = client(None)?;
    let mut settings = CreateTokenRequest::builder();
    settings.policies(vec!["default".to_owned()]).ttl("1h");
    let made = token::new(&vault, Some(&mut settings)).await?;
    let limited = client(Some(&made.client_token))?;
    want(limited.lookup().await?.accessor == made.accessor, "the token's accessor")?;
    want(token::lookup(&vault, &made.client_token).await?.policies == ["default"], "the token's policies")?;
    want(limited.renew(Some("30m")).await?.lease_duration == 1800, "half an hour more")?;
    token::revoke_accessor(&vault, &made.accessor).await?;
    want(refused(&limited.lookup().await, 403), "a revoked token is refused")
}

fn refused<T>(outcome: &Result<T, ClientError>, status: u16) -> bool {
    matches!(outcome, Err(ClientError::APIError { code, .. }) if *code == status)
}

fn want(holds: bool, what: &str) -> Done {
    if holds { Ok(()) } else { Err(format!("not so: {what}").into()) }
}
