//! The request that each kind of login makes.
use crate::call::Call;
use crate::failure::Failure;
use kw_client::Request;
use kw_types::Secret;
use serde_json::{Map, Value};

/// Kinds whose login path ends with the user's name and whose body holds a password.
const WITH_PASSWORD: [&str; 4] = ["userpass", "ldap", "okta", "radius"];

/// Builds the login request from the fields of the command line.
///
/// Kinds with a password ask for it where it is missing; every other kind sends its fields to `auth/PATH/login` as they are.
pub(super) fn request(
    call: &mut Call,
    kind: &str,
    path: &str,
    fields: Vec<(String, String)>,
) -> Result<Request, Failure> {
    let mut body: Map<String, Value> = fields.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
    if kind == "oidc" && !body.contains_key("jwt") {
        return Err(Failure::local(
            "A login through a browser is not part of this command. Log in with -method=jwt jwt=@file, or in the user interface.",
        ));
    }
    let mount = body.remove("mount").and_then(|m| m.as_str().map(str::to_owned)).unwrap_or_else(|| path.to_owned());
    let mount = mount.trim_matches('/');
    if !WITH_PASSWORD.contains(&kind) {
        return Ok(Request::put(&format!("auth/{mount}/login"), &body));
    }
    let name = match body.remove("username").and_then(|n| n.as_str().map(str::to_owned)) {
        Some(name) => name,
        None => call
            .env
            .other("USER")
            .map(str::to_owned)
            .ok_or_else(|| Failure::local("\"username\" must be given, as username=NAME"))?,
    };
    if !body.contains_key("password") {
        let password: Secret<String> = call.ask("Password")?;
        body.insert("password".to_owned(), Value::String(password.expose().clone()));
    }
    Ok(Request::put(&format!("auth/{mount}/login/{name}"), &body))
}

/// What `auth help` says about a kind.
pub(crate) fn help_for(kind: &str, program: &str) -> String {
    let fields = match kind {
        "token" => {
            return format!(
                "Usage: {program} login [TOKEN]\n\n  Logs in with a token that you have. Without an argument it is asked for; - reads it\n  from standard input.\n\n      $ {program} login\n"
            );
        }
        kind if WITH_PASSWORD.contains(&kind) => "username=NAME [password=-]",
        "approle" => "role_id=ID secret_id=-",
        "jwt" | "oidc" => "role=NAME jwt=@FILE",
        "kubernetes" => "role=NAME jwt=@/var/run/secrets/kubernetes.io/serviceaccount/token",
        "cert" => "[name=ROLE]",
        "github" => "token=-",
        _ => "[FIELD=VALUE ...]",
    };
    let more = match kind {
        kind if WITH_PASSWORD.contains(&kind) => "A password that is not given is asked for.",
        "cert" => "The certificate is the one of -client-cert and -client-key.",
        _ => "The fields are those of the method's login endpoint.",
    };
    format!(
        "Usage: {program} login -method={kind} {fields}\n\n  {more} Add -path=PATH if the method is mounted elsewhere than at {kind}/.\n"
    )
}
