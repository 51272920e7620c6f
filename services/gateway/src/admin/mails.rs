//! The operations on the mails of all roles.
//!
//! Does not own the mails: each role has an outbox of its own, and shows and redelivers its mails itself
//! (`mail::operators`). Invariant: the caller's token goes along, so the role checks the caller again and records the
//! act in the transaction that does it.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Uri, header};
use http_server::operators::{Developer, Operator, Superuser};
use http_server::{Json, Path, Problem, Query};
use mail::State as MailState;
use mail::operators::{MailContentView, MailView, MailsQuery, NOT_FOUND, RedeliverMail, locate};
use serde::{Deserialize, Serialize};
use service::Context;
use utoipa::{IntoParams, OpenApi as _, ToSchema};
use uuid::Uuid;

use super::gather::{Gathered, gather, roles};
use crate::forward::{ProxyState, call_role};

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_mails, show_mail, redeliver_mail))]
struct ApiDoc;

/// Returns the OpenAPI part of these operations.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// What the handlers need.
#[derive(Clone)]
struct Mails {
    context: Context,
    proxy: ProxyState,
}

/// Returns the routes of these operations.
pub(super) fn router(context: Context, proxy: ProxyState) -> Router {
    Router::new()
        .route("/v1/admin/mails", get(list_mails))
        .route("/v1/admin/mails/{id}", get(show_mail))
        .route("/v1/admin/mails/{id}/redeliver", post(redeliver_mail))
        .with_state(Mails { context, proxy })
}

/// The query of a page of mails.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MailsParams {
    /// Only mails in this state.
    #[param(example = "dead")]
    state: Option<MailState>,
    /// Only mails about the account with this id.
    #[param(value_type = Option<String>, format = "uuid", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10")]
    account: Option<Uuid>,
    /// How many, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>)]
    after: Option<Uuid>,
}

/// A page of the mails of all roles.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMails, example = json!({
    "items": [
        {
            "id": "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
            "template": "accounts.confirm",
            "locale": "en",
            "to": "ada@example.org",
            "subject": "Confirm your address",
            "state": "dead",
            "attempts": 14,
            "last_error": "450 the mailbox is full",
            "created_at": "2026-05-17T09:30:00Z",
            "next_attempt_at": null,
            "sent_at": null,
            "died_at": "2026-05-18T09:42:00Z",
            "can_redeliver": true,
            "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        },
    ],
    "next": null,
    "degraded": [],
}))]
struct MailsView {
    /// The mails, newest first.
    items: Vec<MailView>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    next: Option<String>,
    /// The roles that did not respond, whose mails are missing.
    degraded: Vec<String>,
}

/// Lists the mails of all roles, newest first, without their content.
///
/// A mail is listed for 30 days after it was sent or given up. A role that does not respond is in `degraded`, and its
/// mails are missing.
#[utoipa::path(
    get,
    path = "/v1/admin/mails",
    operation_id = "list_mails",
    tag = "operators",
    params(MailsParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of mails",
            body = MailsView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn list_mails(
    _: Operator<Developer>,
    State(mails): State<Mails>,
    headers: HeaderMap,
    Query(params): Query<MailsParams>,
) -> Result<Json<MailsView>, Problem> {
    let MailsParams { state, account, limit, after } = params;
    let limit = usize::from(limit.unwrap_or(50).clamp(1, 100));
    let query = MailsQuery { state, account, after, limit: u32::try_from(limit + 1).unwrap_or(u32::MAX) };
    let Gathered { found, degraded } =
        gather::<MailView>(&mails.context, headers.get(header::AUTHORIZATION), |role| query.path(role)).await;
    let mut items: Vec<MailView> = found.into_iter().flat_map(|(_, mails)| mails).collect();
    items.sort_by(|one, other| other.number().cmp(one.number()));
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|mail| mail.number().to_owned());
    Ok(Json(MailsView { items, next, degraded }))
}

/// Returns a mail with its content, which may hold links and codes that are still valid.
///
/// Reading it is an act: it is recorded in the audit trail.
#[utoipa::path(
    get,
    path = "/v1/admin/mails/{id}",
    operation_id = "show_mail",
    tag = "operators",
    params(
        (
            "id" = String,
            Path,
            description = "The id of the mail",
            example = "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The mail",
            body = MailContentView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["mails.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
async fn show_mail(
    _: Operator<Superuser>,
    State(mails): State<Mails>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    forward(mails, &id, "", request).await
}

/// Sends a dead mail again, with all its attempts.
///
/// The act is recorded in the audit trail. Its links and codes may have expired meanwhile.
#[utoipa::path(
    post,
    path = "/v1/admin/mails/{id}/redeliver",
    operation_id = "redeliver_mail",
    tag = "operators",
    request_body = RedeliverMail,
    params(
        (
            "id" = String,
            Path,
            description = "The id of the mail",
            example = "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "It waits, and is sent soon",
            body = MailView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["mails.not_dead", "mails.not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn redeliver_mail(
    _: Operator<Developer>,
    State(mails): State<Mails>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    forward(mails, &id, "/redeliver", request).await
}

/// Forwards a request for a mail to its role, at the role's own path.
async fn forward(mails: Mails, id: &str, operation: &str, mut request: Request) -> Response {
    let located = locate(id).and_then(|(name, path)| {
        let role = roles(&mails.context).find(|role| *role == name)?;
        Some((role, format!("{path}{operation}").parse::<Uri>().ok()?))
    });
    let Some((role, uri)) = located else {
        return Problem::of(NOT_FOUND, "There is no such mail. It may be too old, or its account was erased.")
            .into_response();
    };
    *request.uri_mut() = uri;
    request.headers_mut().remove(header::COOKIE);
    call_role(mails.proxy, role, request).await
}
