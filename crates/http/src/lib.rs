//! The edge: TLS, HTTP/1.1 and 2, and Vault's quirks of the wire. It turns bytes into a [`kw_kernel::Received`] and an answer
//! into bytes, and knows no route but the prefix `/v1/`.
mod bytes;
mod convert;
mod frame;
mod head;
mod line;
mod listen;
mod mistaken;
mod pieces;
mod plain;
mod render;
mod rules;
mod seat;
mod serve;
mod strict;
mod tls;
mod watch;

pub use listen::{Bound, ListenError, bind_tcp, bind_unix};
pub use rules::{Forwarded, Limits, Rules};
pub use seat::Seat;
pub use serve::{Listener, Shutdown, serve};
pub use tls::{ClientCerts, TlsConfig, TlsError, TlsReload};
