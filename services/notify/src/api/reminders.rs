//! `/v1/reminders`: what the caller wants to be reminded of, and when.
//!
//! Invariant: what has a date that the caller may not see, and what does not exist, are the same 404.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{LocalTime, MAX_DAYS_BEFORE, MAX_TEXT_CHARS, Reminder, Rule, TimeOfDay, Zone};
use crate::state::Notify;
use crate::store::reminders;

/// The longest time by which a reminder is put off: 30 days.
const MAX_SNOOZE_MINUTES: u32 = 30 * 24 * 60;

/// A new reminder: either `at`, or `subject` with `days_before` and `time`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Choose the song", "at": "2027-03-28T09:00", "zone": "Europe/Berlin"}))]
pub(super) struct NewReminder {
    /// What to be reminded of.
    #[schema(min_length = 1, max_length = 200)]
    text: String,
    /// When: a date with hours and minutes of the zone.
    at: Option<String>,
    /// The time zone (IANA). Required with `at`; with `subject`, that of the date if it is left out.
    zone: Option<String>,
    /// The id of something that has a date, such as a story of the caller's, which has an end.
    subject: Option<Uuid>,
    /// How many days before the day of that date.
    #[schema(maximum = 730)]
    days_before: Option<u16>,
    /// The time of that day: hours and minutes.
    time: Option<String>,
}

impl NewReminder {
    fn parse(self) -> Result<(String, Rule), Error> {
        let text = self.text.trim().to_owned();
        if !(1..=MAX_TEXT_CHARS).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err(Error::InvalidReminder("`text` must have 1 to 200 characters, in one line."));
        }
        if self.zone.as_deref().is_some_and(|zone| Zone::find(zone).is_none()) {
            return Err(Error::InvalidReminder(
                "`zone` must be the name of a time zone (IANA) such as Europe/Berlin or UTC.",
            ));
        }
        let rule = match (self.at, self.subject, self.days_before, self.time) {
            (Some(at), None, None, None) => {
                let zone = self.zone.ok_or(Error::InvalidReminder("Send `zone` with `at`."))?;
                let local = LocalTime::parse(&at).ok_or(Error::InvalidReminder(
                    "`at` must be a date with hours and minutes, such as 2027-03-28T09:00.",
                ))?;
                Rule::At { local, zone }
            }
            (None, Some(subject), Some(days), Some(time)) if days <= MAX_DAYS_BEFORE => {
                let time = TimeOfDay::parse(&time)
                    .ok_or(Error::InvalidReminder("`time` must be hours and minutes, such as 09:00."))?;
                Rule::Before { subject, days, time, zone: self.zone }
            }
            _ => {
                return Err(Error::InvalidReminder(
                    "Send `at` with `zone`, or `subject` with `days_before` (at most 730) and `time`.",
                ));
            }
        };
        Ok((text, rule))
    }
}

/// By how much a reminder is put off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"minutes": 60}))]
pub(super) struct Snooze {
    /// How many minutes from now.
    #[schema(minimum = 1, maximum = 43200)]
    minutes: u32,
}

/// A reminder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reminder, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "text": "Choose the song",
    "at": "2027-03-28T07:00:00Z",
    "local_time": "2027-03-28T09:00",
    "zone": "Europe/Berlin",
    "subject": null,
    "days_before": null,
    "time": null,
    "state": "waiting",
    "snoozed": false,
}))]
pub(super) struct ReminderView {
    /// The id.
    id: Uuid,
    /// What to be reminded of.
    text: String,
    /// When it comes, or has come.
    at: DateTime<Utc>,
    /// The time of the wall clock that was asked for.
    #[schema(required)]
    local_time: Option<String>,
    /// The time zone; `null` for that of the date.
    #[schema(required)]
    zone: Option<String>,
    /// What has the date that it follows.
    #[schema(required)]
    subject: Option<Uuid>,
    /// How many days before that date.
    #[schema(required)]
    days_before: Option<u16>,
    /// The time of that day.
    #[schema(required)]
    time: Option<String>,
    /// `waiting`, `fired`, or `cancelled` with its date.
    #[schema(example = "waiting")]
    state: &'static str,
    /// Whether it was put off.
    snoozed: bool,
}

impl From<Reminder> for ReminderView {
    fn from(reminder: Reminder) -> Self {
        let subject = reminder.rule.subject();
        let (local_time, zone, days_before, time) = match reminder.rule {
            Rule::At { local, zone } => (Some(local.to_string()), Some(zone), None, None),
            Rule::Before { days, time, zone, .. } => (None, zone, Some(days), Some(time.to_string())),
        };
        let (state, snoozed) = (reminder.state.as_str(), reminder.is_snoozed);
        let Reminder { id, text, at, .. } = reminder;
        Self { id, text, at, local_time, zone, subject, days_before, time, state, snoozed }
    }
}

/// Sets a reminder.
///
/// It comes as a notification of the kind `reminder`. A time that the clock skips comes as much later as it skips; one
/// that comes twice, the first time. With `subject` it is moved and cancelled with the date; without `zone`, `time` is
/// that of the place of the date.
#[utoipa::path(
    post,
    path = "/v1/reminders",
    operation_id = "create_reminder",
    tag = "notifications",
    security(("token" = [])),
    request_body = NewReminder,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the reminder that the first set",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 201,
            description = "The reminder",
            body = ReminderView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "notify.invalid_reminder",
            "notify.no_such_date",
            "notify.no_such_reminder",
            "notify.too_many_reminders",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn create(
    State(notify): State<Notify>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewReminder>,
) -> Result<(StatusCode, Json<ReminderView>), Error> {
    let (text, rule) = body.parse()?;
    let reminder = commands::create_reminder(&notify, AccountId(member.id()), text, rule, effect).await?;
    Ok((StatusCode::CREATED, Json(reminder.into())))
}

/// Lists the reminders of the caller, the newest first.
///
/// Those that have fired are there for as long as notifications are kept. Continue with the `next` of a page as
/// `after`.
#[utoipa::path(
    get,
    path = "/v1/reminders",
    operation_id = "list_reminders",
    tag = "notifications",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of reminders",
            body = List<ReminderView>,
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
) -> Result<Json<List<ReminderView>>, Error> {
    let (account, size) = (AccountId(member.id()), page.size());
    let before = page.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let mut found = reminders::list(notify.context.db.read(), account, before, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Json(List { items: found.into_iter().map(ReminderView::from).collect(), next }))
}

/// Removes a reminder of the caller's.
///
/// If it has fired, its notification goes with it.
#[utoipa::path(
    delete,
    path = "/v1/reminders/{id}",
    operation_id = "remove_reminder",
    tag = "notifications",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The reminder's id",
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
        ("x-codes" = json!(["notify.no_such_reminder"])),
    ),
)]
pub(super) async fn remove(
    State(notify): State<Notify>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_reminder(&notify, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a reminder of the caller's off.
///
/// It comes, or comes once more, after this time from now. It is not moved with its date any more.
#[utoipa::path(
    post,
    path = "/v1/reminders/{id}/snooze",
    operation_id = "snooze_reminder",
    tag = "notifications",
    security(("token" = [])),
    request_body = Snooze,
    params(
        (
            "id" = Uuid,
            Path,
            description = "The reminder's id",
            example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The reminder",
            body = ReminderView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_reminder", "notify.no_such_reminder", "request.invalid"])),
    ),
)]
pub(super) async fn snooze(
    State(notify): State<Notify>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<Snooze>,
) -> Result<Json<ReminderView>, Error> {
    if !(1..=MAX_SNOOZE_MINUTES).contains(&body.minutes) {
        return Err(Error::InvalidReminder("`minutes` must be 1 to 43200, which are 30 days."));
    }
    let by = TimeDelta::minutes(i64::from(body.minutes));
    Ok(Json(commands::snooze_reminder(&notify, AccountId(member.id()), id, by).await?.into()))
}
