//! A client that sends requests to the world over HTTP.
//!
//! Invariant: every request goes through the real socket.

use http::Method;
use reqwest::RequestBuilder;
use serde_json::Value;
use uuid::Uuid;

use crate::response::TestResponse;

/// An HTTP client with or without an access token.
#[derive(Debug, Clone)]
pub struct TestClient {
    /// The account's id; nil for a client without a token.
    pub id: Uuid,
    token: Option<String>,
    url: String,
    client: reqwest::Client,
}

impl TestClient {
    pub(crate) fn new(url: &str, client: reqwest::Client, token: Option<String>, id: Uuid) -> Self {
        Self { id, token, url: url.to_owned(), client }
    }

    /// Returns a client for the same account with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Returns the access token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns a request to be completed; `path` begins with `/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&self, request: RequestBuilder) -> TestResponse {
        TestResponse::read(request.send().await.expect("the server responds")).await
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> TestResponse {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> TestResponse {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }
}
