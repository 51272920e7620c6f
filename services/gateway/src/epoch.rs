//! The epoch of the installation, in a header of every response of the API.
//!
//! After a restore from a backup, what a client has cached and where it continues may be of a time that did not happen.
//! A client that sees another epoch than before drops both. Invariant: an installation that was never restored sends no
//! epoch.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use service::Flags;

const EPOCH: HeaderName = HeaderName::from_static("tutti-epoch");

/// Adds the header to the responses of a router.
pub(crate) fn apply(router: Router, flags: &Flags) -> Router {
    router.layer(from_fn_with_state(flags.clone(), add))
}

async fn add(State(flags): State<Flags>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let epoch = flags.epoch();
    if epoch > 0 {
        response.headers_mut().insert(EPOCH, HeaderValue::from(epoch));
    }
    response
}
