//! How HTTP is spoken: the accept loop, the layers every role wears, extractors with clear refusals, idempotency, live streams.
//!
//! Invariant: every answer with an error status that we make is a problem with a code and a request id.

mod bounds;
mod crowd;
mod extract;
mod framing;
mod idempotency;
mod json;
mod layers;
mod linger;
mod live;
mod neighbour;
mod patience;
mod security_headers;
mod serve;
mod strict;
mod strict_stream;
mod trace;

pub use bounds::{Bounds, HeadBounds};
pub use crowd::neighbourhood;
pub use extract::{Page, Path, Query};
pub use idempotency::{Idempotency, Repeatable};
pub use json::Json;
pub(crate) use layers::wear_behind;
pub use layers::{RequestId, Wear, wear};
pub use live::{frame, sse};
pub use neighbour::{CLIENT, Deadline, believe};
pub use security_headers::{Policy, RESOURCE_POLICY};
pub use serve::{Door, Limits, Place, serve};
pub use trace::Trace;

/// A page of a list.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    pub next: Option<String>,
}
