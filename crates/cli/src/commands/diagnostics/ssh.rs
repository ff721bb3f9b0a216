//! ssh, with one-time passwords.
use super::{EXECUTABLE, KNOWN_HOSTS, MODE, MOUNT_POINT, NO_EXEC, ROLE, STRICT};
use crate::call::Call;
use crate::failure::Failure;
use kw_client::{Json, Request};
use serde_json::json;
use std::net::ToSocketAddrs;
use std::process::Command;

pub(super) fn ssh(call: &mut Call) -> Result<i32, Failure> {
    if call.text_or(&MODE, "otp") != "otp" {
        return Err(Failure::local(
            "The mode must be otp. For certificates: have the key signed with `write -field=signed_key ssh/sign/ROLE public_key=@KEY.pub`, then use ssh itself.",
        ));
    }
    let role = call.text(&ROLE).map(str::to_owned).ok_or_else(|| Failure::local("The -role flag must be given."))?;
    let target = call.arg(0).to_owned();
    let (user, host) = match target.split_once('@') {
        Some((user, host)) => (user.to_owned(), host.to_owned()),
        None => (call.env.other("USER").unwrap_or("root").to_owned(), target),
    };
    let options = call.args().get(1..).unwrap_or_default().to_vec();
    let ip = address_of(&host)?;
    let port = options.windows(2).find_map(|pair| match pair {
        [flag, port] if flag == "-p" => Some(port.clone()),
        _ => None,
    });
    let path = format!("{}/creds/{role}", call.text_or(&MOUNT_POINT, "ssh").trim_matches('/'));
    let mut body = json!({"ip": ip, "username": user});
    if let (Some(port), Some(body)) = (port, body.as_object_mut()) {
        body.insert("port".to_owned(), serde_json::Value::String(port));
    }
    let answer = call.session()?.unwrapped().send(Request::put(&path, &body));
    let answer = answer.map_err(|e| e.during("Error generating the one-time password"))?;
    if call.on(&NO_EXEC) {
        return call.show(&answer);
    }
    let otp = answer.field("key").and_then(Json::as_str).map(str::to_owned);
    let otp = otp.ok_or_else(|| Failure::remote("Error generating the one-time password: the answer holds none"))?;
    connect(call, &otp, &user, &host, &options)
}

fn connect(call: &mut Call, otp: &str, user: &str, host: &str, options: &[String]) -> Result<i32, Failure> {
    let ssh = call.text_or(&EXECUTABLE, "ssh").to_owned();
    let mut args = vec![format!("-oStrictHostKeyChecking={}", call.text_or(&STRICT, "ask"))];
    if let Some(file) = call.text(&KNOWN_HOSTS) {
        args.push(format!("-oUserKnownHostsFile={file}"));
    }
    args.extend(options.iter().cloned());
    args.push(format!("{user}@{host}"));
    let mut command = match installed(call, "sshpass") {
        true => {
            let mut command = Command::new("sshpass");
            // The environment of one's own process is seen by oneself alone; an argument is seen by everyone.
            command.arg("-e").arg(&ssh).env("SSHPASS", otp);
            command
        }
        false => {
            call.warn(format!("The one-time password for this login is: {otp}"));
            Command::new(&ssh)
        }
    };
    let status = command.args(&args).status().map_err(|e| Failure::local(format!("Cannot run {ssh}: {e}")))?;
    Ok(status.code().unwrap_or(1))
}

fn installed(call: &Call, program: &str) -> bool {
    let path = call.env.other("PATH").unwrap_or_default();
    std::env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn address_of(host: &str) -> Result<String, Failure> {
    let found = (host, 22).to_socket_addrs().ok().and_then(|mut all| all.next());
    found.map(|a| a.ip().to_string()).ok_or_else(|| Failure::local(format!("The host {host} is not known.")))
}
