//! `/v1/notifications/preferences`: what the caller wants to hear of, from whom, how, and when not.
//!
//! Invariant: what is sent replaces everything; what is not in it is the default of its kind.

use std::collections::BTreeMap;

use axum::extract::State;
use contract::AccountId;
use contract::notify::NoticeKind;
use http_server::Json;
use http_server::auth::Member;
use serde::Serialize;
use utoipa::ToSchema;

use crate::commands;
use crate::error::Error;
use crate::model::{EffectivePreference, Language, Preferences, QuietHours};
use crate::state::Notify;
use crate::store::settings;

/// The preferences of the caller, each kind with what counts for it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EffectivePreferences, example = json!({
    "language": null,
    "zone": null,
    "digest_at": null,
    "promotions": null,
    "quiet_hours": {"from": "22:00", "until": "07:30", "zone": "Europe/Berlin"},
    "kinds": {"reacted": {"from": "following", "push": false, "mail": "off"}},
}))]
pub(super) struct PreferencesView {
    /// The language of notices; `null` for that of each request.
    #[schema(required)]
    language: Option<Language>,
    /// The time zone of daily mails; `null` for that of the account.
    #[schema(required)]
    zone: Option<String>,
    /// When daily mails are sent; `null` for 08:00.
    #[schema(required)]
    digest_at: Option<String>,
    /// How many promotions a week are shown; `null` for none.
    #[schema(required)]
    promotions: Option<u8>,
    /// When nothing is pushed.
    #[schema(required)]
    quiet_hours: Option<QuietHours>,
    /// From whom and how, for every kind.
    #[schema(value_type = BTreeMap<String, EffectivePreference>)]
    kinds: BTreeMap<NoticeKind, EffectivePreference>,
}

fn view(preferences: Preferences) -> Json<PreferencesView> {
    let kinds = NoticeKind::ALL.into_iter().map(|kind| (kind, preferences.of(kind))).collect();
    let Preferences { language, zone, digest_at, promotions, quiet_hours, .. } = preferences;
    Json(PreferencesView { language, zone, digest_at, promotions, quiet_hours, kinds })
}

/// Returns the preferences of the caller.
///
/// Each kind is there, with what counts for it: what the caller has set, else the default.
#[utoipa::path(
    get,
    path = "/v1/notifications/preferences",
    operation_id = "show_notification_preferences",
    tag = "notifications",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The preferences",
            body = PreferencesView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn show(State(notify): State<Notify>, member: Member) -> Result<Json<PreferencesView>, Error> {
    Ok(view(settings::find(notify.context.db.read(), AccountId(member.id())).await?))
}

/// Sets the preferences of the caller.
///
/// All of them are replaced; what is left out, or `null`, is the default. They count for what comes from now on.
#[utoipa::path(
    put,
    path = "/v1/notifications/preferences",
    operation_id = "set_notification_preferences",
    tag = "notifications",
    security(("token" = [])),
    request_body = Preferences,
    responses(
        (
            status = 200,
            description = "The preferences",
            body = PreferencesView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_preferences", "request.invalid"])),
    ),
)]
pub(super) async fn set(
    State(notify): State<Notify>,
    member: Member,
    Json(preferences): Json<Preferences>,
) -> Result<Json<PreferencesView>, Error> {
    commands::set_preferences(&notify, AccountId(member.id()), preferences.clone()).await?;
    Ok(view(preferences))
}
