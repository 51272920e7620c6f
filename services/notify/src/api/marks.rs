//! `POST /v1/notifications/seen` and `/read`: marking notices.
//!
//! Invariant: a mark says which notices the caller has had in hand, so what arrived later stays as it is.

use axum::extract::State;
use contract::AccountId;
use contract::notify::NoticeCounts;
use http_server::Json;
use http_server::auth::Member;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::history::{Mark, Marked};
use crate::state::Notify;

/// The most ids of one request: those of the largest page.
const MAX_IDS: usize = 100;

/// Which notices are marked: either `until` or `ids`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMark, example = json!({"until": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63"}))]
pub(super) struct MarkBody {
    /// The newest one that the caller has had: it and all older ones are marked.
    until: Option<Uuid>,
    /// The ids, at most 100. Unknown ones are left out, and so are those of notices that have grown meanwhile.
    #[schema(max_items = 100)]
    ids: Option<Vec<Uuid>>,
}

impl MarkBody {
    fn parse(self) -> Result<Marked, Error> {
        match (self.until, self.ids) {
            (Some(until), None) => Ok(Marked::Until(until)),
            (None, Some(ids)) if ids.len() <= MAX_IDS => Ok(Marked::Ids(ids)),
            (None, Some(_)) => Err(Error::InvalidMark("`ids` has at most 100 ids. Nothing was marked.")),
            (Some(_), Some(_)) => Err(Error::InvalidMark("Send `until` or `ids`, not both. Nothing was marked.")),
            (None, None) => Err(Error::InvalidMark("Send `until`, or `ids`. Nothing was marked.")),
        }
    }
}

async fn mark(notify: &Notify, member: &Member, mark: Mark, body: MarkBody) -> Result<Json<NoticeCounts>, Error> {
    let counts = commands::mark(notify, AccountId(member.id()), mark, body.parse()?).await?;
    Ok(Json(NoticeCounts { unseen: counts.unseen, unread: counts.unread }))
}

/// Marks notices as seen: the caller has had them in the list.
///
/// Returns the counts after that.
#[utoipa::path(
    post,
    path = "/v1/notifications/seen",
    operation_id = "mark_notifications_seen",
    tag = "notifications",
    security(("token" = [])),
    request_body = MarkBody,
    responses(
        (
            status = 200,
            description = "The counts",
            body = NoticeCounts,
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_mark", "request.invalid"])),
    ),
)]
pub(super) async fn seen(
    State(notify): State<Notify>,
    member: Member,
    Json(body): Json<MarkBody>,
) -> Result<Json<NoticeCounts>, Error> {
    mark(&notify, &member, Mark::Seen, body).await
}

/// Marks notices as read, and so as seen.
///
/// One that is read does not grow any more: what comes next begins another. Returns the counts after that.
#[utoipa::path(
    post,
    path = "/v1/notifications/read",
    operation_id = "mark_notifications_read",
    tag = "notifications",
    security(("token" = [])),
    request_body = MarkBody,
    responses(
        (
            status = 200,
            description = "The counts",
            body = NoticeCounts,
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_mark", "request.invalid"])),
    ),
)]
pub(super) async fn read(
    State(notify): State<Notify>,
    member: Member,
    Json(body): Json<MarkBody>,
) -> Result<Json<NoticeCounts>, Error> {
    mark(&notify, &member, Mark::Read, body).await
}
