//! Gives each request to the next node, as long as clients open a connection for each, which the scenarios do.
//!
//! Nodes share everything but what is theirs alone: whether they are open, and ceremonies that have begun. So each node is told to
//! seal and to unseal itself, as an operator tells each, and the steps of a ceremony go to one node.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The longest first line that is looked at.
const LINE_LEN_MAX: usize = 64 * 1024;

/// Whom a request is for.
#[derive(Debug, PartialEq, Eq)]
pub enum For {
    Next,
    Each,
    First,
}

impl For {
    /// By the first line of a request: `PUT /v1/sys/seal HTTP/1.1`.
    pub fn of(line: &str) -> Self {
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        match path.strip_prefix("/v1/sys/").unwrap_or_default() {
            "seal" | "unseal" if method != "GET" => Self::Each,
            ceremony if ["generate-root/", "rekey/", "rekey-recovery-key/"].iter().any(|c| ceremony.starts_with(c)) => {
                Self::First
            }
            _ => Self::Next,
        }
    }
}

/// Passes connections on for as long as the process lives.
pub fn serve(listener: &TcpListener, nodes: Vec<u16>) {
    let (nodes, turns) = (Arc::new(nodes), AtomicUsize::new(0));
    for client in listener.incoming().flatten() {
        let (nodes, turn) = (nodes.clone(), turns.fetch_add(1, Ordering::Relaxed));
        // Whoever goes away in the middle, client or node, is the other's matter.
        thread::spawn(move || pass(client, &nodes, turn));
    }
}

fn pass(mut client: TcpStream, nodes: &[u16], turn: usize) -> std::io::Result<()> {
    let mut begun = Vec::new();
    while !begun.contains(&b'\n') && begun.len() < LINE_LEN_MAX {
        if read_more(&mut client, &mut begun)? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(begun.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let audience = For::of(&line);
    let turn = if audience == For::First { 0 } else { turn };
    let mut in_turn = nodes.iter().cycle().skip(turn % nodes.len());
    let node = *in_turn.next().unwrap_or(&0);
    if audience == For::Each {
        read_whole(&mut client, &mut begun)?;
        for other in in_turn.take(nodes.len() - 1) {
            tell(*other, &begun)?;
        }
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, node))?;
    server.write_all(&begun)?;
    let (mut asking, mut asked) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = std::io::copy(&mut asking, &mut asked);
        let _ = asked.shutdown(Shutdown::Write);
    });
    std::io::copy(&mut server, &mut client)?;
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

/// A request with a body of known length, which is all that those for each node have.
fn read_whole(client: &mut TcpStream, begun: &mut Vec<u8>) -> std::io::Result<()> {
    while missing(begun).is_none_or(|bytes| bytes > 0) {
        if read_more(client, begun)? == 0 {
            break;
        }
    }
    Ok(())
}

/// How many bytes a request lacks; `None` if that is not known before more of it is there.
fn missing(begun: &[u8]) -> Option<usize> {
    let end = begun.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(begun.get(..end)?).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some((end + length.unwrap_or(0)).saturating_sub(begun.len()))
}

fn read_more(client: &mut TcpStream, begun: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 4096];
    let length = client.read(&mut buffer)?;
    begun.extend_from_slice(buffer.get(..length).unwrap_or_default());
    Ok(length)
}

/// A request whose answer nobody waits for but that it is there.
fn tell(node: u16, request: &[u8]) -> std::io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, node))?;
    let line = request.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (first, rest) = request.split_at(line);
    server.write_all(&[first, b"Connection: close\r\n", rest].concat())?;
    server.read_to_end(&mut Vec::new()).map(drop)
}
