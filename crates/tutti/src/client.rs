//! A small client of the public interface, for the commands that use a running server.
//!
//! Invariant: what it knows about the server is what `docs/openapi.json` says.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::Failure;

/// Bytes per PATCH: what a dropped connection costs at most.
const CHUNK: usize = 8 * 1024 * 1024;
const TRIES: u32 = 6;

/// A server and who we are there.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    /// With an access token.
    pub(crate) fn with_token(server: &str, token: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// Signs in.
    pub(crate) async fn sign_in(server: &str, login: &str, password: &str) -> Result<Self, Failure> {
        let mut client = Self::with_token(server, "")?;
        let body = json!({ "login": login, "password": password, "device": "tutti command" });
        let answer = client.http.post(client.url("/v1/sessions")).json(&body).send().await.map_err(|error| client.unreachable(&error))?;
        client.token = token(&good(answer).await?)?;
        Ok(client)
    }

    /// Makes an account and is signed in; `None` where the handle is taken.
    pub(crate) async fn sign_up(server: &str, handle: &str, email: &str, password: &str) -> Result<Option<Self>, Failure> {
        let mut client = Self::with_token(server, "")?;
        let body = json!({ "handle": handle, "email": email, "password": password });
        let answer = client.http.post(client.url("/v1/accounts")).json(&body).send().await.map_err(|error| client.unreachable(&error))?;
        if answer.status() == StatusCode::CONFLICT {
            return Ok(None);
        }
        client.token = token(&good(answer).await?)?;
        Ok(Some(client))
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.server) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        format!("{} does not answer ({error}). Is the server running? `tutti serve` starts it.", self.server).into()
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.bearer_auth(&self.token).header("tus-resumable", "1.0.0").send().await.map_err(|error| self.unreachable(&error))
    }

    /// GET, as JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        good(self.send(self.http.get(self.url(path))).await?).await
    }

    /// PATCH with JSON.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        good(self.send(self.http.patch(self.url(path)).json(body)).await?).await
    }

    /// Begins a resumable upload; answers its address.
    pub(crate) async fn begin(&self, path: &Path, bytes: u64, tags: &str, visibility: &str) -> Result<String, Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pair = |key: &str, value: &str| format!("{key} {}", STANDARD.encode(value));
        let metadata = [pair("filename", &name), pair("tags", tags), pair("visibility", visibility)].join(",");
        let request = self.http.post(self.url("/v1/uploads")).header("upload-length", bytes).header("upload-metadata", metadata);
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::CREATED {
            return Err(problem(answer).await);
        }
        let address = header(&answer, "location").ok_or("the server named no address for the upload")?;
        Ok(self.url(&address))
    }

    /// How many bytes of an upload the server has; `None` if it no longer knows the upload.
    pub(crate) async fn offset(&self, upload: &str) -> Result<Option<u64>, Failure> {
        let answer = self.send(self.http.head(upload)).await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        Ok(header(&answer, "upload-offset").and_then(|offset| offset.parse().ok()))
    }

    /// Sends what is missing of a file; answers the new item's id. Lost connections are taken up again where they broke.
    pub(crate) async fn resume(&self, upload: &str, path: &Path, progress: impl Fn(u64)) -> Result<String, Failure> {
        let mut file = tokio::fs::File::open(path).await?;
        let bytes = file.metadata().await?.len();
        let mut failures = 0;
        loop {
            let asked = self.offset(upload).await;
            let sent = match asked {
                Ok(Some(offset)) => self.send_from(upload, &mut file, offset, bytes, &progress).await,
                Ok(None) => return Err("the server no longer knows this upload; give the command again to start anew".into()),
                Err(error) => Err(Cut::Retry(error)),
            };
            match sent {
                Ok(id) => return Ok(id),
                Err(Cut::Final(error)) => return Err(error),
                Err(Cut::Retry(error)) if failures >= TRIES => return Err(error),
                Err(Cut::Retry(_)) => {
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(250 << failures)).await;
                }
            }
        }
    }

    async fn send_from(&self, upload: &str, file: &mut tokio::fs::File, mut offset: u64, bytes: u64, progress: &impl Fn(u64)) -> Result<String, Cut> {
        loop {
            progress(offset);
            file.seek(std::io::SeekFrom::Start(offset)).await.map_err(|error| Cut::Final(error.into()))?;
            let mut chunk = vec![0; CHUNK.min(usize::try_from(bytes - offset).unwrap_or(CHUNK))];
            file.read_exact(&mut chunk).await.map_err(|error| Cut::Final(error.into()))?;
            let request = self.http.patch(upload).header("upload-offset", offset).header("content-type", "application/offset+octet-stream").body(chunk);
            let answer = self.send(request).await.map_err(Cut::Retry)?;
            if let Some(id) = header(&answer, "tutti-media-id") {
                progress(bytes);
                return Ok(id);
            }
            let status = answer.status();
            match header(&answer, "upload-offset").and_then(|offset| offset.parse().ok()) {
                Some(next) if status.is_success() => offset = next,
                _ if status.is_server_error() || status == StatusCode::CONFLICT || status == StatusCode::TOO_MANY_REQUESTS => return Err(Cut::Retry(problem(answer).await)),
                _ => return Err(Cut::Final(problem(answer).await)),
            }
        }
    }
}

/// How an attempt to send ended.
enum Cut {
    Retry(Failure),
    Final(Failure),
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn token(answer: &Value) -> Result<String, Failure> {
    Ok(answer["access_token"].as_str().ok_or("the server sent no access token")?.to_owned())
}

async fn good(answer: Response) -> Result<Value, Failure> {
    if answer.status().is_success() { Ok(answer.json().await?) } else { Err(problem(answer).await) }
}

/// The sentence of a problem.
async fn problem(answer: Response) -> Failure {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    match (body["detail"].as_str(), body["code"].as_str()) {
        (Some(detail), Some(code)) => format!("{detail} ({code})").into(),
        _ => format!("the server answered {status}").into(),
    }
}
