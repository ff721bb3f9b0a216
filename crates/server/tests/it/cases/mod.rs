//! The known flaws of this family of systems, each as a test of the flaw and of its allowed twin. The table in
//! `docs/security.md` says which row of the list of flaws each one is.
mod identity;
mod input;
mod kv;
mod login;
mod paths;
mod policy;
mod storage;
mod system;
mod tokens;
mod wrapping;
