//! From the text of a token to who holds it.
use super::line::Line;
use super::{TokenEntry, TokenType, batch};
use crate::audits::AuditSet;
use crate::identity::EntityFacts;
use crate::kernel::{Kernel, sealed};
use crate::rows::{TOKEN_NAMES, TOKENS};
use crate::staleness::{Shard, ShardedStaleness};
use arc_swap::ArcSwapOption;
use hashbrown::DefaultHashBuilder;
use kw_audit::{AuthFacts, Profile};
use kw_engine::Caller;
use kw_policy::Acl;
use kw_store::Revision;
use kw_types::{Fault, IDENT_LEN, Ident, Rng, RngExt, Secret, Time};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use siphasher::sip128::SipHasher24;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The longest text that is looked at as a token.
const TEXT_LEN_MAX: usize = 2048;

/// A token in use: its entry as parsed from one revision of its row, and what was computed from it.
pub(crate) struct Session {
    pub entry: TokenEntry,
    pub caller: Caller,
    revision: Revision,
    shard: Shard,
    /// The generation of the shard under which the row was found to be as it was.
    seen: AtomicU64,
    /// The ancestors, once they were looked up.
    line: ArcSwapOption<Line>,
    /// Set once, so that requests read it where it is. When it is no longer good, another session takes this one's place.
    rights: OnceLock<Arc<Rights>>,
    profiles: OnceLock<Arc<Profiles>>,
    /// How look-ups show it, without the token.
    pub view: OnceLock<Box<str>>,
}

/// The token as audit devices show it; good while devices and rights are the same.
pub(crate) struct Profiles {
    pub audits: Arc<AuditSet>,
    rights: Option<u64>,
    /// In the order of the devices.
    by_device: Vec<Profile>,
}

impl Profiles {
    /// That of the device at this place.
    pub fn of_device(&self, at: usize) -> Option<&Profile> {
        self.by_device.get(at)
    }
}

/// What a token may do; good while no policy or identity changes.
pub(crate) struct Rights {
    generation: u64,
    pub acl: Arc<Acl>,
    pub identity_policies: Vec<String>,
}

impl Rights {
    fn are_good(&self, kernel: &Kernel, now: Time) -> bool {
        self.generation == kernel.policies.generation() && self.acl.valid_until().is_none_or(|end| end > now)
    }
}

/// Tokens seen lately, by a keyed fingerprint of 128 bits (SipHash-2-4). Its key is this process's alone and nothing of it is
/// stored: whoever lacks the key cannot find a text that meets a token's, and it costs a sixth of the HMAC that rows are
/// compared by.
pub(crate) struct Tokens {
    sessions: Cache<u128, Arc<Session>, UnitWeighter, DefaultHashBuilder>,
    fingerprint: SipHasher24,
    pub(crate) staleness: Arc<ShardedStaleness>,
}

/// The keyed hash of a token's text.
pub(super) fn mac_of(kernel: &Kernel, text: &str) -> Result<[u8; 32], Fault> {
    kernel.barrier.mac("token hash", text.as_bytes()).ok_or_else(sealed)
}

impl Tokens {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self {
            sessions: Cache::with(4096, 4096, UnitWeighter, hasher, lifecycle),
            fingerprint: SipHasher24::new_with_key(&rng.bytes()),
            staleness: Arc::default(),
        }
    }

    pub(crate) fn forget(&self) {
        self.sessions.clear();
    }

    /// Who holds this token; `None` if it is not one, or is expired at `now`, revoked or its parent is gone.
    pub(crate) async fn find(&self, kernel: &Kernel, text: &str, now: Time) -> Result<Option<Arc<Session>>, Fault> {
        if text.is_empty() || text.len() > TEXT_LEN_MAX {
            return Ok(None);
        }
        let mark = self.fingerprint.hash(text.as_bytes()).as_u128();
        if let Some(session) = self.sessions.get(&mark)
            && session.is_current(kernel).await?
        {
            let session = if session.is_ready(kernel, now) { session } else { self.renew(mark, &session) };
            return Ok(Some(session).filter(|s| !s.entry.is_expired(now)));
        }
        // What is seldom is boxed: the future of every request has room for the largest that it may wait for.
        Box::pin(self.find_anew(kernel, text, mark)).await
    }

    /// Puts a session in this one's place that knows nothing yet of what it may do.
    fn renew(&self, mark: u128, session: &Session) -> Arc<Session> {
        let fresh = Arc::new(session.anew());
        self.sessions.insert(mark, fresh.clone());
        fresh
    }

    async fn find_anew(&self, kernel: &Kernel, text: &str, mark: u128) -> Result<Option<Arc<Session>>, Fault> {
        let mac = mac_of(kernel, text)?;
        let found = match text.strip_prefix("b.") {
            Some(sealed) => batch::open(kernel, sealed)?.map(|entry| (entry, Revision(0))),
            None => by_row(kernel, text, &mac).await?,
        };
        let Some((entry, revision)) = found else { return Ok(None) };
        if entry.is_expired(kernel.now()) {
            return Ok(None);
        }
        let session = Arc::new(Session::new(kernel, entry, revision));
        // The row was read just now. That it has changed since, by another use or a renewal, is no reason to refuse.
        if !session.has_its_line(kernel).await? {
            return Ok(None);
        }
        self.sessions.insert(mark, session.clone());
        Ok(Some(session))
    }

    /// The token that an accessor names. Service tokens only: a batch token has none.
    pub(crate) async fn by_accessor(kernel: &Kernel, accessor: &str) -> Result<Option<TokenEntry>, Fault> {
        let Some(ident) = accessor.get(..IDENT_LEN).and_then(Ident::parse) else { return Ok(None) };
        let entry = Self::by_ident(kernel, ident.as_str()).await?;
        Ok(entry.filter(|e| Secret::new(e.accessor.clone()).matches(accessor)))
    }

    /// The token of this text that is in the store, even if its time is up or its uses are: its time is up by this node's clock,
    /// and another one's may be behind; and the request with its last use may never come to its end. Whoever revokes asks so.
    pub(crate) async fn stored(kernel: &Kernel, text: &str) -> Result<Option<TokenEntry>, Fault> {
        if text.is_empty() || text.len() > TEXT_LEN_MAX || text.starts_with("b.") {
            return Ok(None);
        }
        let mac = mac_of(kernel, text)?;
        Ok(by_row(kernel, text, &mac).await?.map(|(entry, _)| entry))
    }

    /// The same by its accessor.
    pub(crate) async fn stored_by_accessor(kernel: &Kernel, accessor: &str) -> Result<Option<TokenEntry>, Fault> {
        let Some(ident) = accessor.get(..IDENT_LEN).and_then(Ident::parse) else { return Ok(None) };
        let entry = Self::stored_by_ident(kernel, ident.as_str()).await?;
        Ok(entry.filter(|e| Secret::new(e.accessor.clone()).matches(accessor)))
    }

    /// The same by its identifier.
    pub(crate) async fn stored_by_ident(kernel: &Kernel, ident: &str) -> Result<Option<TokenEntry>, Fault> {
        kernel.view(TOKENS).get::<TokenEntry>(ident).await
    }

    /// The token of this identifier, if it can still be used.
    pub(crate) async fn by_ident(kernel: &Kernel, ident: &str) -> Result<Option<TokenEntry>, Fault> {
        let (tokens, now) = (kernel.view(TOKENS), kernel.now());
        let entry = Self::stored_by_ident(kernel, ident).await?.filter(|e| !e.is_spent && !e.is_expired(now));
        let Some(entry) = entry else { return Ok(None) };
        Ok(Line::read(tokens, &entry).await?.filter(|line| !line.is_expired(now)).map(|_| entry))
    }
}

async fn by_row(kernel: &Kernel, text: &str, mac: &[u8; 32]) -> Result<Option<(TokenEntry, Revision)>, Fault> {
    let mac = hex::encode(mac);
    let own = text.split_once('.').and_then(|(_, rest)| rest.get(..IDENT_LEN)).and_then(Ident::parse);
    for ident in [own.map(|i| i.to_string()), chosen(kernel, &mac).await?].into_iter().flatten() {
        let Some((plain, revision)) = kernel.view(TOKENS).get_row(&ident).await? else { continue };
        let entry: TokenEntry = serde_json::from_slice(&plain)
            .map_err(|e| Fault::internal(format_args!("token row: {:?}", e.classify())))?;
        if Secret::new(entry.mac.clone()).matches(&mac) {
            return Ok(Some((entry, revision)));
        }
    }
    Ok(None)
}

/// The identifier of a token whose text the caller chose.
async fn chosen(kernel: &Kernel, mac: &str) -> Result<Option<String>, Fault> {
    let ident = kernel.view(TOKEN_NAMES).get_bytes(mac).await?;
    Ok(ident.map(|b| String::from_utf8_lossy(&b).into_owned()))
}

impl Session {
    pub(crate) fn new(kernel: &Kernel, entry: TokenEntry, revision: Revision) -> Self {
        let caller = Caller {
            token_ident: entry.ident.clone(),
            accessor: entry.accessor.clone(),
            display_name: entry.display_name.clone(),
            entity_id: entry.entity_id.clone(),
            policies: entry.policies.clone(),
            metadata: entry.meta.clone().unwrap_or_default(),
            is_root: entry.is_root(),
        };
        Self {
            shard: kernel.tokens.staleness.shard(TOKENS, &entry.ident),
            entry,
            caller,
            revision,
            seen: AtomicU64::new(0),
            line: ArcSwapOption::empty(),
            rights: OnceLock::new(),
            profiles: OnceLock::new(),
            view: OnceLock::new(),
        }
    }

    /// The same token, and nothing known of what it may do.
    fn anew(&self) -> Self {
        Self {
            entry: self.entry.clone(),
            caller: self.caller.clone(),
            revision: self.revision,
            shard: self.shard,
            seen: AtomicU64::new(self.seen.load(Ordering::SeqCst)),
            line: ArcSwapOption::new(self.line.load_full()),
            rights: OnceLock::new(),
            profiles: OnceLock::new(),
            view: OnceLock::new(),
        }
    }

    /// Whether the row is as it was, and no ancestor is gone.
    async fn is_current(&self, kernel: &Kernel) -> Result<bool, Fault> {
        let generation = kernel.tokens.staleness.generation(self.shard);
        if self.entry.kind == TokenType::Service && self.seen.load(Ordering::SeqCst) != generation {
            if kernel.view(TOKENS).revision_of(&self.entry.ident).await? != Some(self.revision) {
                return Ok(false);
            }
            self.seen.store(generation, Ordering::SeqCst);
        }
        self.has_its_line(kernel).await
    }

    /// Whether what is known of its rights, and how audit shows it, is good or yet to be found out.
    fn is_ready(&self, kernel: &Kernel, now: Time) -> bool {
        let rights = self.rights.get();
        rights.is_none_or(|rights| rights.are_good(kernel, now))
            && self.profiles.get().is_none_or(|profiles| {
                profiles.audits.generation == kernel.audits.generation()
                    && profiles.rights == rights.map(|r| r.generation)
            })
    }

    /// Whether all that it hangs on is there: its ancestors, and for a batch token its auth method.
    async fn has_its_line(&self, kernel: &Kernel) -> Result<bool, Fault> {
        let tokens = kernel.view(TOKENS);
        // A batch token is no row that could be deleted with its auth method.
        if self.entry.kind == TokenType::Batch
            && !self.entry.mount_uuid.is_empty()
            && kernel.mounts.current(kernel).await?.by_uuid(&self.entry.mount_uuid).is_none()
        {
            return Ok(false);
        }
        if self.entry.parent.is_none() {
            return Ok(true);
        }
        if let Some(line) = self.line.load_full()
            && line.is_unchanged(tokens).await?
        {
            return Ok(!line.is_expired(kernel.now()));
        }
        let Some(line) = Box::pin(Line::read(tokens, &self.entry)).await? else { return Ok(false) };
        let is_expired = line.is_expired(kernel.now());
        self.line.store(Some(Arc::new(line)));
        Ok(!is_expired)
    }

    /// What the token may do now. Errors: 403 when its entity is gone or disabled.
    pub(crate) async fn rights(&self, kernel: &Kernel) -> Result<Arc<Rights>, Fault> {
        match self.rights.get() {
            Some(rights) if rights.are_good(kernel, kernel.now()) => Ok(rights.clone()),
            _ => self.compile(kernel).await,
        }
    }

    /// The same, lent by a session: this one, or another that takes its place where what is known is no longer good.
    pub(crate) async fn with_rights<'s>(
        self: &'s mut Arc<Self>,
        kernel: &Kernel,
        now: Time,
    ) -> Result<(&'s Self, &'s Rights), Fault> {
        if !self.rights.get().is_some_and(|rights| rights.are_good(kernel, now)) {
            let rights = Box::pin(self.compile(kernel)).await?;
            if let Err(rights) = self.rights.set(rights) {
                *self = Arc::new(Self { rights: rights.into(), ..self.anew() });
            }
        }
        let rights = self.known_rights().ok_or_else(|| Fault::internal("a session without rights"))?;
        Ok((self, rights))
    }

    /// What was found out by [`Session::with_rights`].
    pub(crate) fn known_rights(&self) -> Option<&Rights> {
        self.rights.get().map(AsRef::as_ref)
    }

    async fn compile(&self, kernel: &Kernel) -> Result<Arc<Rights>, Fault> {
        let generation = kernel.policies.generation();
        let entity = self.entity(kernel).await?;
        let identity_policies = entity.as_deref().map(EntityFacts::policies).unwrap_or_default();
        let mut names = self.entry.policies.clone();
        names.extend(identity_policies.iter().filter(|p| *p != "root" && !self.entry.policies.contains(p)).cloned());
        let acl = kernel.policies.acl(kernel, &names, entity.as_deref()).await?;
        Ok(Arc::new(Rights { generation, acl, identity_policies }))
    }

    /// The token as the current devices show it, if that is known.
    pub(crate) fn profiles(&self, kernel: &Kernel) -> Option<&Profiles> {
        let rights = self.rights.get().map(|r| r.generation);
        let is_good = |p: &&Profiles| p.audits.generation == kernel.audits.generation() && p.rights == rights;
        self.profiles.get().map(AsRef::as_ref).filter(is_good)
    }

    /// The token as these devices show it; noted, for the requests that follow. `text` is what was presented.
    pub(crate) fn profile(&self, text: &str, audits: &Arc<AuditSet>) -> Arc<Profiles> {
        let (entry, rights) = (&self.entry, self.known_rights());
        let facts = AuthFacts {
            token: text,
            accessor: &entry.accessor,
            display_name: &entry.display_name,
            policies: &entry.policies,
            token_policies: &entry.policies,
            identity_policies: rights.map_or(&[], |r| r.identity_policies.as_slice()),
            metadata: entry.meta.as_ref(),
            entity_id: &entry.entity_id,
            token_type: entry.kind.word(),
            ttl_seconds: entry.ttl.seconds(),
            issued: entry.created,
        };
        let by_device = audits.devices.iter().map(|device| Profile::new(device, &facts)).collect();
        let made = Profiles { audits: audits.clone(), rights: rights.map(|r| r.generation), by_device };
        let made = Arc::new(made);
        // Where one was noted that is not good, this session is about to be replaced.
        let _ = self.profiles.set(made.clone());
        made
    }

    async fn entity(&self, kernel: &Kernel) -> Result<Option<Arc<EntityFacts>>, Fault> {
        if self.entry.entity_id.is_empty() {
            return Ok(None);
        }
        let facts = kernel.identities.facts(kernel, &self.entry.entity_id).await?;
        match facts {
            Some(facts) if !facts.entity.disabled => Ok(Some(facts)),
            _ => Err(Fault::denied().because("the token's entity is disabled or gone")),
        }
    }
}
