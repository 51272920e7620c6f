//! The internal endpoint of this role: what can be played of an item.
//!
//! Invariant: only internal callers reach it (`/internal` is never routed from outside).

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use base::Query as _;
use contract::MediaId;
use contract::transcode::{FindPlayback, Published};
use http_server::Problem;
use utoipa::OpenApi;

use crate::codes;
use crate::state::Worker;
use crate::store;

/// The public part of the API: this role has none.
#[derive(OpenApi)]
#[openapi()]
struct Interface;

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    Interface::openapi()
}

pub(crate) fn router(worker: Worker) -> Router {
    Router::new().route(FindPlayback::PATH, get(find_playback)).with_state(worker)
}

/// Returns every rendition, segment and asset of an item that can be read now.
async fn find_playback(State(worker): State<Worker>, Path(id): Path<String>) -> Result<Json<Published>, Problem> {
    let id: MediaId = id.parse().map_err(|_| not_found())?;
    let db = worker.context.db.read();
    if store::find_job(db, &id).await?.is_none() {
        return Err(not_found());
    }
    Ok(Json(store::snapshot(db, &id).await?))
}

fn not_found() -> Problem {
    Problem::of(codes::NOT_FOUND, "There is no such media, or it is not yours to see.")
}
