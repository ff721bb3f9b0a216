//! What the user may do about an error, where we know it.
use crate::Brand;
use kw_client::Error;

/// A sentence, or nothing.
pub(super) fn for_error(error: &Error, has_token: bool, brand: Brand) -> Option<String> {
    let (program, variable) = (brand.program(), brand.variable());
    match error {
        Error::Transport { cause, url, .. } => for_transport(cause, url, variable),
        Error::Api { status: 403, .. } if !has_token => {
            Some(format!("There is no token: run `{program} login`, or set {variable}_TOKEN."))
        }
        Error::Api { status: 503, errors: Ok(errors), .. } if errors.iter().any(|e| e.contains("sealed")) => Some(
            format!("The server is sealed: run `{program} operator unseal`, or ask those who hold its unseal keys."),
        ),
        Error::Api { status: 400, errors: Err(body), .. } if body.contains("HTTPS server") => {
            Some(format!("The server speaks TLS there: begin {variable}_ADDR with https://."))
        }
        _ => None,
    }
}

fn for_transport(cause: &str, url: &str, variable: &str) -> Option<String> {
    let text = if cause.contains("refused") || cause.contains("No such file") || cause.contains("no such file") {
        format!("No server listens there. Is it running, and is its address right ({variable}_ADDR or -address)?")
    } else if cause.contains("lookup") || cause.contains("resolve") || cause.contains("not known") {
        format!("The host is not known. Is the address right ({variable}_ADDR or -address)?")
    } else if url.starts_with("https:") && (cause.contains("corrupt") || cause.contains("InvalidContentType")) {
        format!(
            "The server does not speak TLS there. If it is meant to be plain HTTP, begin {variable}_ADDR with http://."
        )
    } else if cause.contains("not valid for name") {
        "The certificate is for other names. Speak to the server by one of them, or tell one with -tls-server-name."
            .to_owned()
    } else if cause.contains("expired") || cause.contains("not valid yet") {
        "Has the server's certificate to be renewed, or is this machine's clock wrong?".to_owned()
    } else if cause.contains("certificate") {
        format!("The server's certificate is not trusted: name its authority with -ca-cert or {variable}_CACERT.")
    } else if url.starts_with("http:") && cause.contains("invalid HTTP") {
        format!("The server may speak TLS there: begin {variable}_ADDR with https://.")
    } else {
        return None;
    };
    Some(text)
}
