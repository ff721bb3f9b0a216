//! Where the kernel's own rows are. Mounts' rows are under `m/<uuid>/`, see [`kw_engine::Mount::rows_prefix`].

/// Rows that are read before the barrier is open; not encrypted by it.
pub(crate) const CORE: &str = "core/";
/// Mounts by path.
pub(crate) const MOUNTS: &str = "sys/mount/";
/// ACL policies by name.
pub(crate) const POLICIES: &str = "sys/policy/";
/// Audit devices by path.
pub(crate) const AUDITS: &str = "sys/audit/";
/// Audited request headers by lower-case name.
pub(crate) const AUDIT_HEADERS: &str = "sys/audit-header/";
/// Failed logins by mount accessor and alias.
pub(crate) const LOCKOUTS: &str = "sys/lockout/";
/// Other settings of the system by name.
pub(crate) const SETTINGS: &str = "sys/setting/";
/// In [`SETTINGS`]: counts the changes of the mount table. Whoever changes it reads and writes this row, so that of two changes
/// that would not fit together (listings are not checked at commit) the later one runs again and sees the other.
pub(crate) const MOUNTS_VERSION: &str = "mounts-version";
/// Disabled and moved mounts whose leases are still to be revoked, by identifier of the departure.
pub(crate) const DEPARTURES: &str = "sys/setting/unmounting/";
/// How moves of mounts went, by identifier of the departure.
pub(crate) const MOVES: &str = "sys/setting/remount/";
/// Rules for generated passwords by name.
pub(crate) const PASSWORD_POLICIES: &str = "sys/password-policy/";
/// Tokens by identifier.
pub(crate) const TOKENS: &str = "tok/";
/// Identifiers of tokens whose text the caller chose, by keyed hash.
pub(crate) const TOKEN_NAMES: &str = "tokname/";
/// `<parent>/<child>`: children of a token.
pub(crate) const CHILDREN: &str = "child/";
/// Token roles by name.
pub(crate) const TOKEN_ROLES: &str = "tokrole/";
/// Leases by their full id. A login's lease is an empty row: its last segment is the token's identifier.
pub(crate) const LEASES: &str = "lease/";
/// `<token>/<lease id>`: leases that a token made.
pub(crate) const TOKEN_LEASES: &str = "toklease/";
/// Leases that could not be revoked, by their full id: for an operator to look at.
pub(crate) const IRREVOCABLE: &str = "irrlease/";
/// Leases that a restored copy is to revoke when it is released, by their full id.
pub(crate) const HELD_LEASES: &str = "heldlease/";
/// Who does what only one node may do, by name.
pub(crate) const CLAIMS: &str = "sys/claim/";
/// The nodes that serve this store, by the identifier of the process.
pub(crate) const MEMBERS: &str = "sys/member/";
/// Scheduled snapshots by name.
pub(crate) const SNAPSHOT_PLANS: &str = "sys/snapshot-plan/";
/// How scheduled snapshots went, by name.
pub(crate) const SNAPSHOT_STATES: &str = "sys/snapshot-state/";
/// `<deadline in 16 hexadecimal digits of nanoseconds>/<t or l>/<id>`: what expires when.
pub(crate) const EXPIRY: &str = "exp/";
/// Tokens that are dead but whose children and leases are still to be revoked.
pub(crate) const REVOKING: &str = "revq/";
/// Answers behind wrapping tokens, by the token's identifier.
pub(crate) const WRAPPED: &str = "wrap/";
/// Identity: entities, aliases, groups and their indexes.
pub(crate) const IDENTITY: &str = "id/";

/// The name of an expiry row, without [`EXPIRY`].
pub(crate) fn expiry(deadline: kw_types::Time, kind: char, id: &str) -> String {
    let nanos = deadline.nanos().max(0).to_be_bytes();
    [&hex::encode(nanos), "/", kind.encode_utf8(&mut [0; 4]), "/", id].concat()
}
