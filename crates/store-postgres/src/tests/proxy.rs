//! Between the store and the server: cuts connections when it is told to.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Default)]
pub struct Switches {
    /// Whoever sends a `COMMIT` hears nothing more; it takes place.
    pub mute_commits: AtomicBool,
    /// The connection is cut when a `COMMIT` has been passed on; it may take place or not.
    pub cut_commits: AtomicBool,
    /// Connections are refused.
    pub down: AtomicBool,
    /// Whatever is sent, either way, is thrown away.
    pub silent: AtomicBool,
    cuts: watch::Sender<u64>,
}

impl Switches {
    /// Cuts all connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

pub async fn start(server_port: u16) -> (u16, Arc<Switches>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let switches = Arc::new(Switches::default());
    let shared = switches.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Before looking whether it is down, so that no cut is missed.
            let cuts = shared.cuts.subscribe();
            if !shared.down.load(Ordering::Relaxed) {
                tokio::spawn(pass(client, server_port, shared.clone(), cuts));
            }
        }
    });
    (port, switches)
}

async fn pass(mut client: TcpStream, server_port: u16, switches: Arc<Switches>, mut cuts: watch::Receiver<u64>) {
    let mut server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut muted = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(len @ 1..) = read else { return };
                if switches.silent.load(Ordering::Relaxed) {
                    continue;
                }
                server.write_all(&up[..len]).await.unwrap();
                let is_commit = up[..len].windows(7).any(|w| w == b"COMMIT\0");
                if is_commit && switches.cut_commits.load(Ordering::Relaxed) {
                    return;
                }
                muted |= is_commit && switches.mute_commits.load(Ordering::Relaxed);
            }
            read = server.read(&mut down) => {
                let Ok(len @ 1..) = read else { return };
                if switches.silent.load(Ordering::Relaxed) {
                    continue;
                }
                let committed = down[..len].windows(7).any(|w| w == b"COMMIT\0");
                if (muted && committed) || (!muted && client.write_all(&down[..len]).await.is_err()) {
                    return;
                }
            }
            _ = cuts.changed() => return,
        }
    }
}
