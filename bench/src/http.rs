//! A minimal HTTP/1.1 client: one request after the other on one connection.
//!
//! Invariant: it never retries and never hides a status, and it records when a request's last byte was given to the
//! kernel.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::Error;

/// The timeout of a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(2);

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    bearer: Option<String>,
    accept_encoding: &'static str,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// When the request's last byte was given to the kernel.
    pub sent: Instant,
}

impl Response {
    /// Returns the body as JSON.
    pub fn json(&self) -> Result<Value, Error> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Returns an error unless the status is `expected`.
    pub fn expect(self, expected: u16) -> Result<Self, Error> {
        if self.status == expected {
            return Ok(self);
        }
        Err(format!(
            "the server responded with {} instead of {expected}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        )
        .into())
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        Self::open_from(Ipv4Addr::LOCALHOST, address).await
    }

    /// Connects from another address of the loopback, as a client of its own.
    pub async fn open_from(source: Ipv4Addr, address: SocketAddr) -> Result<Self, Error> {
        let stream = connect_from(source, address).await?;
        Ok(Self { stream: BufReader::new(stream), address, bearer: None, accept_encoding: "" })
    }

    /// Sets the `Accept-Encoding` of each request.
    pub fn accepting(mut self, encodings: &'static str) -> Self {
        self.accept_encoding = encodings;
        self
    }

    /// Connects as the member with this access token.
    pub async fn of_member(address: SocketAddr, token: &str) -> Result<Self, Error> {
        Ok(Self::open(address).await?.with_token(token))
    }

    /// Sets the access token of each request.
    pub fn with_token(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Sends a GET.
    pub async fn get(&mut self, path: &str) -> Result<Response, Error> {
        self.send("GET", path, "", &[]).await
    }

    /// Sends a request with a body of `content_type` (empty for none).
    pub async fn send(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Response, Error> {
        let exchange = self.exchange(method, path, content_type, body);
        tokio::time::timeout(RESPONSE_TIMEOUT, exchange)
            .await
            .map_err(|_| format!("{method} {path} got no response within {} s", RESPONSE_TIMEOUT.as_secs()))?
    }

    /// Sends a GET whose response does not end. Returns what follows its head: lines, of which some are the lengths of
    /// chunks.
    pub async fn follow(mut self, path: &str) -> Result<BufReader<TcpStream>, Error> {
        let opened = tokio::time::timeout(RESPONSE_TIMEOUT, async {
            self.request("GET", path, "", &[]).await?;
            self.head().await
        });
        let (status, _) = opened
            .await
            .map_err(|_| format!("GET {path} got no response within {} s", RESPONSE_TIMEOUT.as_secs()))??;
        if status != 200 {
            return Err(format!("the server responded to GET {path} with {status}").into());
        }
        Ok(self.stream)
    }

    async fn exchange(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Response, Error> {
        let sent = self.request(method, path, content_type, body).await?;
        let (status, length) = self.head().await?;
        let body = match length {
            Length::Known(bytes) => {
                let mut body = vec![0; bytes];
                self.stream.read_exact(&mut body).await?;
                body
            }
            Length::Chunked => self.chunks().await?,
        };
        Ok(Response { status, body, sent })
    }

    /// Sends a request. Returns when its last byte was given to the kernel.
    async fn request(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Instant, Error> {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        if let Some(token) = &self.bearer {
            let _ = write!(head, "Authorization: Bearer {token}\r\n");
        }
        if !self.accept_encoding.is_empty() {
            let _ = write!(head, "Accept-Encoding: {}\r\n", self.accept_encoding);
        }
        if !content_type.is_empty() {
            let _ = write!(head, "Content-Type: {content_type}\r\n");
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        Ok(Instant::now())
    }

    async fn head(&mut self) -> Result<(u16, Length), Error> {
        let first = self.line().await?;
        let status = status(&first)?;
        let mut length = Length::Known(0);
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                if line.is_empty() {
                    return Ok((status, length));
                }
                return Err(format!("a header without a colon: {line}").into());
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Known(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            }
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let bytes = usize::from_str_radix(self.line().await?.trim(), 16)?;
            let at = body.len();
            body.resize(at + bytes, 0);
            self.stream.read_exact(&mut body[at..]).await?;
            self.line().await?;
            if bytes == 0 {
                return Ok(body);
            }
        }
    }

    async fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Connects from an address of the loopback, 127.0.0.0/8.
pub async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Result<TcpStream, Error> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

enum Length {
    Known(usize),
    Chunked,
}

/// Returns the status in a response's first line.
pub fn status(line: &str) -> Result<u16, Error> {
    let code = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    code.and_then(|code| code.parse().ok()).ok_or_else(|| format!("no HTTP answer: {line}").into())
}

/// Signs a member up at a public listener. Returns the access token.
pub async fn sign_up(address: SocketAddr, handle: &str) -> Result<String, Error> {
    let body =
        json!({ "handle": handle, "email": format!("{handle}@example.org"), "password": "a long enough passphrase" });
    let mut connection = Connection::open(address).await?;
    let response =
        connection.send("POST", "/v1/accounts", "application/json", body.to_string().as_bytes()).await?.expect(201)?;
    let token = response.json()?["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| "the response to the sign-up has no access token".into())
}

/// Returns the path that `reference` means in a playlist at `base`: relative to its folder, or from the root.
pub fn resolve(base: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let path = base.split('?').next().unwrap_or(base);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{reference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_beside_their_playlist() {
        assert_eq!(
            resolve("/v1/media/x/hls/master.m3u8?t=a", "v720/playlist.m3u8?t=a"),
            "/v1/media/x/hls/v720/playlist.m3u8?t=a"
        );
        assert_eq!(resolve("/a/b", "/c"), "/c");
    }

    #[test]
    fn statuses_are_read() {
        assert_eq!(status("HTTP/1.1 201 Created\r").unwrap(), 201);
        assert!(status("SSH-2.0").is_err());
    }
}
