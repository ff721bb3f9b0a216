//! What a server typically does, for the compiler to learn from: `cargo xtask release` has a server with counters answer this, and
//! builds it again with what was counted.
use kw_client::{Client, Config, Error, Request};
use kw_types::Secret;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const USAGE: &str = "usage: VAULT_ADDR=URL VAULT_TOKEN=ROOT-TOKEN train [--requests N]";

/// How many requests are under way at once.
const CONNECTIONS: usize = 32;

const POLICY: &str = r#"
path "train/*" { capabilities = ["create", "read", "update", "list"] }
path "train/data/team-+/x" { capabilities = ["read"] }
path "other/{{identity.entity.id}}/*" { capabilities = ["read"] }
"#;

/// Requests of one sort.
struct Load {
    name: &'static str,
    /// How many of them for each read.
    share: f64,
    /// The status that is right.
    status: u16,
    /// The n-th request.
    make: Arc<dyn Fn(u64) -> Request + Send + Sync>,
}

impl Load {
    fn new(name: &'static str, share: f64, status: u16, make: impl Fn(u64) -> Request + Send + Sync + 'static) -> Self {
        Self { name, share, status, make: Arc::new(make) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().collect();
    let requests: u64 = match given.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_] => 20_000,
        [_, "--requests", count] => count.parse().map_err(|_| USAGE)?,
        _ => return Err(USAGE.into()),
    };
    let (address, token) = variable("VAULT_ADDR").zip(variable("VAULT_TOKEN")).ok_or(USAGE)?;
    let mut config = Config::new(&address)?;
    // A server on this machine, with a certificate of its own making.
    config.tls.skip_verify = true;
    config.token = Some(Secret::new(token));
    let root = Client::new(config)?;
    let (user, credentials) = prepare(&root).await?;
    for load in loads(&user, &credentials) {
        send(&load, (requests as f64 * load.share) as u64, &user).await?;
    }
    // What is rarer, so that it does not count as never done.
    for round in 0..requests.div_ceil(200) {
        rarer(&root, round).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the environment is all the configuration that this program has")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Makes what the requests need: a client with a token of a login, and what it logs in with.
async fn prepare(root: &Client) -> Result<(Client, Value), Error> {
    root.write("sys/mounts/train", &json!({"type": "kv", "options": {"version": "2"}})).await?;
    root.write("sys/auth/train", &json!({"type": "approle"})).await?;
    root.write("sys/policies/acl/train", &json!({"policy": POLICY})).await?;
    root.write("auth/train/role/app", &json!({"token_policies": "train", "token_ttl": "10m"})).await?;
    root.write("train/data/app/db", &json!({"data": {"user": "u", "password": "s3cr3t"}})).await?;
    let text = |answer: &kw_client::ApiResponse, name: &str| {
        answer.field(name).and_then(|field| field.as_str()).unwrap_or_default().to_owned()
    };
    let role_id = root.read("auth/train/role/app/role-id").await?.map(|found| text(&found, "role_id"));
    let secret_id = text(&root.write("auth/train/role/app/secret-id", &json!({})).await?, "secret_id");
    let credentials = json!({"role_id": role_id, "secret_id": secret_id});
    let login = root.write("auth/train/login", &credentials).await?;
    Ok((root.with_token(login.auth.map(|auth| auth.client_token)), credentials))
}

/// What a server is asked most.
fn loads(user: &Client, credentials: &Value) -> Vec<Load> {
    let paths = json!({"paths": ["train/data/app/db"], "token": user.config().token});
    let login = Request::post("auth/train/login", credentials);
    let write = |n: u64| {
        let data = json!({"data": {"user": "u", "password": format!("p{n}")}});
        Request::post(&format!("train/data/app/w{}", n % 1000), &data)
    };
    vec![
        Load::new("reads", 1.0, 200, |_| Request::get("train/data/app/db")),
        Load::new("look-ups", 0.5, 200, |_| Request::get("auth/token/lookup-self")),
        Load::new("refusals", 0.5, 403, |_| Request::get("sys/policies/acl/train")),
        Load::new("writes", 0.5, 200, write),
        Load::new("logins", 0.5, 200, move |_| login.clone()),
        Load::new("renewals", 0.05, 200, |_| Request::post("auth/token/renew-self", &json!({"increment": "9m"}))),
        Load::new("self-checks", 0.05, 200, move |_| Request::post("sys/capabilities-self", &paths)),
    ]
}

/// Sends `count` requests, [`CONNECTIONS`] of them at once. Errors: the first answer that is not right.
async fn send(load: &Load, count: u64, user: &Client) -> Result<(), Box<dyn std::error::Error>> {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let (next, make, user, right) = (next.clone(), load.make.clone(), user.clone(), load.status);
        tasks.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                match user.send_raw(&make(number)).await {
                    Ok((status, _)) if status == right => {}
                    Ok((status, _)) => return Err(format!("answered with {status}, not {right}")),
                    Err(error) => return Err(error.to_string()),
                }
            }
        }));
    }
    for task in tasks {
        task.await?.map_err(|why| format!("{}: {why}", load.name))?;
    }
    println!("{count} {}", load.name);
    Ok(())
}

/// A child token and a wrapped secret from their beginning to their end, and some lists.
async fn rarer(root: &Client, round: u64) -> Result<(), Error> {
    let made = root.write("auth/token/create", &json!({"policies": ["train"], "ttl": "5m", "num_uses": 3})).await?;
    if let Some(auth) = made.auth {
        let child = root.with_token(Some(auth.client_token));
        child.read("train/data/app/db").await?;
        child.list("train/metadata/app").await?;
        child.write("auth/token/revoke-self", &json!({})).await?;
    }
    let wrapped = root.send(Request::get("train/data/app/db").wrap_ttl("60s")).await?;
    if let Some(wrap) = wrapped.wrap_info {
        root.unwrap(wrap.token).await?;
    }
    let name = format!("train/data/app/w{}", round % 1000);
    root.patch(&name, &json!({"data": {"round": round}})).await?;
    root.read(&name.replace("data", "metadata")).await?;
    root.delete(&name).await?;
    root.list("auth/train/role/app/secret-id").await?;
    root.read("sys/health").await?;
    root.read("sys/mounts").await?;
    Ok(())
}
