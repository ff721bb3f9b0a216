//! The policies that every server has.

/// The name of the policy that may do everything. It has no text, and cannot be written or deleted.
pub const ROOT: &str = "root";

/// The name of the policy that tokens get unless they are made without. It can be rewritten but not deleted.
pub const DEFAULT: &str = "default";

/// The name of the policy of wrapping tokens. It cannot be given to other tokens, rewritten or deleted.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";

/// The text of [`DEFAULT`] on a new server: what any token may do with itself, its leases, its cubbyhole and its wrapped
/// answers. The rights are those of OpenBao's default.
pub const DEFAULT_TEXT: &str = r#"# The token itself: see it, renew it, give it back, ask what it may do.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

path "sys/capabilities-self" {
  capabilities = ["update"]
}

# What user interfaces show of a token's rights.
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# The entity behind the token.
path "identity/entity/id/{{identity.entity.id}}" {
  capabilities = ["read"]
}

path "identity/entity/name/{{identity.entity.name}}" {
  capabilities = ["read"]
}

# Leases: whoever knows a lease identifier may look at it and renew it. The second path is the one that old clients use.
path "sys/leases/renew" {
  capabilities = ["update"]
}

path "sys/renew" {
  capabilities = ["update"]
}

path "sys/leases/lookup" {
  capabilities = ["update"]
}

# A private drawer for every token.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# Wrapping of answers: wrap a value, look at a wrapping token, unwrap it.
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}

path "sys/wrapping/lookup" {
  capabilities = ["update"]
}

path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

# Hashes of what the caller sends.
path "sys/tools/hash" {
  capabilities = ["update"]
}

path "sys/tools/hash/*" {
  capabilities = ["update"]
}

# Requests that wait for the consent of others: their state.
path "sys/control-group/request" {
  capabilities = ["update"]
}

# Signing in to applications by OpenID Connect.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}
"#;

/// The text of [`RESPONSE_WRAPPING`].
pub const RESPONSE_WRAPPING_TEXT: &str = r#"path "cubbyhole/response" {
  capabilities = ["create", "read"]
}

path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
"#;
