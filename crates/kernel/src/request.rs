//! The pipeline: one request from its bytes to its answer.
use crate::admit::{Admitted, Refused, Who, admit};
use crate::answer::{Answer, Envelope};
use crate::audits::{AuditSet, Devices};
use crate::kernel::Kernel;
use crate::received::Received;
use crate::resolve::{Resolved, Unresolved, resolve};
use crate::rows::TOKENS;
use crate::run::{Outcome, run};
use crate::tick::Outlet;
use crate::token::{TokenEntry, revoke_entry};
use crate::{tick, wrapping};
use kw_audit::{
    AuthFacts, Device, HeaderFact, RequestFacts, ResponseFacts, Subject, Verdict, WrapFacts, write_request,
    write_response,
};
use kw_engine::JsonText;
use kw_policy::GrantedBy;
use kw_schema::Verb;
use kw_types::{Fault, Secret, Time};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;

impl Kernel {
    /// Answers one request. Must run on a `LocalRuntime`, or within a `LocalSet`.
    pub async fn handle(&self, received: &Received<'_>) -> Answer {
        let Settled { answer, release } = self.settle(received).await;
        match release.given(self).await {
            Ok(()) => answer,
            Err(refusal) => refusal,
        }
    }

    /// The same up to the wait for audit. By then all that the request needed is let go of, while it is at hand; and an answer
    /// can be made ready to leave before it may.
    pub async fn settle(&self, received: &Received<'_>) -> Settled {
        let (answer, lines) = self.answer(received).await;
        let release = Release { status: answer.status, lines };
        Settled { answer, release }
    }

    async fn answer(&self, received: &Received<'_>) -> (Answer, tick::Pending) {
        // Other nodes may have written since: what is remembered here must not be older than the request.
        if let Err(fault) = self.catch_up(received.method).await {
            return at_once(refuse(&fault, ""));
        }
        let resolved = match resolve(self, received).await {
            Ok(resolved) => resolved,
            Err(Unresolved::Redirect(path)) => return at_once(Answer::redirect(&path, received.query)),
            Err(Unresolved::Fault(fault)) => return at_once(refuse(&fault, "")),
        };
        if !resolved.is_audited() {
            return at_once(Box::pin(unaudited(self, &resolved)).await);
        }
        match admit(self, &resolved).await {
            Ok(admitted) => {
                let recorded = match record(self, &admitted).await {
                    Ok(recorded) => recorded,
                    Err(fault) => return at_once(refuse(&fault, "")),
                };
                let outcome = run(self, recorded.admitted).await;
                recorded.done(self, outcome).await
            }
            Err(refused) => Box::pin(tell_refused(self, &resolved, *refused)).await,
        }
    }
}

/// An answer that may leave when it is released.
#[must_use]
pub struct Settled {
    pub answer: Answer,
    pub release: Release,
}

/// What an answer waits for: nothing leaves before its lines are written.
#[must_use]
pub struct Release {
    status: u16,
    lines: tick::Pending,
}

impl Release {
    /// Waits until the answer may leave. Errors: what is to leave instead, since no audit device could be written.
    pub async fn given(self, kernel: &Kernel) -> Result<(), Answer> {
        let written = self.lines.written().await;
        kernel.released(self.status, written.is_ok())
    }

    /// Has an outlet told when the answer may leave: it need not be woken for that, and asks [`Kernel::released`] then. Errors: the
    /// release is to be waited for.
    pub fn tell(self, outlet: Rc<dyn Outlet>) -> Result<(), Self> {
        let status = self.status;
        self.lines.tell(outlet).map_err(|lines| Self { status, lines })
    }
}

impl Kernel {
    /// Counts an answer of this status that leaves now. Errors: what is to leave instead, where its lines are not written.
    pub fn released(&self, status: u16, are_written: bool) -> Result<(), Answer> {
        let released = if are_written { Ok(()) } else { Err(refuse(&tick::unwritten(), "")) };
        self.counters.answered(released.as_ref().map_or_else(|refusal| refusal.status, |()| status));
        released
    }
}

fn at_once(answer: Answer) -> (Answer, tick::Pending) {
    (answer, tick::Pending::none())
}

fn finished(outcome: Result<Outcome, Fault>, request_id: &str) -> Answer {
    outcome.map_or_else(|fault| refuse(&fault, request_id), |outcome| outcome.into_answer(request_id))
}

/// Logs what the caller does not see, and answers.
fn refuse(fault: &Fault, request_id: &str) -> Answer {
    if let Some(context) = fault.context() {
        match fault.kind().status() {
            500.. => tracing::error!(request_id, context, "request failed"),
            _ => tracing::debug!(request_id, context, "request refused"),
        }
    }
    Answer::fault(fault, request_id)
}

async fn unaudited(kernel: &Kernel, resolved: &Resolved<'_>) -> Answer {
    let outcome = match admit(kernel, resolved).await {
        Ok(admitted) => run(kernel, &admitted).await,
        Err(refused) => Err(refused.fault),
    };
    finished(outcome, &resolved.id)
}

/// A request that audit knows of. Consumed by its outcome; dropped without one (the client is gone), it says so in the log.
struct Recorded<'r> {
    admitted: &'r Admitted<'r>,
    receipt: Receipt<'r>,
    request_line: tick::Pending,
}

/// The record of a request that is open: what its closing line will begin with, for each device.
struct Receipt<'r> {
    audits: Devices<'r>,
    subjects: SmallVec<[Subject; 2]>,
    time: Time,
    is_closed: bool,
}

/// Stage 3: audit hears of the request. Where the handler can change something, the line is written before it runs.
async fn record<'r>(kernel: &Kernel, admitted: &'r Admitted<'r>) -> Result<Recorded<'r>, Fault> {
    let (receipt, request_line) = open_record(kernel, admitted.resolved, &admitted.who, None).await?;
    if admitted.resolved.is_write() {
        request_line.written_before_commit().await.map_err(|fault| fault.because("before the handler ran"))?;
        return Ok(Recorded { admitted, receipt, request_line: tick::Pending::none() });
    }
    Ok(Recorded { admitted, receipt, request_line })
}

async fn open_record<'r>(
    kernel: &Kernel,
    resolved: &Resolved<'_>,
    who: &'r Who,
    error: Option<&str>,
) -> Result<(Receipt<'r>, tick::Pending), Fault> {
    let session = who.session.as_deref();
    let made;
    let (audits, profiles) = match session.and_then(|session| session.profiles(kernel)) {
        Some(known) => (Devices::Known(&known.audits), Some(known)),
        None => {
            let audits = kernel.audits.current(kernel).await?;
            made = session.map(|session| session.profile(resolved.received.presented(), &audits));
            (Devices::Asked(audits), made.as_deref())
        }
    };
    if audits.is_dead() {
        return Err(Fault::internal("audit is configured but no device is open"));
    }
    let (headers, data) = (headers_for_audit(&audits, resolved.received), data_for_audit(resolved));
    let granted_by: SmallVec<[&str; 8]> = who.granted_by.iter().flat_map(GrantedBy::names).collect();
    let mut facts = request_facts(resolved, who, &headers, data.as_ref());
    facts.verdict = who.allowed.map(|allowed| Verdict { allowed, granted_by: &granted_by, reason: &who.reason });
    let subject = |(at, device): (usize, &Arc<_>)| Subject::new(device, &facts, profiles.and_then(|p| p.of_device(at)));
    let receipt = Receipt {
        subjects: audits.devices.iter().enumerate().map(subject).collect(),
        time: resolved.time,
        is_closed: audits.devices.is_empty(),
        audits,
    };
    // A request that changes nothing has its two entries written at once, or none of them.
    let is_elided = |device: &Device| device.options.elide_read_requests && (error.is_some() || !resolved.is_write());
    if receipt.audits.devices.iter().all(|device| is_elided(device)) {
        return Ok((receipt, tick::Pending::none()));
    }
    let line = tick::append(&receipt.audits.devices, |at, device, out| {
        if let Some(subject) = receipt.subjects.get(at).filter(|_| !is_elided(device)) {
            write_request(device, receipt.time, subject, error, out);
        }
    });
    Ok((receipt, line))
}

impl Recorded<'_> {
    /// Stage 4: the outcome is recorded and becomes the answer. Nothing leaves before its line is written.
    async fn done(mut self, kernel: &Kernel, outcome: Result<Outcome, Fault>) -> (Answer, tick::Pending) {
        let (resolved, who) = (self.admitted.resolved, &self.admitted.who);
        let outcome = match outcome {
            Ok(outcome) if resolved.wrap_ttl.is_some() => Box::pin(wrap(kernel, resolved, outcome)).await,
            settled => settled,
        };
        self.receipt.is_closed = true;
        let line = close_record(kernel, resolved, &self.receipt, outcome.as_ref());
        let spent = if who.has_spent { Box::pin(end_spent(kernel, who)).await } else { Ok(()) };
        (finished(spent.and(outcome), &resolved.id), line.and(self.request_line))
    }
}

/// A refusal is recorded like any outcome.
async fn tell_refused(
    kernel: &Kernel,
    resolved: &Resolved<'_>,
    Refused { who, fault }: Refused,
) -> (Answer, tick::Pending) {
    let error = fault.public().join("; ");
    let (mut receipt, request_line) = match open_record(kernel, resolved, &who, Some(&error)).await {
        Ok(opened) => opened,
        Err(fault) => return at_once(refuse(&fault, &resolved.id)),
    };
    receipt.is_closed = true;
    let line = close_record(kernel, resolved, &receipt, Err(&fault));
    let spent = if who.has_spent { end_spent(kernel, &who).await } else { Ok(()) };
    (refuse(&spent.err().unwrap_or(fault), &resolved.id), line.and(request_line))
}

async fn wrap(kernel: &Kernel, resolved: &Resolved<'_>, outcome: Outcome) -> Result<Outcome, Fault> {
    let Some(ttl) = resolved.wrap_ttl else { return Ok(outcome) };
    match outcome.envelope() {
        Some(envelope) if envelope.wrap.is_none() && !envelope.is_empty() => {
            let wrap = wrapping::wrap(kernel, envelope, &resolved.id, resolved.path.as_str(), ttl).await?;
            Ok(Outcome::of(Envelope { wrap: Some(Box::new(wrap)), ..Envelope::default() }))
        }
        _ => Ok(outcome),
    }
}

/// A token whose last use this was goes, with all that hangs on it.
async fn end_spent(kernel: &Kernel, who: &Who) -> Result<(), Fault> {
    let Some(session) = &who.session else { return Ok(()) };
    // The request has sealed the server. The token is marked as spent, and nobody can use it again.
    if kernel.is_sealed() {
        return Ok(());
    }
    kernel
        .transact(async |txn| {
            if let Some(entry) = txn.rescoped(TOKENS).view().get::<TokenEntry>(&session.entry.ident).await? {
                revoke_entry(txn, &entry);
            }
            Ok(())
        })
        .await
}

fn close_record(
    kernel: &Kernel,
    resolved: &Resolved<'_>,
    receipt: &Receipt<'_>,
    outcome: Result<&Outcome, &Fault>,
) -> tick::Pending {
    if receipt.audits.devices.is_empty() {
        return tick::Pending::none();
    }
    let error = outcome.err().map(|fault| fault.public().join("; "));
    let mut response = ResponseFacts {
        time: kernel.now(),
        error: error.as_deref(),
        is_list: resolved.verb == Verb::List,
        ..ResponseFacts::default()
    };
    if let Some(mount) = &resolved.mount {
        response.clear = &mount.config.audit_non_hmac_response_keys;
        response.mount = Some(&mount.text);
    }
    if let Some(envelope) = outcome.ok().and_then(Outcome::envelope) {
        response.data = envelope.data.as_ref().map(JsonText::get);
        response.lease_id = &envelope.lease_id;
        response.auth = envelope.auth.as_ref().map(|a| AuthFacts {
            token: &a.client_token,
            accessor: &a.accessor,
            display_name: &a.display_name,
            policies: &a.policies,
            token_policies: &a.token_policies,
            identity_policies: &a.identity_policies,
            metadata: a.metadata.as_ref(),
            entity_id: &a.entity_id,
            token_type: a.token_type,
            ttl_seconds: a.lease_duration,
            ..AuthFacts::default()
        });
        response.wrap = envelope.wrap.as_ref().map(|w| WrapFacts {
            token: &w.token,
            accessor: &w.accessor,
            ttl_seconds: w.ttl,
            creation_path: &w.creation_path,
            wrapped_accessor: &w.wrapped_accessor,
        });
    }
    tick::append(&receipt.audits.devices, |at, device, out| {
        if let Some(subject) = receipt.subjects.get(at) {
            write_response(device, subject, &response, out);
        }
    })
}

fn request_facts<'a>(
    resolved: &'a Resolved<'_>,
    who: &'a Who,
    headers: &'a [HeaderFact<'a>],
    data: Option<&'a Secret<String>>,
) -> RequestFacts<'a> {
    let received = resolved.received;
    let mut facts = RequestFacts {
        id: &resolved.id,
        operation: who.operation,
        path: resolved.path.as_str(),
        data: data.map(|d| d.expose().as_str()),
        remote: received.remote.map(|a| a.ip()),
        remote_port: received.remote.map_or(0, |a| a.port()),
        headers,
        wrap_ttl_seconds: resolved.wrap_ttl.map_or(0, kw_types::Ttl::seconds),
        token: received.presented(),
        ..RequestFacts::default()
    };
    if let Some(mount) = &resolved.mount {
        facts.mount = Some(&mount.text);
        facts.clear = &mount.config.audit_non_hmac_request_keys;
    }
    facts
}

fn headers_for_audit<'a>(audits: &AuditSet, received: &Received<'a>) -> Vec<HeaderFact<'a>> {
    let wanted = |name: &str| audits.headers.iter().find(|(n, _)| *n == name).map(|(_, hmac)| *hmac);
    let told = received.headers.iter().filter_map(|(name, value)| {
        let hmac = wanted(name)?;
        Some(HeaderFact { name, value, hmac })
    });
    if audits.headers.is_empty() { Vec::new() } else { told.collect() }
}

/// The parameters as one JSON object.
fn data_for_audit(resolved: &Resolved<'_>) -> Option<Secret<String>> {
    let params = &resolved.input.params;
    if params.is_empty() {
        return None;
    }
    if let Some(body) = params.body().filter(|_| resolved.received.query.is_empty()) {
        return Some(Secret::new(body.get().to_owned()));
    }
    let map: serde_json::Map<String, serde_json::Value> =
        params.iter().map(|(n, raw)| (n.to_owned(), raw.to_value())).collect();
    serde_json::to_string(&map).ok().map(Secret::new)
}

impl Drop for Receipt<'_> {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        let error = Some("abandoned: the client went away or the request was cancelled");
        let response = ResponseFacts { time: self.time, error, ..ResponseFacts::default() };
        let mut lines = Vec::new();
        for (device, subject) in self.audits.devices.iter().zip(&self.subjects) {
            lines.clear();
            write_response(device, subject, &response, &mut lines);
            if let Err(error) = device.write(&lines) {
                tracing::error!(device = device.config.path, %error, "an audit device cannot be written");
            }
        }
    }
}
