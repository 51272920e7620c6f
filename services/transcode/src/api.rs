//! The internal endpoints of this role: what can be played of an item, and how far its conversion is.
//!
//! Invariant: only internal callers reach it (`/internal` is never routed from outside).

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use base::Query as _;
use contract::MediaId;
use contract::transcode::{Conversion, FindConversion, FindPlayback, Published, RenditionProgress, Task};
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
    Router::new()
        .route(FindPlayback::PATH, get(find_playback))
        .route(FindConversion::PATH, get(find_conversion))
        .with_state(worker)
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

/// Returns how far the conversion of an item is.
async fn find_conversion(State(worker): State<Worker>, Path(id): Path<String>) -> Result<Json<Conversion>, Problem> {
    let id: MediaId = id.parse().map_err(|_| not_found())?;
    let db = worker.context.db.read();
    if store::find_job(db, &id).await?.is_none() {
        return Err(not_found());
    }
    let tasks = store::list_tasks(db, &id).await?;
    let Published { renditions, segments, .. } = store::snapshot(db, &id).await?;
    let made = |name: &str| segments.iter().filter(|segment| segment.rendition == name).count();
    let renditions = renditions.into_iter().map(|rendition| RenditionProgress {
        segments: u32::try_from(made(&rendition.name)).unwrap_or(u32::MAX),
        name: rendition.name,
        codecs: rendition.codecs,
        width: rendition.width,
        height: rendition.height,
        bandwidth: rendition.bandwidth,
        total_segments: rendition.total_segments,
    });
    let tasks = tasks.into_iter().map(|record| Task {
        name: record.task.to_string(),
        state: record.state.as_str().to_owned(),
        percent: u8::try_from(record.permille / 10).unwrap_or(100),
    });
    Ok(Json(Conversion { tasks: tasks.collect(), renditions: renditions.collect() }))
}

fn not_found() -> Problem {
    Problem::of(codes::NOT_FOUND, "There is no such media, or it is not yours to see.")
}
