//! HTTP: the accept loop, the layers of every role, strict extractors, idempotency, live streams.
//!
//! Invariant: every error response that we create is a problem with a code and a request id.

mod bounds;
mod connections;
mod extract;
mod framing;
mod framing_stream;
mod idempotency;
mod internal_headers;
mod json;
mod layers;
mod linger;
mod security_headers;
mod serve;
mod smuggling;
mod sse;
mod trace;
mod write_timeout;

pub use bounds::{Bounds, HeadBounds};
pub use connections::client_prefix;
pub use extract::{Page, Path, Query};
pub use idempotency::{Idempotency, Repeatable};
pub use internal_headers::{CLIENT_IP, Deadline, trust_internal_headers};
pub use json::Json;
pub(crate) use layers::with_guarded_layers;
pub use layers::{LayerState, RequestId, with_common_layers};
pub use security_headers::{Policy, RESOURCE_POLICY};
pub use serve::{ConnectionPermit, Limits, Listener, serve};
pub use sse::{sse, sse_event};
pub use trace::Trace;

/// A page of a list.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    pub next: Option<String>,
}
