//! A client that sends HTTP byte by byte, so that it can be slow, malformed or disconnected.

use std::time::Duration;

use testkit::{TestClient, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection.
pub struct RawConnection(TcpStream);

impl RawConnection {
    pub async fn open(world: &World) -> Self {
        Self(TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap())
    }

    /// Opens a connection and sends the head of a request.
    pub async fn request(world: &World, member: &TestClient, line: &str, headers: &str) -> Self {
        let mut connection = Self::open(world).await;
        let head = format!(
            "{line} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {}\r\n{headers}\r\n\r\n",
            member.token().unwrap()
        );
        assert!(connection.send(head.as_bytes()).await);
        connection
    }

    /// Sends bytes. Returns `false` once the server has closed the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Reads a response; its head states the length of its body.
    pub async fn read_response(&mut self) -> String {
        let read = async {
            let mut text = Vec::new();
            loop {
                let whole = String::from_utf8_lossy(&text);
                if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                    let length = head
                        .to_lowercase()
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: ").map(|n| n.parse::<usize>().unwrap()))
                        .unwrap_or(0);
                    if body.len() >= length {
                        return whole.into_owned();
                    }
                }
                let mut chunk = [0; 4096];
                match self.0.read(&mut chunk).await {
                    Ok(0) | Err(_) => return String::from_utf8_lossy(&text).into_owned(),
                    Ok(read) => text.extend_from_slice(&chunk[..read]),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), read).await.expect("the server responds")
    }

    /// Returns whether the server closes the connection soon.
    pub async fn is_closed(&mut self) -> bool {
        let read = async {
            let mut chunk = [0; 4096];
            while matches!(self.0.read(&mut chunk).await, Ok(read) if read > 0) {}
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.is_ok()
    }

    /// Closes the sending side.
    pub async fn shutdown_write(&mut self) {
        let _ = self.0.shutdown().await;
    }
}
