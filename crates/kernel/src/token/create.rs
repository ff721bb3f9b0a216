//! Making a token.
use super::find::mac_of;
use super::line::GENERATIONS_MAX;
use super::{TokenEntry, TokenType, batch};
use crate::answer::AuthAnswer;
use crate::identity::{at_login, join_groups};
use crate::kernel::Kernel;
use crate::rows::{CHILDREN, EXPIRY, LEASES, TOKEN_NAMES, TOKENS, expiry};
use kw_engine::{Cidrs, Grant, Mount, Origin, TokenKind};
use kw_store::Txn;
use kw_types::{Fault, IDENT_LEN, Ident, RngExt, Secret, Ttl};
use std::collections::BTreeMap;

/// The random part of a token's text, in characters: 142 bits.
const SECRET_LEN: usize = 24;

/// The length of a service token's text, in characters.
pub(crate) const TEXT_LEN: usize = 2 + IDENT_LEN + SECRET_LEN;

/// What a new token is to be; all checks against the maker's rights are done.
#[derive(Default)]
pub(crate) struct NewToken {
    pub kind: TokenType,
    /// A text chosen by the caller.
    pub text: Option<String>,
    /// The length in bytes of a text that is not chosen, where it must not have the usual one.
    pub text_len: Option<usize>,
    pub policies: Vec<String>,
    pub path: String,
    pub display_name: String,
    pub meta: Option<BTreeMap<String, String>>,
    pub num_uses: u64,
    pub parent: Option<String>,
    pub ttl: Ttl,
    pub explicit_max_ttl: Ttl,
    pub role_max_ttl: Ttl,
    pub period: Ttl,
    pub renewable: bool,
    /// Never expires: for root tokens without a time to live.
    pub is_endless: bool,
    pub role: String,
    pub bound_cidrs: Cidrs,
    pub entity_id: String,
    pub mount_uuid: String,
    pub origin: Option<Origin>,
}

/// A token that will be there when the transaction is committed.
pub(crate) struct Made {
    pub text: Secret<String>,
    pub entry: TokenEntry,
    pub identity_policies: Vec<String>,
}

/// Writes the rows of a new token: the entry, when it expires, whose child it is, and its lease by path.
///
/// Errors: 400 when the chosen text is in use or of a wrong form, or when the parent has too many ancestors; 403 when the parent
/// is gone.
pub(crate) async fn create(kernel: &Kernel, txn: Txn<'_>, new: NewToken) -> Result<Made, Fault> {
    let now = kernel.now();
    let ident = Ident::new(now, kernel.rng.as_ref()).to_string();
    let generation = match &new.parent {
        Some(parent) => generation_below(txn, parent).await?,
        None => 0,
    };
    let mut entry = TokenEntry {
        accessor: [ident.as_str(), &kernel.rng.base62(8)].concat(),
        ident,
        kind: new.kind,
        policies: new.policies,
        path: new.path,
        display_name: new.display_name,
        meta: new.meta,
        num_uses: new.num_uses,
        parent: new.parent,
        generation,
        created: now,
        creation_ttl: new.ttl,
        ttl: new.ttl,
        explicit_max_ttl: new.explicit_max_ttl,
        role_max_ttl: new.role_max_ttl,
        period: new.period,
        renewable: new.renewable,
        expires: (!new.is_endless).then(|| now.plus(new.ttl)),
        role: new.role,
        bound_cidrs: new.bound_cidrs,
        entity_id: new.entity_id,
        mount_uuid: new.mount_uuid,
        origin: new.origin,
        ..TokenEntry::default()
    };
    if entry.kind == TokenType::Batch {
        entry.accessor.clear();
        entry.renewable = false;
        let text = Secret::new(batch::seal(kernel, &entry)?);
        return Ok(Made { text, entry, identity_policies: Vec::new() });
    }
    let text = match (new.text, new.text_len) {
        (Some(text), _) => chosen_text(kernel, txn, text, &entry.ident).await?,
        (None, Some(len)) if len != TEXT_LEN => short_text(kernel, txn, len, &entry.ident).await?,
        (None, _) => ["s.", &entry.ident, &kernel.rng.base62(SECRET_LEN)].concat(),
    };
    entry.mac = hex::encode(mac_of(kernel, &text)?);
    write_rows(txn, &entry)?;
    kernel.counters.tokens_made.add(1);
    Ok(Made { text: Secret::new(text), entry, identity_policies: Vec::new() })
}

/// Reading the parent's row makes the commit fail if the parent is revoked meanwhile: no child survives its parent.
async fn generation_below(txn: Txn<'_>, parent: &str) -> Result<u32, Fault> {
    let entry = txn.rescoped(TOKENS).view().get::<TokenEntry>(parent).await?.filter(|e| !e.is_spent);
    let entry = entry.ok_or_else(|| Fault::denied().because("the parent token is gone"))?;
    if entry.generation >= GENERATIONS_MAX {
        return Err(Fault::bad_request(format!(
            "the token is the {GENERATIONS_MAX}th generation below an orphan and may have no children; create an orphan token"
        )));
    }
    Ok(entry.generation + 1)
}

fn write_rows(txn: Txn<'_>, entry: &TokenEntry) -> Result<(), Fault> {
    txn.rescoped(TOKENS).put(&entry.ident, entry)?;
    if let Some(end) = entry.expires {
        txn.rescoped(EXPIRY).put_bytes(&expiry(end, 't', &entry.ident), "");
    }
    if let Some(parent) = &entry.parent {
        txn.rescoped(CHILDREN).put_bytes(&[parent, "/", &entry.ident].concat(), "");
    }
    txn.rescoped(LEASES).put_bytes(&entry.lease_id(), "");
    Ok(())
}

async fn chosen_text(kernel: &Kernel, txn: Txn<'_>, text: String, ident: &str) -> Result<String, Fault> {
    if text.contains('.') || text.contains('/') || text.len() > 256 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Fault::bad_request("a token id may hold 256 ASCII characters at most, and no '.' or '/'"));
    }
    name(kernel, txn, &text, ident).await?;
    Ok(text)
}

/// A text that is all chance, without the room for the identifier, so it is found by its hash as chosen ones are.
async fn short_text(kernel: &Kernel, txn: Txn<'_>, len: usize, ident: &str) -> Result<String, Fault> {
    let chance = len.saturating_sub(2);
    if chance < SECRET_LEN {
        return Err(Fault::internal(format_args!("a token of {len} characters could be guessed")));
    }
    let text = format!("s.{}", kernel.rng.base62(chance));
    name(kernel, txn, &text, ident).await?;
    Ok(text)
}

/// Lets a token be found by the hash of its text. Errors: 400 when the text is in use.
async fn name(kernel: &Kernel, txn: Txn<'_>, text: &str, ident: &str) -> Result<(), Fault> {
    let mac = hex::encode(mac_of(kernel, text)?);
    let names = txn.rescoped(TOKEN_NAMES);
    if names.pin(&mac).await? {
        return Err(Fault::bad_request("cannot create a token with a duplicate ID"));
    }
    names.put_bytes(&mac, ident.to_owned());
    Ok(())
}

/// The token of a login: its entity, policies and times, each within what the mount allows.
pub(crate) async fn by_grant(
    kernel: &Kernel,
    txn: Txn<'_>,
    mount: &Mount,
    path: &str,
    grant: Grant,
) -> Result<Made, Fault> {
    if grant.policies.iter().any(|p| p == "root") {
        return Err(Fault::bad_request("auth methods cannot create root tokens"));
    }
    let (entity_id, has_facts) = match &grant.alias {
        Some(alias) => {
            let entered = at_login(kernel, txn, mount, alias).await?;
            join_groups(kernel, txn, mount, &entered.id, &grant.groups).await?;
            (entered.id, !entered.is_new)
        }
        None => (String::new(), false),
    };
    let kind = token_type(mount, grant.kind);
    let mut policies = grant.policies;
    if !grant.no_default_policy {
        policies.push("default".to_owned());
    }
    policies.sort();
    policies.dedup();
    let cx = kernel.cx(mount, path, None, None);
    let max = grant.max_ttl.capped(cx.max_ttl()).capped(grant.explicit_max_ttl);
    let ttl = if grant.period.is_zero() {
        grant.ttl.or(cx.default_ttl()).capped(max)
    } else {
        grant.period.capped(cx.max_ttl()).capped(grant.explicit_max_ttl)
    };
    let new = NewToken {
        kind,
        origin: Some(Origin { internal: grant.internal, policies: policies.clone(), metadata: grant.metadata.clone() }),
        policies,
        path: path.to_owned(),
        display_name: display_name(mount, &grant.display_name),
        meta: Some(grant.metadata),
        num_uses: grant.num_uses,
        ttl,
        explicit_max_ttl: grant.explicit_max_ttl,
        period: grant.period,
        renewable: grant.renewable,
        bound_cidrs: grant.bound_cidrs,
        entity_id: entity_id.clone(),
        mount_uuid: mount.uuid.clone(),
        ..NewToken::default()
    };
    let mut made = create(kernel, txn, new).await?;
    if has_facts && let Some(facts) = kernel.identities.facts(kernel, &entity_id).await? {
        made.identity_policies = facts.policies();
    }
    Ok(made)
}

/// The mount, then what the method calls the caller: `approle`, `userpass-ann`.
fn display_name(mount: &Mount, of_method: &str) -> String {
    let of_mount = mount.path.bare().trim_start_matches("auth/").replace('/', "-");
    if of_method.is_empty() { of_mount } else { [of_mount.as_str(), "-", of_method].concat() }
}

/// The mount's `token_type` decides where it is firm, the method where the mount has only a default.
fn token_type(mount: &Mount, asked: Option<TokenKind>) -> TokenType {
    let of = |kind| if kind == TokenKind::Batch { TokenType::Batch } else { TokenType::Service };
    match (mount.config.token_type.as_deref(), asked) {
        (Some("service"), _) => TokenType::Service,
        (Some("batch"), _) => TokenType::Batch,
        (_, Some(kind)) => of(kind),
        (Some("default-batch"), None) => TokenType::Batch,
        _ => TokenType::Service,
    }
}

impl Made {
    /// The `auth` block for the caller.
    pub(crate) fn answer(&self) -> AuthAnswer {
        auth_answer(self.text.expose(), &self.entry, &self.identity_policies)
    }
}

/// The `auth` block of a token; `text` is empty for a caller who knows only the accessor.
pub(crate) fn auth_answer(text: &str, entry: &TokenEntry, identity_policies: &[String]) -> AuthAnswer {
    let mut policies = entry.policies.clone();
    policies.extend(identity_policies.iter().filter(|p| !entry.policies.contains(p)).cloned());
    policies.sort();
    AuthAnswer {
        client_token: text.to_owned(),
        accessor: entry.accessor.clone(),
        policies,
        token_policies: entry.policies.clone(),
        identity_policies: identity_policies.to_vec(),
        metadata: entry.meta.clone(),
        lease_duration: entry.ttl.seconds(),
        renewable: entry.renewable,
        entity_id: entry.entity_id.clone(),
        token_type: entry.kind.word(),
        orphan: entry.parent.is_none(),
        mfa_requirement: None,
        num_uses: entry.num_uses,
        display_name: entry.display_name.clone(),
    }
}
