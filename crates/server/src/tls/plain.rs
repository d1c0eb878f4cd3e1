//! What a client hears that speaks plain HTTP to an https address.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the exchange may take.
const EXCHANGE: Duration = Duration::from_secs(2);
/// Bytes of the request that are read, and thrown away.
const REQUEST_BYTES: u64 = 64 * 1024;

/// Says that `address` is the right one, and closes the connection.
pub(super) async fn answer(mut stream: TcpStream, address: &str) {
    let exchange = async {
        let body = format!("This address is encrypted. Open {address} instead.\n");
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Unread bytes would have the system reset the connection under the answer.
        let mut rest = stream.take(REQUEST_BYTES);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // A client that went away meanwhile needs no answer.
    let _ = timeout(EXCHANGE, exchange).await;
}
