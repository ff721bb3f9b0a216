//! login.
mod method;

use crate::call::Call;
use crate::data;
use crate::declare::{ANY, Command, Flag, Kind, Shared};
use crate::failure::Failure;
use crate::flags;
use crate::session::Session;
use crate::token_helper::TokenHelper;
use kw_client::{ApiResponse, Auth, Json, Request};
use kw_types::Secret;
use serde_json::json;

pub(super) use method::help_for;

const METHOD: Flag =
    Flag::new("method", Kind::Text, "Kind of login: token, userpass, ldap, approle, jwt, kubernetes, cert and so on.")
        .default("token");
const PATH: Flag =
    Flag::new("path", Kind::Text, "Where the auth method is mounted, if not under the name of its kind.");
const NO_STORE: Flag = Flag::new("no-store", Kind::Bool, "Do not keep the token in the token helper.");
const NO_PRINT: Flag = Flag::new("no-print", Kind::Bool, "Do not show the token.");
const TOKEN_ONLY: Flag = Flag::new("token-only", Kind::Bool, "Print the token alone and do not keep it.");

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "login",
    args: "[AUTH K=V...]",
    arity: (0, ANY),
    summary: "Log in and keep the token",
    details: "Logs in and keeps the token for the commands that follow. Without -method the argument is a token; without an argument it is asked for.\n\n$ login\n$ login -method=userpass username=alice\n$ login -method=approle role_id=... secret_id=@secret-id",
    shared: Shared::HttpField,
    flags: &[METHOD, PATH, NO_STORE, NO_PRINT, TOKEN_ONLY],
    run: login,
}];

fn login(call: &mut Call) -> Result<i32, Failure> {
    let token_only = call.on(&TOKEN_ONLY);
    let store = !token_only && !call.on(&NO_STORE);
    let session = call.session()?;
    let wraps = session.wraps();
    let answer = match call.text_or(&METHOD, "token").to_owned().as_str() {
        "token" => by_token(call, session)?,
        kind => by_method(call, &session, kind)?,
    };
    if let (true, Some(wrap)) = (wraps, &answer.wrap_info) {
        if token_only {
            return call.write(wrap.token.expose()).map(|()| 0);
        }
        if !store {
            return call.show(&answer);
        }
        let inner = call.session()?.with_token(wrap.token.clone());
        let inner = inner.send(Request::put("sys/wrapping/unwrap", &json!({})));
        let inner = inner.map_err(|e| e.during("Error unwrapping the login"))?;
        return settle(call, inner, store, token_only);
    }
    settle(call, answer, store, token_only)
}

fn settle(call: &mut Call, answer: ApiResponse, store: bool, token_only: bool) -> Result<i32, Failure> {
    let Some(auth) = &answer.auth else {
        return Err(Failure::remote("Error authenticating: the server's answer has no token"));
    };
    if auth.client_token.expose().is_empty() {
        return second_factor_missing(call, &answer);
    }
    if store {
        TokenHelper::find(call.env)?.store(&auth.client_token)?;
        warn_of_variable(call);
    }
    if token_only {
        call.show_warnings(&answer);
        return call.write(auth.client_token.expose()).map(|()| 0);
    }
    if call.on(&NO_PRINT) {
        return Ok(0);
    }
    if call.text(&flags::FIELD).is_none() && call.format()?.is_table() {
        announce(call, store)?;
    }
    call.show(&answer)
}

/// The login is right so far, but the server wants a second factor, which goes into `-mfa`.
fn second_factor_missing(call: &mut Call, answer: &ApiResponse) -> Result<i32, Failure> {
    call.show_warnings(answer);
    let id = answer
        .auth
        .as_ref()
        .and_then(|a| a.mfa_requirement.as_ref()?.get("mfa_request_id")?.as_str().map(str::to_owned));
    let id = id.unwrap_or_default();
    Err(Failure::remote(format!(
        "A second factor is needed. Finish the login with the MFA request {id}:\n\n  {} write sys/mfa/validate mfa_request_id={id} mfa_payload=@factors.json",
        call.brand.program()
    )))
}

fn warn_of_variable(call: &mut Call) {
    if let Some((name, _)) = call.env.own_with_name("TOKEN") {
        call.warn(format!(
            "WARNING! The {name} environment variable is set! The value of this variable\nwill take precedence; if this is unwanted please unset {name} or update its\nvalue accordingly.\n"
        ));
    }
}

fn announce(call: &mut Call, stored: bool) -> Result<(), Failure> {
    let (program, product, variable) = (call.brand.program(), call.brand.product(), call.brand.variable());
    if stored {
        call.say(format!(
            "Success! You are now authenticated. The token information displayed below\nis already stored in the token helper. You do NOT need to run \"{program} login\"\nagain. Future {product} requests will automatically use this token.\n"
        ))
    } else {
        call.say(format!(
            "Success! You are now authenticated. The token was not stored in the token\nhelper. Set the {variable}_TOKEN environment variable to the token below to use it.\n"
        ))
    }
}

/// Looks a given token up and shows it as a login would.
fn by_token(call: &mut Call, session: Session) -> Result<ApiResponse, Failure> {
    let given = match call.args() {
        [] => None,
        [one] => Some(one.strip_prefix("token=").unwrap_or(one).to_owned()),
        _ => return Err(Failure::local("Too many arguments (expected 1): the argument is the token")),
    };
    let token = call.secret_argument(given, "Token")?;
    let token = Secret::new(token.expose().trim().to_owned());
    let answer = session.with_token(token.clone()).send(Request::get("auth/token/lookup-self"));
    let answer = answer.map_err(|e| e.during("Error authenticating: error looking up token"))?;
    let texts = |name: &str| {
        let list = answer.field(name).and_then(Json::as_array)?;
        Some(list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let text = |name: &str| answer.field(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let own = texts("policies").unwrap_or_default();
    let identity = texts("identity_policies").unwrap_or_default();
    let mut all = [own.clone(), identity.clone()].concat();
    all.sort();
    all.dedup();
    let auth = Auth {
        client_token: token,
        accessor: text("accessor"),
        policies: Some(all),
        token_policies: Some(own),
        identity_policies: Some(identity),
        metadata: answer.field("meta").and_then(Json::read_as),
        entity_id: text("entity_id"),
        lease_duration: answer.field("ttl").and_then(Json::as_u64).unwrap_or(0),
        renewable: answer.field("renewable").and_then(Json::as_bool).unwrap_or(false),
        orphan: answer.field("orphan").and_then(Json::as_bool).unwrap_or(false),
        mfa_requirement: None,
    };
    Ok(ApiResponse { auth: Some(auth), data: None, ..answer })
}

fn by_method(call: &mut Call, session: &Session, kind: &str) -> Result<ApiResponse, Failure> {
    let path = call.text_or(&PATH, kind).trim_matches('/').to_owned();
    let args = call.args().to_vec();
    let fields = data::texts(&args, call.terminal.input)?;
    let request = method::request(call, kind, &path, fields)?;
    session.send(request).map_err(|e| e.during("Error authenticating"))
}
