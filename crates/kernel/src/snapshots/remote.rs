//! Snapshots on a server that takes files by PUT.
use super::plan::{Plan, Target};
use super::{blocking, failed};
use kw_outbound::{Client, Guard, HeaderName, HeaderValue, Options, Request, Url};
use kw_types::Fault;
use std::path::Path;
use std::time::Duration;

/// How long one transfer may take.
const TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// Sends a file. Gives its URL. Errors: 503 when the peer does not take it.
pub(super) async fn put(plan: &Plan, name: &str, path: &Path) -> Result<String, Fault> {
    let (url, request) = request(plan, name, Request::put)?;
    let path = path.to_owned();
    let content = blocking(move || std::fs::read(&path).map_err(failed(format!("reading {}", path.display())))).await?;
    let request = request.body(HeaderValue::from_static("application/gzip"), content);
    match send(request).await? {
        200..=299 => Ok(url.to_string()),
        status => Err(Fault::unavailable(format!("{url} answered {status} to the snapshot"))),
    }
}

/// Removes a file; it may be gone already. Errors: 503 when the peer refuses.
pub(super) async fn delete(plan: &Plan, name: &str) -> Result<(), Fault> {
    let (url, request) = request(plan, name, Request::delete)?;
    match send(request).await? {
        200..=299 | 404 | 410 => Ok(()),
        status => Err(Fault::unavailable(format!("{url} answered {status} to the removal of an old snapshot"))),
    }
}

/// Errors: 400 for a plan that cannot be used, and says why.
pub(crate) fn check(plan: &Plan) -> Result<(), Fault> {
    request(plan, "name", Request::put).map(drop)
}

fn request(plan: &Plan, name: &str, make: impl Fn(Url) -> Request) -> Result<(Url, Request), Fault> {
    let Target::Http { url, header_name, header_value } = &plan.target else {
        return Err(Fault::internal("a local plan has no server"));
    };
    let refused = |e: kw_outbound::Error| Fault::bad_request(format!("http_url: {e}"));
    let base = Url::parse(url).map_err(refused)?;
    base.check(Guard::OPERATOR).map_err(refused)?;
    let folders = plan.path_prefix.split('/').filter(|part| !part.is_empty());
    let url = base.at(&folders.chain([name]).collect::<Vec<_>>());
    let request = make(url.clone());
    if header_name.is_empty() {
        return Ok((url, request));
    }
    let name: HeaderName =
        header_name.parse().map_err(|_| Fault::bad_request("http_header_name is no header's name"))?;
    let mut value = HeaderValue::from_str(header_value.expose())
        .map_err(|_| Fault::bad_request("http_header_value holds what no header takes"))?;
    value.set_sensitive(true);
    Ok((url, request.header(name, value)))
}

async fn send(request: Request) -> Result<u16, Fault> {
    let options = Options { time_max: TIME_MAX, ..Options::new(Guard::OPERATOR) };
    let refused = |e: kw_outbound::Error| Fault::unavailable(format!("sending the snapshot: {e}"));
    let client = Client::new(options).map_err(refused)?;
    Ok(client.send(request).await.map_err(refused)?.status.as_u16())
}
