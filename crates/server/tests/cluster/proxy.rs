//! Between a node and its store: a line that can be cut.
use std::net::TcpListener as Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Open,
    /// Connections are closed, and new ones as soon as they come.
    Cut,
    /// Connections stay, and nothing comes through: as where packets are dropped.
    Silent,
}

/// The ways of one node to all members of its store. It ends with its value.
pub struct Proxy {
    /// One for each target, in their order.
    pub ports: Vec<u16>,
    line: watch::Sender<Line>,
}

impl Proxy {
    pub fn start(targets: &[u16]) -> Self {
        let (line, seen) = watch::channel(Line::Open);
        let listeners: Vec<(Listener, u16)> =
            targets.iter().map(|target| (Listener::bind("127.0.0.1:0").unwrap(), *target)).collect();
        let ports = listeners.iter().map(|(listener, _)| listener.local_addr().unwrap().port()).collect();
        std::thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(serve(listeners, seen));
        });
        Self { ports, line }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn serve(listeners: Vec<(Listener, u16)>, mut line: watch::Receiver<Line>) {
    for (listener, target) in listeners {
        listener.set_nonblocking(true).unwrap();
        tokio::spawn(accept(TcpListener::from_std(listener).unwrap(), target, line.clone()));
    }
    while line.changed().await.is_ok() {}
}

async fn accept(listener: TcpListener, target: u16, line: watch::Receiver<Line>) {
    while let Ok((node, _)) = listener.accept().await {
        if *line.borrow() != Line::Cut {
            tokio::spawn(pass(node, target, line.clone()));
        }
    }
}

async fn pass(mut node: TcpStream, target: u16, mut line: watch::Receiver<Line>) {
    let Ok(mut store) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (node.set_nodelay(true), store.set_nodelay(true));
    let ((from_node, to_node), (from_store, to_store)) = (node.split(), store.split());
    let (up, down) = (line.clone(), line.clone());
    tokio::select! {
        () = pump(from_node, to_store, up) => {}
        () = pump(from_store, to_node, down) => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut line: watch::Receiver<Line>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let open = line.wait_for(|line| *line == Line::Open).await.is_ok();
        if !open || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
