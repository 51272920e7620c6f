//! `GET /v1/notifications`: the notices of the caller.
//!
//! Invariant: the counts are those of the list that is not filtered, whatever the filter.

use axum::extract::State;
use contract::AccountId;
use contract::notify::NoticeKind;
use http::{HeaderMap, StatusCode};
use http_server::auth::Member;
use http_server::{Json, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::language_of;
use super::view::{NoticeView, views};
use crate::commands;
use crate::error::Error;
use crate::history::Filter;
use crate::queries;
use crate::state::Notify;

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// How many notices, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
    /// Only this kind.
    #[param(example = "reacted")]
    kind: Option<NoticeKind>,
    /// `true`: only those that were not read.
    unread: Option<bool>,
    /// `true`: those that the preferences keep out of the list.
    filtered: Option<bool>,
}

/// A page of notices, and the counts of the whole list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NoticeList, example = json!({"items": [], "next": null, "unseen": 3, "unread": 12}))]
pub(super) struct NoticeListView {
    /// The notices, the newest first.
    items: Vec<NoticeView>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    #[schema(required)]
    next: Option<String>,
    /// How many came since the list was last looked at.
    unseen: u64,
    /// How many were not read.
    unread: u64,
}

/// Lists the notices of the caller, the newest first.
///
/// Continue with the `next` of a page as `after`. Those whose kind the caller wants from nobody, or not from the person
/// who has acted, are in the list with `filtered=true` alone, and in no count. A notice that grows gets a new id and is
/// at the top again; `group` stays. Announcements of operators are in the list while they are shown. The sentences are
/// in the language of the preferences, else in that of `Accept-Language`.
#[utoipa::path(
    get,
    path = "/v1/notifications",
    operation_id = "list_notifications",
    tag = "notifications",
    security(("token" = [])),
    params(ListParams),
    responses(
        (
            status = 200,
            description = "A page of notices",
            body = NoticeListView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(notify): State<Notify>,
    member: Member,
    Query(params): Query<ListParams>,
    headers: HeaderMap,
) -> Result<Json<NoticeListView>, Error> {
    let account = AccountId(member.id());
    let before = params.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let size = Page { limit: params.limit, after: None }.size();
    let (is_unread, is_filtered) = (params.unread.unwrap_or_default(), params.filtered.unwrap_or_default());
    let filter = Filter { kind: params.kind, is_unread, is_filtered };
    let language = language_of(&notify, account, &headers).await?;
    commands::record_reader(&notify, account, &member.0.roles, language).await?;
    let (mut notices, counts) = queries::list(&notify, account, filter, before, size + 1).await?;
    let has_more = notices.len() > size;
    notices.truncate(size);
    let next = notices.last().filter(|_| has_more).map(|last| last.id.to_string());
    let items = views(&notify, language, notices).await?;
    Ok(Json(NoticeListView { items, next, unseen: counts.unseen, unread: counts.unread }))
}

/// Removes a notice of the caller's.
///
/// It is counted no more. What it is about stays as it is.
#[utoipa::path(
    delete,
    path = "/v1/notifications/{id}",
    operation_id = "remove_notification",
    tag = "notifications",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The notice's id",
            example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.not_found"])),
    ),
)]
pub(super) async fn remove(
    State(notify): State<Notify>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove(&notify, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
