//! HTTP: the accept loop, the layers of every role, strict extractors, problems, access tokens, signed URLs,
//! idempotency, live streams.
//!
//! Invariant: every error response that we create is a problem with a code and a request id.

pub mod auth;
mod binary;
mod bounds;
mod compression;
pub mod conditional;
mod connection;
mod connections;
mod extensions;
mod extract;
mod framing;
mod framing_stream;
mod http1;
mod http2;
mod idempotency;
mod internal_headers;
pub mod jobs;
mod json;
mod layers;
mod linger;
pub mod operators;
mod pacing;
pub mod problem;
pub mod range;
pub mod rate_table;
pub mod sealed_secret;
mod security_headers;
mod serve;
mod shape_error;
pub mod signed_url;
mod smuggling;
mod sse;
pub mod tls;
mod trace;
mod write_timeout;

pub use binary::Binary;
pub use bounds::{Bounds, HeadBounds};
pub use compression::compress_json;
pub use connection::{ConnectionPermit, Limits, OverTls};
pub use connections::client_prefix;
pub use extensions::keep_forwarded;
pub use extract::{Page, Path, Query};
pub use idempotency::{Effect, Idempotency, Removed, Repeatable};
pub use internal_headers::{CLIENT_IP, Deadline, LISTENER, OPERATORS_LISTENER, trust_internal_headers};
pub use json::{Json, MAX_JSON_BYTES, is_json};
pub use layers::{LayerState, RequestId, RouterLayer, with_common_layers, with_guarded_layers};
pub use pacing::{ClientPace, TooSlow};
pub use problem::Problem;
pub use security_headers::{Policy, RESOURCE_POLICY};
pub use serve::{Listener, serve, serve_tls};
pub use sse::{sse, sse_event};
pub use trace::write_trace;

/// A page of a list.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    pub next: Option<String>,
}
