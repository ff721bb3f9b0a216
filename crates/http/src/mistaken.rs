//! Plain HTTP that is sent to a listener of TLS: without an answer in plain text, whoever does so sees a connection that ends
//! without a word.
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// What Go's servers say, and so Vault.
const ANSWER: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The client is read for so long after its answer, and so far.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_LEN: u64 = 64 * 1024;

/// A connection whose first bytes can be looked at and are still there for whoever reads it then.
pub(crate) trait FirstBytes {
    /// Waits for the first byte. Whether it is one of an HTTP method: a record of TLS begins with a number below 32 (RFC 8446,
    /// section 5.1).
    async fn are_of_http(&self) -> bool;
}

impl FirstBytes for TcpStream {
    async fn are_of_http(&self) -> bool {
        let mut first = [0];
        // What cannot be read fails in the handshake too, which tells why.
        matches!(self.peek(&mut first).await, Ok(1)) && first[0].is_ascii_uppercase()
    }
}

impl FirstBytes for UnixStream {
    /// The runtime looks into none of these; plain HTTP ends without a word here.
    async fn are_of_http(&self) -> bool {
        false
    }
}

/// Tells the client, and closes.
pub(crate) async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let told = async {
        stream.write_all(ANSWER).await?;
        stream.shutdown().await
    };
    if told.await.is_err() {
        return;
    }
    // To close with bytes unread would reset the connection, and the client might lose the answer with it.
    let mut unread = stream.take(LINGER_LEN);
    let _ = timeout(LINGER, copy(&mut unread, &mut sink())).await;
}
