//! Which member of the cluster is talked to, and how a call that only reads is asked again elsewhere.
use crate::address::{self, Member};
use crate::connection::{Connection, in_time};
use crate::error::{is_leaderless, may_pass, refused, too_slow};
use crate::layout::Layout;
use crate::messages::{AuthenticateRequest, AuthenticateResponse, RangeRequest, RangeResponse, ResponseHeader};
use crate::position::Position;
use crate::{OpenError, Options, tls};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::select_ok;
use kw_store::{Revision, StoreError};
use kw_types::Secret;
use parking_lot::Mutex;
use prost::Message;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

pub(crate) const RANGE: &str = "/etcdserverpb.KV/Range";
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// How long connecting to a member may take, with login and the first question.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// The next member is tried when the one before has taken so long, without giving that one up.
const STAGGER: Duration = Duration::from_millis(150);

/// How often a question is asked again elsewhere.
const ATTEMPTS_MAX: u32 = 4;

/// The pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// What a store is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The row of the store's format and name, as it is.
    pub format: Bytes,
    /// The cluster, which gets a new number when it is restored from a backup.
    pub cluster: u64,
}

/// The newest commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub newest: Revision,
    /// The newest revision of the whole cluster, which other programs may have made.
    pub cluster: Revision,
}

pub(crate) struct Dialer {
    members: Vec<Member>,
    tls: TlsConnector,
    login: Option<(String, Secret<String>)>,
    pub request_timeout: Duration,
    pub layout: Layout,
    pub position: Arc<Position>,
    /// Once it is known, no other store will do.
    pub identity: OnceLock<Identity>,
    current: Mutex<Option<Arc<Connection>>>,
    /// One dials, the others wait for it: when the last attempt failed, and why.
    dialing: tokio::sync::Mutex<Option<(Instant, StoreError)>>,
    /// Which member is tried first.
    first: AtomicUsize,
}

impl Dialer {
    pub fn new(options: &Options) -> Result<Self, OpenError> {
        let login = match (&options.username, &options.password) {
            (None, None) => None,
            (Some(name), Some(password)) => Some((name.clone(), password.clone())),
            _ => return Err(OpenError::Option("`username` and `password` go together".to_owned())),
        };
        let members = address::members(options)?;
        if login.is_some() && members.iter().any(|m| m.name.is_none() && !is_here(&m.host)) {
            tracing::warn!("the password goes to etcd without TLS: use https in `address`");
        }
        Ok(Self {
            members,
            tls: tls::connector(options)?,
            login,
            request_timeout: options.request_timeout.max(Duration::from_millis(100)),
            layout: Layout::new(&options.path),
            position: Arc::default(),
            identity: OnceLock::new(),
            current: Mutex::default(),
            dialing: tokio::sync::Mutex::default(),
            first: AtomicUsize::new(0),
        })
    }

    /// The connection that is in use, or a new one to whichever member answers first.
    ///
    /// Errors: [`StoreError::Unavailable`]; [`StoreError::Corrupt`] if the cluster holds another store, or is behind.
    pub async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let asked_at = Instant::now();
        self.position.sound()?;
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        let mut failed = self.dialing.lock().await;
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        // What another has tried while we waited for it, we need not try.
        if let Some((at, error)) = failed.as_ref()
            && *at >= asked_at
        {
            return Err(error.clone());
        }
        match self.dial().await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self.current.lock() = Some(connection.clone());
                *failed = None;
                Ok(connection)
            }
            Err(error) => {
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Asks, and asks again elsewhere while there is time. For what changes nothing, or may be done twice.
    pub async fn ask<M, R>(&self, path: &'static str, message: M) -> Result<R, StoreError>
    where
        M: Message + Clone + 'static,
        R: Message + Default + 'static,
    {
        let deadline = Instant::now() + self.request_timeout;
        let mut outcome = Err(too_slow());
        for attempt in 0..ATTEMPTS_MAX {
            let Ok(connection) = timeout_at(deadline, self.connection()).await else { break };
            let connection = connection?;
            // So that there is time for another one.
            let patience = (self.request_timeout / 2).min(deadline.saturating_duration_since(Instant::now()));
            match connection.read(path, message.clone(), patience).await {
                Ok(answer) => return Ok(answer),
                Err(status) => {
                    outcome = Err(refused(&status));
                    if !may_pass(&status) {
                        break;
                    }
                    connection.give_up();
                }
            }
            if attempt > 0 {
                sleep(PAUSE).await;
            }
        }
        outcome
    }

    /// Asks for the newest commit.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let known = self.position.reached();
        let question = RangeRequest { key: self.layout.head(), keys_only: true, ..RangeRequest::default() };
        let answer: RangeResponse = self.ask(RANGE, question).await?;
        let cluster = revision(answer.header);
        self.position.check(cluster, known)?;
        let newest = answer.kvs.first().map(|kv| from_etcd(kv.mod_revision));
        let newest = newest.ok_or_else(|| StoreError::Corrupt(format!("{}head is missing", self.layout.path)))?;
        Ok(Head { newest, cluster })
    }

    fn usable(&self) -> Option<Arc<Connection>> {
        self.current.lock().as_ref().filter(|connection| !connection.is_broken()).cloned()
    }

    async fn dial(&self) -> Result<Connection, StoreError> {
        let time = CONNECT_MAX.min(self.request_timeout);
        let first = self.first.load(Ordering::Relaxed);
        let count = self.members.len();
        let attempts = (0..count).filter_map(|i| {
            let at = (first + i) % count;
            let member = self.members.get(at)?;
            let attempt = async move {
                sleep(STAGGER * u32::try_from(i).unwrap_or(u32::MAX)).await;
                let connection = in_time(time, self.reach(member)).await?;
                Ok((connection, at))
            };
            Some(attempt.boxed())
        });
        let ((connection, at), _others) = select_ok(attempts).await?;
        self.first.store(at, Ordering::Relaxed);
        Ok(connection)
    }

    /// A connection to a member that has a leader, knows us and has our store.
    async fn reach(&self, member: &Member) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(member, &self.tls).await?;
        loop {
            match self.try_out(&mut connection).await? {
                Ok(()) => return Ok(connection),
                Err(status) if is_leaderless(&status) => sleep(PAUSE * 2).await,
                Err(status) => return Err(refused(&status)),
            }
        }
    }

    async fn try_out(&self, connection: &mut Connection) -> Result<Result<(), tonic::Status>, StoreError> {
        if let Some((name, password)) = &self.login {
            let login = AuthenticateRequest { name: name.clone(), password: password.expose().clone() };
            match connection.call::<_, AuthenticateResponse>(AUTHENTICATE, login, self.request_timeout).await {
                Ok(answer) => connection.log_in(&answer.token)?,
                Err(status) => return Ok(Err(status)),
            }
        }
        let known = self.position.reached();
        let question = RangeRequest { key: self.layout.format(), ..RangeRequest::default() };
        let answer: RangeResponse = match connection.call(RANGE, question, self.request_timeout).await {
            Ok(answer) => answer,
            Err(status) => return Ok(Err(status)),
        };
        let Some(identity) = self.identity.get() else { return Ok(Ok(())) };
        let format = answer.kvs.first().map(|kv| &kv.value);
        if format != Some(&identity.format) {
            let why = format!("etcd now holds another store under {} than at the start, or none", self.layout.path);
            return Err(StoreError::Corrupt(why));
        }
        if answer.header.map(|h| h.cluster_id) != Some(identity.cluster) {
            return Err(self.position.condemn(
                "this is not the etcd cluster of the start: it was restored from a backup. Make sure of the data, then \
                 restart all servers"
                    .to_owned(),
            ));
        }
        self.position.check(revision(answer.header), known)?;
        Ok(Ok(()))
    }
}

/// Whether there is no network in between.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Of the whole cluster, at the moment of the answer.
pub(crate) fn revision(header: Option<ResponseHeader>) -> Revision {
    from_etcd(header.map_or(0, |header| header.revision))
}

/// etcd counts with signed numbers, but never gives out a negative one.
pub(crate) fn from_etcd(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or(0))
}

/// What never was given out does not fit, and is as good as the greatest.
pub(crate) fn to_etcd(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}
