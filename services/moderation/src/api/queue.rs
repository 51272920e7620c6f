//! `/v1/admin/moderation/queue`: what waits for a decision, and who works on it.
//!
//! Invariant: only moderators read cases, and a case is held by one of them at a time.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderName, StatusCode};
use http_server::operators::{Moderator, Operator};
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::{CaseDetailView, CaseView};
use super::{NO_STORE, account_of};
use crate::commands;
use crate::error::Error;
use crate::model::{CaseState, QueuePlace};
use crate::queries;
use crate::state::Moderation;

/// A case that caches don't keep.
type CaseResponse = ([(HeaderName, &'static str); 1], Json<CaseDetailView>);

/// Parameters of the queue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QueueParams {
    /// Cases in this state; `open` by default.
    #[param(example = "open")]
    state: Option<CaseState>,
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Lists cases, the most urgent first, then the oldest.
///
/// Continue with the `next` of a page as `after`. Reports of one thing are one case. Appeals are among them,
/// and what checks hold until a moderator has read it.
#[utoipa::path(
    get,
    path = "/v1/admin/moderation/queue",
    operation_id = "list_moderation_queue",
    tag = "operators",
    security(("token" = [])),
    params(
        QueueParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of cases",
            body = List<CaseView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Query(params): Query<QueueParams>,
) -> Result<impl IntoResponse, Error> {
    let after = params.after.as_deref().map_or(Ok(QueuePlace::START), str::parse)?;
    let size = Page { limit: params.limit, after: None }.size();
    let state = params.state.unwrap_or(CaseState::Open);
    let (found, handles, next) = queries::list(&moderation, state, after, size).await?;
    let now = moderation.context.clock.now();
    let items: Vec<CaseView> = found.iter().map(|case| CaseView::of(case, &handles, now)).collect();
    Ok((NO_STORE, Json(List { items, next })))
}

/// Returns a case with its evidence, its reports, and what was decided about its owner before.
///
/// The evidence is a copy from the moment of the first report: it stays when the thing is changed or removed.
#[utoipa::path(
    get,
    path = "/v1/admin/moderation/queue/{id}",
    operation_id = "show_moderation_case",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The case's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    responses(
        (
            status = 200,
            description = "The case",
            body = CaseDetailView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["moderation.no_such_case"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn show(
    _: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    respond(&moderation, id).await
}

/// Lists open cases like this one: of the same account, or with a text that is alike.
///
/// At most 50. Name them in `also` of a decision to decide the same about them.
#[utoipa::path(
    get,
    path = "/v1/admin/moderation/queue/{id}/like",
    operation_id = "list_cases_like",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The case's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    responses(
        (
            status = 200,
            description = "The cases",
            body = List<CaseView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["moderation.no_such_case"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn list_like(
    _: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    let (found, handles) = queries::list_like(&moderation, id).await?;
    let now = moderation.context.clock.now();
    let items: Vec<CaseView> = found.iter().map(|case| CaseView::of(case, &handles, now)).collect();
    Ok((NO_STORE, Json(List { items, next: None })))
}

/// Claims a case, so that no other moderator works on it.
///
/// The claim ends by itself after `moderation.claim_minutes`; claiming again makes it longer. A moderator claims
/// neither a case about themselves, nor one that they have reported, nor an appeal against a decision of theirs.
#[utoipa::path(
    post,
    path = "/v1/admin/moderation/queue/{id}/claim",
    operation_id = "claim_moderation_case",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The case's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    responses(
        (
            status = 200,
            description = "The case",
            body = CaseDetailView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "moderation.claimed",
            "moderation.decided_already",
            "moderation.no_such_case",
            "moderation.own_case",
        ])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn claim(
    operator: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    commands::claim_case(&moderation, account_of(&operator.actor), id).await?;
    respond(&moderation, id).await
}

/// Gives a claimed case back.
///
/// Does nothing to a case that the caller has not claimed.
#[utoipa::path(
    delete,
    path = "/v1/admin/moderation/queue/{id}/claim",
    operation_id = "release_moderation_case",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The case's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    responses(
        (
            status = 204,
            description = "The caller has not claimed it any more",
        ),
    ),
    extensions(
        ("x-codes" = json!(["moderation.no_such_case"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn release(
    operator: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::release_case(&moderation, account_of(&operator.actor), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Responds with a case as it is now.
async fn respond(moderation: &Moderation, id: Uuid) -> Result<CaseResponse, Error> {
    let detail = queries::find(moderation, id).await?;
    Ok((NO_STORE, Json(CaseDetailView::of(detail, moderation.context.clock.now()))))
}
