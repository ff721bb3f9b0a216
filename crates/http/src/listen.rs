//! Sockets to listen on.
use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A socket that is bound and listens. It can be cloned: each event loop accepts from its own handle of the same queue.
#[derive(Debug)]
pub enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// Why a socket could not be bound, with what to do about it.
#[derive(Debug)]
pub struct ListenError(String);

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ListenError {}

/// Binds `host:port`. Port 0 takes a free one.
pub fn bind_tcp(address: &str) -> Result<Bound, ListenError> {
    let told =
        |e: io::Error| ListenError(format!("cannot listen on {address}: {e}; choose a free address of this machine"));
    let addresses: Vec<_> = address.to_socket_addrs().map_err(told)?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(told)?;
    listener.set_nonblocking(true).map_err(told)?;
    Ok(Bound::Tcp(listener))
}

/// Binds a path with this mode (`None`: 0600). A socket that nobody listens on any more is replaced; one in use is not.
pub fn bind_unix(path: impl AsRef<Path>, mode: Option<u32>) -> Result<Bound, ListenError> {
    let path = path.as_ref();
    let told = |e: io::Error| ListenError(format!("cannot listen on {}: {e}", path.display()));
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(ListenError(format!("cannot listen on {}: another process does", path.display())));
        }
        std::fs::remove_file(path).map_err(told)?;
    }
    let listener = UnixListener::bind(path).map_err(told)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode.unwrap_or(0o600))).map_err(told)?;
    listener.set_nonblocking(true).map_err(told)?;
    Ok(Bound::Unix(listener, path.to_path_buf()))
}

impl Bound {
    /// Another handle of the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            Self::Unix(listener, path) => Self::Unix(listener.try_clone()?, path.clone()),
        })
    }

    /// The address as it turned out, for the log.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|a| a.to_string()).unwrap_or_default(),
            Self::Unix(_, path) => path.display().to_string(),
        }
    }
}
