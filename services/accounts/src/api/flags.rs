//! `/v1/admin/flags`: what the people who run the installation can turn off for all processes.
//!
//! Does not own the table of flags (`service::Flag`) or what follows from one. Invariant: a change takes an
//! [`Operator`] and the caller's session, and is recorded in the audit trail in the same transaction.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http_server::operators::{Developer, Operator, require_reason};
use http_server::{Json, List, Path};
use serde::{Deserialize, Serialize};
use service::Flag;
use utoipa::ToSchema;

use super::authenticated::Authenticated;
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::queries;
use crate::state::Accounts;
use crate::store::flags::FlagRow;

/// A flag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flag, example = json!({
    "name": "sign_ups",
    "on": false,
    "description": "New accounts can be created.",
    "changed_at": "2026-05-17T09:30:00Z",
    "changed_by": "grace",
}))]
pub(super) struct FlagView {
    /// `sign_ups`, `uploads` or `conversions`.
    name: &'static str,
    /// Whether it is on. All flags are on until one is turned off.
    on: bool,
    /// What is possible only while it is on.
    description: &'static str,
    /// When it was changed; `null` if it never was.
    #[schema(required)]
    changed_at: Option<DateTime<Utc>>,
    /// The handle of the operator who changed it; `null` if that account is erased.
    #[schema(required)]
    changed_by: Option<String>,
}

impl FlagView {
    /// Creates the view of a flag, with its row if it was ever changed.
    fn new(flag: Flag, row: Option<FlagRow>) -> Self {
        let on = row.as_ref().is_none_or(|row| row.is_on);
        let (changed_at, changed_by) = row.map(|row| (row.changed_at, row.changed_by)).unzip();
        let changed_by = changed_by.filter(|handle| !handle.is_empty());
        Self { name: flag.name(), on, description: flag.description(), changed_at, changed_by }
    }
}

/// Lists the flags: what can be turned off for the whole installation, and what is.
///
/// Every process learns of a change within ten seconds.
#[utoipa::path(
    get,
    path = "/v1/admin/flags",
    operation_id = "list_flags",
    tag = "operators",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "All flags",
            body = List<FlagView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
pub(super) async fn list(_: Operator<Developer>, State(accounts): State<Accounts>) -> Result<impl IntoResponse, Error> {
    let mut rows = queries::changed_flags(&accounts).await?;
    let mut row_of = |flag: Flag| rows.iter().position(|row| row.name == flag.name()).map(|at| rows.swap_remove(at));
    let items = Flag::ALL.iter().map(|flag| FlagView::new(*flag, row_of(*flag))).collect();
    Ok((NO_STORE, Json(List::<FlagView> { items, next: None })))
}

/// A new state of a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "on": false, "reason": "The disk is nearly full." }))]
pub(super) struct SetFlag {
    /// Whether it is on.
    on: bool,
    /// Why, for the audit trail.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Turns a flag on or off, for every process of the installation.
///
/// Every process honours it within ten seconds. While `sign_ups` or `uploads` is off, what it is about is refused with
/// `server.turned_off`; while `conversions` is off, what was sent waits and is converted later. The act is recorded in
/// the audit trail.
#[utoipa::path(
    put,
    path = "/v1/admin/flags/{name}",
    operation_id = "set_flag",
    tag = "operators",
    request_body = SetFlag,
    params(
        (
            "name" = String,
            Path,
            description = "The name of the flag",
            example = "sign_ups",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The flag as it is now",
            body = FlagView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.beyond_role", "accounts.flag_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
pub(super) async fn set(
    operator: Operator<Developer>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(name): Path<String>,
    Json(body): Json<SetFlag>,
) -> Result<impl IntoResponse, Error> {
    let flag = Flag::from_name(&name).ok_or(Error::NoSuchFlag)?;
    let (by, reason) = (current.account.id, require_reason(&body.reason)?);
    let row = commands::set_flag(&accounts, by, operator.actor, flag, body.on, reason).await?;
    // This process honours it at once; the others ask again soon.
    accounts.context.flags.apply(&queries::flags_state(&accounts).await?);
    Ok((NO_STORE, Json(FlagView::new(flag, row))))
}
