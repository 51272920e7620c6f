//! `/v1/me/decisions` and `/v1/appeals`: what was decided against the caller, and what they say to that.
//!
//! Members who are suspended or banned reach it too, with a token for appeals. Invariant: no operation here takes an
//! account id; a decision about another member is a 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::AccountId;
use http::StatusCode;
use http_server::auth::MaybeSuspended;
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{AppealView, OwnDecisionView};
use crate::commands;
use crate::error::Error;
use crate::model::{AppealState, AppealText};
use crate::queries;
use crate::state::Moderation;

/// An appeal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b64", "text": "It was a quotation."}))]
pub(super) struct NewAppeal {
    /// The id of the decision, or of the verdict that a response named.
    verdict: Uuid,
    /// Why it is wrong, 1–1,000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    text: String,
}

/// Lists the decisions against the caller, the newest first.
///
/// Continue with the `next` of a page as `after`. Each has the rule, the reason in words, and whether it can be
/// appealed. Neither who has reported it nor who has decided is in it.
#[utoipa::path(
    get,
    path = "/v1/me/decisions",
    operation_id = "list_decisions",
    tag = "moderation",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of decisions",
            body = List<OwnDecisionView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn list(
    State(moderation): State<Moderation>,
    member: MaybeSuspended,
    Query(page): Query<Page>,
) -> Result<Json<List<OwnDecisionView>>, Error> {
    let before = page.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let (sql, owner) = (moderation.context.db.read(), AccountId(member.id()));
    let (found, next) = queries::list_own(sql, owner, before, page.size()).await?;
    Ok(Json(List { items: found.into_iter().map(OwnDecisionView::from).collect(), next }))
}

/// Returns a decision against the caller.
///
/// It says what was done, why, until when, and whether an appeal is possible, was sent, and what came of it.
#[utoipa::path(
    get,
    path = "/v1/me/decisions/{id}",
    operation_id = "show_decision",
    tag = "moderation",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The decision's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b64"),
    ),
    responses(
        (
            status = 200,
            description = "The decision",
            body = OwnDecisionView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["moderation.no_such_decision", "request.no_such_url"])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn show(
    State(moderation): State<Moderation>,
    member: MaybeSuspended,
    Path(id): Path<Uuid>,
) -> Result<Json<OwnDecisionView>, Error> {
    let own = queries::find_own(moderation.context.db.read(), AccountId(member.id()), id).await?;
    Ok(Json(own.into()))
}

/// Appeals a decision, or the verdict of a check.
///
/// Once. Another moderator than the one who has decided answers it, which `GET /v1/me/decisions` shows, and the caller
/// is notified.
#[utoipa::path(
    post,
    path = "/v1/appeals",
    operation_id = "appeal_decision",
    tag = "moderation",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day makes no second appeal",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewAppeal,
    responses(
        (
            status = 201,
            description = "The appeal",
            body = AppealView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "moderation.appealed_already",
            "moderation.invalid_appeal",
            "moderation.no_such_decision",
            "moderation.too_many_appeals",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn appeal(
    State(moderation): State<Moderation>,
    member: MaybeSuspended,
    Json(body): Json<NewAppeal>,
) -> Result<impl IntoResponse, Error> {
    let text = AppealText::parse(&body.text)?;
    let (verdict, shown) = (body.verdict, text.clone().into_string());
    let created_at = commands::appeal_decision(&moderation, AccountId(member.id()), verdict, text).await?;
    let view = AppealView { verdict, state: AppealState::Open, text: shown, answer: String::new(), created_at };
    Ok((StatusCode::CREATED, Json(view)))
}
