//! `auth/token/tidy`.
use crate::jobs;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Status, Warned};
use kw_schema::Request;
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("tidy").write(tidy)
}

/// Ends at once what has expired and takes back what hung on revoked tokens, as the server does by itself all the time.
#[derive(Request)]
struct Tidy {}

async fn tidy(call: &Call<'_>, _: Tidy) -> Result<Status<Warned<()>>, Fault> {
    jobs::tidy(call.kernel).await?;
    let done =
        "The tidy operation is done, as far as there was something to do. Anything noteworthy is in the server's log.";
    Ok(Status(202, Warned((), vec![done.to_owned()])))
}
