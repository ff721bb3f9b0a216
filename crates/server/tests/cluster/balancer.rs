//! A plain TCP load balancer: connections go to the nodes in turn, and to another one where a node takes none.
//!
//! It can kill a node in the middle: after the node's answer, and before anybody asks it again. A request that is on its way when its
//! node dies has no known outcome for any client; what comes of those is the matter of the other tests.
use crate::nodes::Node;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// An answer is whole when its node has said nothing more for so long.
const SILENCE: Duration = Duration::from_millis(100);

/// It ends its nodes when it is dropped.
pub struct Balancer {
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    nodes: Vec<Node>,
    connections: AtomicUsize,
    /// Pieces of answers of the first node until it is killed.
    left: AtomicUsize,
    has_struck: AtomicBool,
}

impl Balancer {
    /// Kills the first node after so many pieces of its answers.
    pub fn start(nodes: Vec<Node>, answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (connections, left, has_struck) = (AtomicUsize::new(0), AtomicUsize::new(answers), AtomicBool::new(false));
        let shared = Arc::new(Shared { nodes, connections, left, has_struck });
        // The thread ends with the process, and keeps nothing.
        let serving = Arc::downgrade(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(shared) = serving.upgrade() else { return };
                thread::spawn(move || shared.pass(client));
            }
        });
        Self { address, shared }
    }

    pub fn has_struck(&self) -> bool {
        self.shared.has_struck.load(Ordering::SeqCst)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.nodes.iter().for_each(Node::kill);
        // Connections end with their node; whoever is last removes the nodes' folders.
        for _ in 0..500 {
            if Arc::strong_count(&self.shared) == 1 {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    fn pass(&self, client: TcpStream) {
        let turn = self.connections.fetch_add(1, Ordering::SeqCst);
        let in_turn = self.nodes.iter().cycle().skip(turn % self.nodes.len()).take(self.nodes.len());
        let taken = in_turn.filter_map(|node| Some((node, TcpStream::connect(node.address()?).ok()?))).next();
        let Some((node, server)) = taken else { return };
        let (mut asking, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let up = thread::spawn(move || {
            let _ = std::io::copy(&mut asking, &mut asked);
            let _ = asked.shutdown(Shutdown::Write);
        });
        self.answer(node, &client, server);
        let _ = client.shutdown(Shutdown::Both);
        let _ = up.join();
    }

    fn answer(&self, node: &Node, mut client: &TcpStream, mut server: TcpStream) {
        let mut buffer = [0; 64 * 1024];
        while let Ok(length @ 1..) = server.read(&mut buffer) {
            let mut answer = buffer[..length].to_vec();
            let is_last = node.number == 1 && self.left.fetch_sub(1, Ordering::SeqCst) == 1;
            if is_last {
                let _ = server.set_read_timeout(Some(SILENCE));
                while let Ok(more @ 1..) = server.read(&mut buffer) {
                    answer.extend_from_slice(&buffer[..more]);
                }
                node.kill();
                self.has_struck.store(true, Ordering::SeqCst);
            }
            // The end of the connection is there together with the answer.
            if client.write_all(&answer).is_err() || is_last {
                return;
            }
        }
    }
}
