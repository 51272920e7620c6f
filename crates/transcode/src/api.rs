//! The internal endpoint of this role: what can be played of an item.
//!
//! Invariant: only internal callers reach it (`/internal` is never routed from outside).

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use contract::MediaId;
use contract::transcode::Published;
use kit::Problem;
use utoipa::OpenApi;

use crate::store;
use crate::work::Worker;

/// Returns an empty public openapi_json: this role has none.
#[derive(OpenApi)]
#[openapi()]
struct Interface;

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    Interface::openapi()
}

pub(crate) fn router(worker: Worker) -> Router {
    Router::new().route("/internal/playback/{id}", get(playback)).with_state(worker)
}

/// Returns every rendition, segment and asset of an item that can be read now.
async fn playback(State(worker): State<Worker>, Path(id): Path<String>) -> Result<Json<Published>, Problem> {
    let id: MediaId = id.parse().map_err(|_| Problem::not_found("media"))?;
    let db = worker.context.db.read();
    if store::find_job(db, &id).await?.is_none() {
        return Err(Problem::not_found("media"));
    }
    Ok(Json(store::snapshot(db, &id).await?))
}
