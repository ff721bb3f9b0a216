//! Between the store and etcd: cuts connections, or keeps back what etcd answers, when it is told to.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Default)]
pub struct Switches {
    /// Connections are refused.
    pub down: AtomicBool,
    /// What etcd sends is thrown away; what it is sent arrives.
    pub mute: AtomicBool,
    /// What is sent to etcd is thrown away from now on, in this connection; what was sent before arrives.
    pub deaf: AtomicBool,
    /// How many connections there were.
    pub count: AtomicUsize,
    cuts: watch::Sender<u64>,
}

impl Switches {
    /// Cuts all connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

pub async fn start(etcd_port: u16) -> (String, Arc<Switches>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let switches = Arc::new(Switches::default());
    let shared = switches.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Before looking whether it is down, so that no cut is missed.
            let cuts = shared.cuts.subscribe();
            if !shared.down.load(Ordering::Relaxed) {
                shared.count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pass(client, etcd_port, shared.clone(), cuts));
            }
        }
    });
    (format!("http://127.0.0.1:{port}"), switches)
}

async fn pass(mut client: TcpStream, etcd_port: u16, switches: Arc<Switches>, mut cuts: watch::Receiver<u64>) {
    let Ok(mut etcd) = TcpStream::connect(("127.0.0.1", etcd_port)).await else { return };
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(len @ 1..) = read else { return };
                if !switches.deaf.load(Ordering::Relaxed) && etcd.write_all(&up[..len]).await.is_err() {
                    return;
                }
            }
            read = etcd.read(&mut down) => {
                let Ok(len @ 1..) = read else { return };
                if !switches.mute.load(Ordering::Relaxed) && client.write_all(&down[..len]).await.is_err() {
                    return;
                }
            }
            _ = cuts.changed() => return,
        }
    }
}
