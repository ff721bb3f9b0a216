//! Audit entries: what is told of a request and of its answer, how values are hashed, and where lines go.
//!
//! A leaf: it is handed facts and gives lines; it never calls back. The kernel decides when lines are written and holds every
//! answer until at least one device has them.
mod device;
mod entry;
mod hash;
mod json;
mod profile;
mod settle;
mod sink;

pub use device::{Device, DeviceConfig, DeviceOptions, SinkKind};
pub use entry::{
    AuthFacts, HeaderFact, MountText, RequestFacts, ResponseFacts, Subject, Verdict, WrapFacts, write_request,
    write_response,
};
pub use hash::Hasher;
pub use profile::Profile;
pub use sink::{AuditSink, DiscardSink, FileSink, StdoutSink};

#[cfg(test)]
mod tests;
