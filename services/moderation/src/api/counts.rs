//! `/v1/admin/moderation/counts`: how much was reported, decided, appealed and undone, for reports on transparency.
//!
//! Invariant: a count names no member, and stays when cases and accounts are removed.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{NaiveDate, TimeDelta};
use http_server::operators::{Operator, Viewer};
use http_server::{Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::NO_STORE;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::counts;

/// The most days of one response.
const MAX_DAYS: i64 = 366;

/// The days that are counted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CountsParams {
    /// The first day, in UTC; 30 days before the last one by default.
    #[param(example = "2026-05-01")]
    from: Option<NaiveDate>,
    /// The last day, in UTC; today by default.
    #[param(example = "2026-05-31")]
    to: Option<NaiveDate>,
}

/// How often something happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"name": "decided.remove", "total": 12}))]
pub(super) struct ModerationCount {
    /// What: `reported.` and a reason, `screened.` and a check, `decided.` and an action, or `appealed`.
    name: String,
    /// How often.
    total: i64,
}

/// The counts of some days.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"from": "2026-05-01", "to": "2026-05-31", "items": [{"name": "appealed", "total": 2}]}))]
pub(super) struct ModerationCounts {
    /// The first day.
    from: NaiveDate,
    /// The last day.
    to: NaiveDate,
    /// The counts, by name. What did not happen is left out.
    items: Vec<ModerationCount>,
}

/// Counts what was reported, decided, appealed and undone.
///
/// The counts are of whole days in UTC, for reports on transparency, and name no member.
#[utoipa::path(
    get,
    path = "/v1/admin/moderation/counts",
    operation_id = "count_moderation",
    tag = "operators",
    security(("token" = [])),
    params(
        CountsParams,
    ),
    responses(
        (
            status = 200,
            description = "The counts",
            body = ModerationCounts,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-admin-role" = json!("viewer")),
    ),
)]
pub(super) async fn list(
    _: Operator<Viewer>,
    State(moderation): State<Moderation>,
    Query(params): Query<CountsParams>,
) -> Result<impl IntoResponse, Error> {
    let to = params.to.unwrap_or_else(|| moderation.context.clock.now().date_naive());
    let month_before = to.checked_sub_signed(TimeDelta::days(30)).ok_or(Error::BadDay)?;
    let from = params.from.unwrap_or(month_before);
    if from > to || (to - from).num_days() >= MAX_DAYS {
        return Err(Error::BadDay);
    }
    let rows = counts::list(moderation.context.db.read(), &from.to_string(), &to.to_string()).await?;
    let items = rows.into_iter().map(|row| ModerationCount { name: row.name, total: row.total }).collect();
    Ok((NO_STORE, Json(ModerationCounts { from, to, items })))
}
