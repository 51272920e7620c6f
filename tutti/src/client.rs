//! A small client of the public API, for the commands that use a running server.
//!
//! Invariant: it uses only what `docs/openapi.json` documents.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::CommandError;

/// Bytes per PATCH: a dropped connection costs at most this much.
const CHUNK: usize = 8 * 1024 * 1024;
/// Attempts after the first, in all, for one upload.
const MAX_RETRIES: u32 = 6;

/// Returns a server's URL without a slash at its end; `host:port` is short for `http://host:port`.
fn with_scheme(server: &str) -> String {
    let server = server.trim_end_matches('/');
    if server.contains("://") { server.to_owned() } else { format!("http://{server}") }
}

/// A client of one server with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    /// Returns a client with an access token; it sends nothing.
    pub(crate) fn with_token(server: &str, token: &str) -> Result<Self, CommandError> {
        // Uploads go faster over connections of their own.
        let http = reqwest::Client::builder().http1_only().connect_timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, server: with_scheme(server), token: token.to_owned() })
    }

    /// Signs in and returns a client of the new session.
    pub(crate) async fn sign_in(server: &str, login: &str, password: &str) -> Result<Self, CommandError> {
        let mut client = Self::with_token(server, "")?;
        let body = json!({ "login": login, "password": password, "device": "tutti command" });
        let response = client
            .http
            .post(client.url("/v1/sessions"))
            .json(&body)
            .send()
            .await
            .map_err(|error| client.unreachable_error(&error))?;
        client.token = token(&json_or_error(response).await?)?;
        Ok(client)
    }

    /// Creates an account and returns a client of its session; `None` if the handle is taken.
    pub(crate) async fn sign_up(
        server: &str,
        handle: &str,
        email: &str,
        password: &str,
    ) -> Result<Option<Self>, CommandError> {
        let mut client = Self::with_token(server, "")?;
        let body = json!({ "handle": handle, "email": email, "password": password });
        let response = client
            .http
            .post(client.url("/v1/accounts"))
            .json(&body)
            .send()
            .await
            .map_err(|error| client.unreachable_error(&error))?;
        if response.status() == StatusCode::CONFLICT {
            return Ok(None);
        }
        client.token = token(&json_or_error(response).await?)?;
        Ok(Some(client))
    }

    /// Returns the URL of a path of this server.
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.server) }
    }

    fn unreachable_error(&self, error: &reqwest::Error) -> CommandError {
        format!("{} does not respond ({error}). Is the server running? `tutti serve` starts it.", self.server).into()
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        request
            .bearer_auth(&self.token)
            .header("tus-resumable", "1.0.0")
            .send()
            .await
            .map_err(|error| self.unreachable_error(&error))
    }

    /// Sends a GET and returns the JSON of the response.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CommandError> {
        json_or_error(self.send(self.http.get(self.url(path))).await?).await
    }

    /// Sends a PATCH with a JSON body and returns the JSON of the response.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        json_or_error(self.send(self.http.patch(self.url(path)).json(body)).await?).await
    }

    /// Sends a PUT, with a JSON body if there is one, and returns the JSON of the response.
    pub(crate) async fn put(&self, path: &str, body: Option<&Value>) -> Result<Value, CommandError> {
        json_or_error(self.send(with_body(self.http.put(self.url(path)), body)).await?).await
    }

    /// Sends a POST, with a JSON body if there is one, and returns the JSON of the response.
    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, CommandError> {
        json_or_error(self.send(with_body(self.http.post(self.url(path)), body)).await?).await
    }

    /// Creates a resumable upload and returns its URL.
    pub(crate) async fn create_upload(
        &self,
        path: &Path,
        bytes: u64,
        tags: &str,
        visibility: &str,
    ) -> Result<String, CommandError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pair = |key: &str, value: &str| format!("{key} {}", STANDARD.encode(value));
        let metadata = [pair("filename", &name), pair("tags", tags), pair("visibility", visibility)].join(",");
        let request =
            self.http.post(self.url("/v1/uploads")).header("upload-length", bytes).header("upload-metadata", metadata);
        let response = self.send(request).await?;
        if response.status() != StatusCode::CREATED {
            return Err(problem_error(response).await);
        }
        let url = header(&response, "location").ok_or("the server sent no URL for the upload")?;
        Ok(self.url(&url))
    }

    /// Returns how many bytes of an upload the server has; `None` if it no longer knows the upload.
    pub(crate) async fn offset(&self, upload: &str) -> Result<Option<u64>, CommandError> {
        let response = self.send(self.http.head(upload)).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        Ok(header(&response, "upload-offset").and_then(|offset| offset.parse().ok()))
    }

    /// Sends the missing bytes of a file and returns the new item's id. After a lost connection it resumes at the
    /// server's offset.
    pub(crate) async fn resume(
        &self,
        upload: &str,
        path: &Path,
        progress: impl Fn(u64),
    ) -> Result<String, CommandError> {
        let mut file = tokio::fs::File::open(path).await?;
        let bytes = file.metadata().await?.len();
        let mut failures = 0;
        loop {
            let offset = self.offset(upload).await;
            let result = match offset {
                Ok(Some(offset)) => self.send_from(upload, &mut file, offset, bytes, &progress).await,
                Ok(None) => {
                    return Err(
                        "the server no longer knows this upload; run the command again to start from the beginning"
                            .into(),
                    );
                }
                Err(error) => Err(SendError::Retry(error)),
            };
            match result {
                Ok(id) => return Ok(id),
                Err(SendError::Final(error)) => return Err(error),
                Err(SendError::Retry(error)) if failures >= MAX_RETRIES => return Err(error),
                Err(SendError::Retry(_)) => {
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(250 << failures)).await;
                }
            }
        }
    }

    async fn send_from(
        &self,
        upload: &str,
        file: &mut tokio::fs::File,
        mut offset: u64,
        bytes: u64,
        progress: &impl Fn(u64),
    ) -> Result<String, SendError> {
        loop {
            progress(offset);
            file.seek(std::io::SeekFrom::Start(offset)).await.map_err(|error| SendError::Final(error.into()))?;
            let mut chunk = vec![0; CHUNK.min(usize::try_from(bytes - offset).unwrap_or(CHUNK))];
            file.read_exact(&mut chunk).await.map_err(|error| SendError::Final(error.into()))?;
            let request = self
                .http
                .patch(upload)
                .header("upload-offset", offset)
                .header("content-type", "application/offset+octet-stream")
                .body(chunk);
            let response = self.send(request).await.map_err(SendError::Retry)?;
            if let Some(id) = header(&response, "tutti-media-id") {
                progress(bytes);
                return Ok(id);
            }
            let status = response.status();
            match header(&response, "upload-offset").and_then(|offset| offset.parse().ok()) {
                Some(next) if status.is_success() => offset = next,
                _ if status.is_server_error()
                    || status == StatusCode::CONFLICT
                    || status == StatusCode::TOO_MANY_REQUESTS =>
                {
                    return Err(SendError::Retry(problem_error(response).await));
                }
                _ => return Err(SendError::Final(problem_error(response).await)),
            }
        }
    }
}

/// Why an attempt to send failed, and whether another may succeed.
enum SendError {
    Retry(CommandError),
    Final(CommandError),
}

fn with_body(request: RequestBuilder, body: Option<&Value>) -> RequestBuilder {
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn token(response: &Value) -> Result<String, CommandError> {
    Ok(response["access_token"].as_str().ok_or("the server sent no access token")?.to_owned())
}

async fn json_or_error(response: Response) -> Result<Value, CommandError> {
    if response.status().is_success() { Ok(response.json().await?) } else { Err(problem_error(response).await) }
}

/// Returns the sentence of a problem response.
async fn problem_error(response: Response) -> CommandError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    match (body["detail"].as_str(), body["code"].as_str()) {
        (Some(detail), Some(code)) => format!("{detail} ({code})").into(),
        _ => format!("the server responded with {status}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_enough() {
        for (given, server) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:8080/", "http://localhost:8080"),
            ("https://media.example.org/", "https://media.example.org"),
        ] {
            assert_eq!(with_scheme(given), server);
        }
    }
}
