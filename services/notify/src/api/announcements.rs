//! `/v1/admin/announcements`: what operators announce to members.
//!
//! Invariant: every handler takes an [`Operator`] with the role `operator`, because an announcement speaks for the
//! site.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http_server::operators::{Operator, Superuser};
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{Announcement, Category, Language, NewAnnouncement};
use crate::state::Notify;
use crate::store::announcements;

/// A new announcement.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAnnouncement, example = json!({
    "category": "service",
    "texts": {"en": "The site is down on Sunday at 3:00 UTC.", "fr": "Le site est arrêté dimanche à 3 h UTC."},
    "starts_at": "2026-12-04T08:00:00Z",
    "ends_at": "2026-12-06T04:00:00Z",
}))]
pub(super) struct CreateAnnouncement {
    /// What it is. A promotion is shown to those alone who have consented to promotions.
    category: Category,
    /// Only members with this role; all if it is left out.
    #[schema(max_length = 32)]
    role: Option<String>,
    /// Only members who read in this language.
    language: Option<Language>,
    /// What it says, by language (`en`, `fr`, `es`, `ar`). A language that is left out gets the English text, else any.
    #[schema(value_type = BTreeMap<String, String>)]
    texts: BTreeMap<Language, String>,
    /// Where it leads: a path of the site, or an `https` URL.
    #[schema(max_length = 300)]
    url: Option<String>,
    /// When it begins to be shown; at once if it is left out or over.
    starts_at: Option<DateTime<Utc>>,
    /// When it ends, at most 90 days later; 14 days later if it is left out. A promotion ends within 7 days.
    ends_at: Option<DateTime<Utc>>,
}

/// An announcement, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Announcement, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "category": "service",
    "role": null,
    "language": null,
    "texts": {"en": "The site is down on Sunday, 3:00 to 4:00 UTC."},
    "url": null,
    "starts_at": "2026-12-04T08:00:00Z",
    "ends_at": "2026-12-06T04:00:00Z",
    "state": "live",
    "seen_count": 1234,
}))]
pub(super) struct AnnouncementView {
    /// The id.
    id: Uuid,
    /// What it is.
    category: Category,
    /// Only members with this role.
    #[schema(required)]
    role: Option<String>,
    /// Only members who read in this language.
    #[schema(required)]
    language: Option<Language>,
    /// What it says, by language.
    #[schema(value_type = BTreeMap<String, String>)]
    texts: BTreeMap<Language, String>,
    /// Where it leads.
    #[schema(required)]
    url: Option<String>,
    /// When it begins to be shown.
    starts_at: DateTime<Utc>,
    /// When it ends.
    ends_at: DateTime<Utc>,
    /// `scheduled`, `live`, `over` or `cancelled`.
    #[schema(example = "live")]
    state: &'static str,
    /// How many members have seen it in their list.
    seen_count: u64,
}

impl AnnouncementView {
    fn of(announcement: Announcement, now: DateTime<Utc>) -> Self {
        let state = match &announcement {
            one if one.cancelled_at.is_some() => "cancelled",
            one if one.is_live(now) => "live",
            one if one.starts_at > now => "scheduled",
            _ => "over",
        };
        let Announcement { id, category, role, language, texts, url, starts_at, ends_at, seen_count, .. } =
            announcement;
        Self { id, category, role, language, texts, url, starts_at, ends_at, state, seen_count }
    }
}

/// Lists announcements, by their beginning, the latest first.
///
/// Each with how many members have seen it. Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/admin/announcements",
    operation_id = "list_announcements",
    tag = "notifications",
    params(Page),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of announcements",
            body = List<AnnouncementView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Superuser>,
    State(notify): State<Notify>,
    Query(page): Query<Page>,
) -> Result<Json<List<AnnouncementView>>, Error> {
    let (now, size) = (notify.context.clock.now(), page.size());
    let before = page.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let mut found = announcements::list(notify.context.db.read(), before, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Json(List { items: found.into_iter().map(|one| AnnouncementView::of(one, now)).collect(), next }))
}

/// Announces something to all members, to those with a role, or to those who read in a language.
///
/// It is in their list of notifications from its beginning to its end, and in the counts. It is not pushed, and not
/// mailed. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/announcements",
    operation_id = "create_announcement",
    tag = "notifications",
    security(("token" = [])),
    request_body = CreateAnnouncement,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the announcement that the first made",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 201,
            description = "The announcement",
            body = AnnouncementView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "notify.invalid_announcement",
            "notify.too_many_announcements",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn create(
    operator: Operator<Superuser>,
    State(notify): State<Notify>,
    effect: Effect,
    Json(body): Json<CreateAnnouncement>,
) -> Result<(StatusCode, Json<AnnouncementView>), Error> {
    let CreateAnnouncement { category, role, language, texts, url, starts_at, ends_at } = body;
    let new = NewAnnouncement { category, role, language, texts, url, starts_at, ends_at };
    let made = commands::create_announcement(&notify, operator.actor, new, effect).await?;
    Ok((StatusCode::CREATED, Json(AnnouncementView::of(made, notify.context.clock.now()))))
}

/// Cancels an announcement.
///
/// It is in no list and no count any more; one that was to begin does not. It stays in the operators' list. The act is
/// recorded in the audit trail.
#[utoipa::path(
    delete,
    path = "/v1/admin/announcements/{id}",
    operation_id = "cancel_announcement",
    tag = "notifications",
    params(
        ("id" = Uuid, Path, description = "The announcement's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 204,
            description = "Cancelled",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.no_such_announcement"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn cancel(
    operator: Operator<Superuser>,
    State(notify): State<Notify>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::cancel_announcement(&notify, operator.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
