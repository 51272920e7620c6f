//! A neighbour role: its router called in the process when it plays here, its address otherwise.
//!
//! Invariant: a caller can't tell which of the two it was.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::{Router, response::Response};
use http::{Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// An answer between services that is larger is a fault.
const MOST_JSON: usize = 64 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

/// What can go wrong with a neighbour.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It doesn't play here and no address is configured.
    #[error("the {0} role is not part of this process and has no address; set peers.{0} in the configuration")]
    Unknown(String),
    /// It did not answer.
    #[error("the {0} role did not answer")]
    Silent(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with something else than promised.
    #[error("the {0} role answered {1}")]
    Refused(String, StatusCode),
}

#[derive(Clone)]
enum Target {
    Here(Router),
    There(String),
}

/// The neighbours of a process.
#[derive(Clone)]
pub struct Peers {
    targets: Arc<RwLock<HashMap<String, Target>>>,
    client: reqwest::Client,
}

impl Default for Peers {
    fn default() -> Self {
        crate::tls::provider();
        Self { targets: Arc::default(), client: reqwest::Client::new() }
    }
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peers")
    }
}

impl Peers {
    /// A role that plays in this process.
    pub fn plays_here(&self, role: &str, router: Router) {
        self.targets.write().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), Target::Here(router));
    }

    /// A role that plays elsewhere, at `address` (such as `http://10.0.0.7:8080`).
    pub fn plays_at(&self, role: &str, address: &str) {
        let address = address.trim_end_matches('/').to_owned();
        self.targets.write().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), Target::There(address));
    }

    /// Whether the role is known.
    pub fn knows(&self, role: &str) -> bool {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).contains_key(role)
    }

    /// Sends a request, its body streamed, and answers what the role answers.
    pub async fn call(&self, role: &str, request: Request<Body>) -> Result<Response, Error> {
        let target = self.targets.read().unwrap_or_else(PoisonError::into_inner).get(role).cloned();
        match target {
            Some(Target::Here(router)) => match router.oneshot(as_if_sent(request)).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            },
            Some(Target::There(address)) => self.send(role, &address, request).await,
            None => Err(Error::Unknown(role.to_owned())),
        }
    }

    /// Sends it over the network.
    async fn send(&self, role: &str, address: &str, request: Request<Body>) -> Result<Response, Error> {
        let silent = |error: Box<dyn std::error::Error + Send + Sync>| Error::Silent(role.to_owned(), error);
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let answer = self
            .client
            .request(parts.method, format!("{address}{path}"))
            .headers(parts.headers)
            .body(reqwest::Body::wrap_stream(body.into_data_stream()))
            .send()
            .await
            .map_err(|error| silent(error.into()))?;
        let answer: http::Response<reqwest::Body> = answer.into();
        Ok(answer.map(Body::new))
    }

    /// Asks for JSON; `None` where the role answers 404. Ends after ten seconds.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, role: &str, path: &str) -> Result<Option<T>, Error> {
        let silent = |error: Box<dyn std::error::Error + Send + Sync>| Error::Silent(role.to_owned(), error);
        let uri: Uri = path.parse().map_err(|error: http::uri::InvalidUri| silent(error.into()))?;
        let request = Request::get(uri).body(Body::empty()).map_err(|error| silent(error.into()))?;
        let asked = async {
            let answer = self.call(role, request).await?;
            let status = answer.status();
            if status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !status.is_success() {
                return Err(Error::Refused(role.to_owned(), status));
            }
            let body = http_body_util::Limited::new(answer.into_body(), MOST_JSON).collect().await.map_err(silent)?;
            serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| silent(error.into()))
        };
        tokio::time::timeout(DEADLINE, asked).await.map_err(|late| silent(late.into()))?
    }
}

/// Leaves behind what one router noted for itself (such as its path parameters), which the next would take for its own.
/// Who asks, from where, and under which id goes along.
fn as_if_sent(request: Request<Body>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let mut kept = http::Extensions::new();
    if let Some(member) = parts.extensions.remove::<crate::auth::Member>() {
        kept.insert(member);
    }
    if let Some(address) = parts.extensions.remove::<axum::extract::ConnectInfo<std::net::SocketAddr>>() {
        kept.insert(address);
    }
    if let Some(id) = parts.extensions.remove::<crate::http::RequestId>() {
        kept.insert(id);
    }
    parts.extensions = kept;
    Request::from_parts(parts, body)
}
