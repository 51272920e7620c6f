//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: an item that a signed URL would not open has no stream here.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Query as _;
use contract::MediaId;
use contract::delivery::{FindStreams, MAX_STREAMS_PER_QUERY, Stream};
use http_server::{Json, Path};

use crate::error::Error;
use crate::queries;
use crate::state::Delivery;

pub(super) fn router() -> Router<Delivery> {
    Router::new().route(FindStreams::PATH, get(streams))
}

async fn streams(State(delivery): State<Delivery>, Path(ids): Path<String>) -> Result<Json<Vec<Stream>>, Error> {
    let ids = ids.split(',').take(MAX_STREAMS_PER_QUERY).filter_map(|id| id.parse::<MediaId>().ok());
    Ok(Json(queries::list_streams(&delivery, ids.collect()).await?))
}
