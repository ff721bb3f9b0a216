//! Seals that open a store without people: implementations of [`kw_barrier::seal::Seal`] that need a driver.
//!
//! - [`StaticKey`]: a key in a file or the environment of the server.
//! - [`Transit`]: the transit engine of another server, by its HTTP API.
//! - [`Pkcs11`]: a hardware module, by the library of its maker.
//!
//! None of them sees the root key: each encrypts a key made for the purpose, which encrypts the root key (see
//! [`kw_barrier::seal::SealSet`]). Every call ends in bounded time, whatever the service does.
mod pkcs11;
mod static_key;
mod transit;

pub use pkcs11::{OaepHash, Pkcs11, Pkcs11Mechanism, Pkcs11Options};
pub use static_key::{StaticKey, StaticKeyOptions};
pub use transit::{Transit, TransitOptions};
