//! The encryption barrier: everything that the store holds passes through it, and nothing passes while it is sealed.
//!
//! # Key hierarchy
//! ```text
//! shares of the unseal key or of the recovery key (Shamir, held by people), or key services (implementations of `Seal`)
//!   └─ unseal key, recovery key, or a key for each service, 32 bytes; stored, if at all, as the service has encrypted it
//!        └─ root key, 32 bytes, stored encrypted in the rows ROOT_KEY_ROW and RECOVERY_KEY_ROW
//!             └─ keyring, stored encrypted in the row KEYRING_ROW
//!                  ├─ base secret, made once  ── HKDF by label ─> subkeys: token hashing, audit HMAC, wrapping ...
//!                  └─ term 1, term 2, ...     ── HKDF          ─> AES-256-GCM data keys; new rows use the newest term
//! ```
//! Rotation adds a term and changes no row; rekeying replaces the unseal key, its shares and the root key, and changes no
//! term. Subkeys outlive both, so hashes and HMACs stay comparable.
//!
//! Every key is used for one algorithm and one purpose: a stored key is never used itself, only what HKDF-SHA-256 (RFC 5869)
//! derives from it under a label of this crate. All keys are zeroed when they are dropped.
//!
//! # What this crate does not do
//! It does no I/O. The kernel reads and writes the rows that [`seal`] names (with [`kw_store::Clear`], since they are read
//! before the barrier is open), and it hands them to [`Barrier`] and to the state machines in [`ceremony`].
//!
//! A whole store that is put back to an older state opens: a row authenticates its key and its term, not its age. The kernel
//! keeps a mark outside of the store for that.
mod barrier;
pub mod ceremony;
mod cipher;
mod derive;
mod entropy;
mod envelope;
mod error;
mod keyring;
mod mac;
pub mod pgp;
pub mod seal;
pub mod shamir;

pub use barrier::{Barrier, CHECKPOINT_AT, ENCRYPTIONS_MAX, KeyringChange, ROTATE_AT, TermStatus};
pub use derive::{KEY_LEN, RootKey, UnsealKey};
pub use entropy::SystemRng;
pub use error::BarrierError;
pub use mac::sha256;

#[cfg(test)]
mod tests;
