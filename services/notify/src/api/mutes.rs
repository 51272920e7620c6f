//! `/v1/notifications/mutes`: the posts and threads that the caller hears nothing of any more.
//!
//! Invariant: a mute says nothing about whether there is such a post or thread.

use axum::extract::State;
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::state::Notify;
use crate::store::settings;

/// A post or a thread that is muted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationMute, example = json!({"subject": "0198f3a0-0c2f-7d11-b3e4-9f7a6c5d8e20"}))]
pub(super) struct MuteView {
    /// The id of the post or thread.
    subject: String,
}

/// Mutes a post or a thread: the caller is told nothing about it from now on.
///
/// Notices that are there stay. Nothing changes if it is muted already.
#[utoipa::path(
    put,
    path = "/v1/notifications/mutes/{subject}",
    operation_id = "mute_notifications",
    tag = "notifications",
    security(("token" = [])),
    params(
        (
            "subject" = Uuid,
            Path,
            description = "The id of the post or thread",
            example = "0198f3a0-0c2f-7d11-b3e4-9f7a6c5d8e20",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Muted",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.too_many_mutes"])),
    ),
)]
pub(super) async fn mute(
    State(notify): State<Notify>,
    member: Member,
    Path(subject): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::mute(&notify, AccountId(member.id()), subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends muting a post or a thread.
///
/// Nothing changes if it is not muted.
#[utoipa::path(
    delete,
    path = "/v1/notifications/mutes/{subject}",
    operation_id = "unmute_notifications",
    tag = "notifications",
    security(("token" = [])),
    params(
        (
            "subject" = Uuid,
            Path,
            description = "The id of the post or thread",
            example = "0198f3a0-0c2f-7d11-b3e4-9f7a6c5d8e20",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Muted no more",
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn unmute(
    State(notify): State<Notify>,
    member: Member,
    Path(subject): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::unmute(&notify, AccountId(member.id()), subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the posts and threads that the caller has muted, by their ids.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/notifications/mutes",
    operation_id = "list_muted_notifications",
    tag = "notifications",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of mutes",
            body = List<MuteView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(notify): State<Notify>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<MuteView>>, Error> {
    let (account, size) = (AccountId(member.id()), page.size());
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let after = after.map(|after| after.to_string()).unwrap_or_default();
    let mut subjects = settings::list_mutes_of(notify.context.db.read(), account, &after, size + 1).await?;
    let has_more = subjects.len() > size;
    subjects.truncate(size);
    let next = subjects.last().filter(|_| has_more).cloned();
    Ok(Json(List { items: subjects.into_iter().map(|subject| MuteView { subject }).collect(), next }))
}
