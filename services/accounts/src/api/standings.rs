//! `/v1/admin/accounts/{id}`: suspending and restoring accounts.
//!
//! Invariant: each takes an [`Operator`], and one that changes something also the caller's session, whose account the
//! command reads to check what its roles may decide.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use http_server::operators::{Moderator, Operator};
use http_server::{Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::authenticated::Authenticated;
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::{Account, Sanction, parse_reason};
use crate::queries;
use crate::state::Accounts;
use crate::store::sanctions::SanctionRow;

/// The body of a sanction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "state": "suspended",
    "reason": "Advertising in other members' comments.",
    "until": "2026-06-01T00:00:00Z",
}))]
pub(super) struct Suspend {
    /// `limited`, `suspended` or `banned`.
    state: AccountState,
    /// One line, which the member reads.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
    /// When it ends by itself; without it, it lasts until it is lifted. A ban has none.
    until: Option<DateTime<Utc>>,
}

/// The body of the end of a sanction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The comments were not advertising."}))]
pub(super) struct Restore {
    /// One line, for the history.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
}

/// What an account may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Standing, example = json!({
    "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "handle": "ada",
    "state": "suspended",
    "reason": "Advertising in other members' comments.",
    "until": "2026-06-01T00:00:00Z",
}))]
pub(super) struct StandingView {
    account: Uuid,
    handle: String,
    state: AccountState,
    /// Why, as the member reads it.
    #[schema(required)]
    reason: Option<String>,
    /// When it ends by itself.
    #[schema(required)]
    until: Option<DateTime<Utc>>,
}

impl StandingView {
    fn of(account: Account) -> Self {
        let Account { id, handle, standing, .. } = account;
        Self { account: id.0, handle, state: standing.state, reason: standing.reason, until: standing.until }
    }
}

/// A sanction of an account's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sanction, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
    "state": "suspended",
    "reason": "Advertising in other members' comments.",
    "until": "2026-06-01T00:00:00Z",
    "imposed_by": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c13",
    "imposed_at": "2026-05-25T09:30:00Z",
    "lifted_by": null,
    "lifted_at": null,
    "lift_reason": null,
}))]
pub(super) struct SanctionView {
    id: Uuid,
    /// The state that it gave the account.
    state: String,
    reason: String,
    /// When it was to end by itself.
    #[schema(required)]
    until: Option<DateTime<Utc>>,
    /// The account that imposed it.
    imposed_by: Uuid,
    imposed_at: DateTime<Utc>,
    /// The account that lifted it; `null` while it lasts, and if it ended by itself.
    #[schema(required)]
    lifted_by: Option<Uuid>,
    #[schema(required)]
    lifted_at: Option<DateTime<Utc>>,
    #[schema(required)]
    lift_reason: Option<String>,
}

impl From<SanctionRow> for SanctionView {
    fn from(row: SanctionRow) -> Self {
        Self {
            id: row.id,
            state: row.state,
            reason: row.reason,
            until: row.ends_at,
            imposed_by: row.imposed_by,
            imposed_at: row.imposed_at,
            lifted_by: row.lifted_by,
            lifted_at: row.lifted_at,
            lift_reason: row.lift_reason,
        }
    }
}

/// Limits, suspends or bans an account.
///
/// Within seconds every role refuses the tokens of an account that is suspended or banned, and shows nothing of it. A
/// limited account reads and publishes nothing. A moderator decides for at most seven days, and not about staff. The
/// act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/accounts/{id}/suspend",
    operation_id = "suspend_account",
    tag = "operators",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = Suspend,
    responses(
        (
            status = 200,
            description = "The standing as it is now",
            body = StandingView,
        ),
    ),
    extensions(
        ("x-admin-role" = json!("moderator")),
        ("x-codes" = json!([
            "accounts.beyond_role",
            "accounts.invalid_sanction",
            "accounts.not_found",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn suspend(
    operator: Operator<Moderator>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<Uuid>,
    Json(body): Json<Suspend>,
) -> Result<impl IntoResponse, Error> {
    let sanction = Sanction::parse(body.state, &body.reason, body.until, accounts.context.clock.now())?;
    let account = commands::suspend_account(&accounts, &current, operator.actor, AccountId(id), sanction).await?;
    Ok((NO_STORE, Json(StandingView::of(account))))
}

/// Makes an account active again.
///
/// What it had published is shown again, and its sessions go on. An account that is active stays as it is. The act is
/// recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/accounts/{id}/restore",
    operation_id = "restore_account",
    tag = "operators",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = Restore,
    responses(
        (
            status = 200,
            description = "The standing as it is now",
            body = StandingView,
        ),
    ),
    extensions(
        ("x-admin-role" = json!("moderator")),
        ("x-codes" = json!([
            "accounts.beyond_role",
            "accounts.invalid_sanction",
            "accounts.not_found",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn restore(
    operator: Operator<Moderator>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<Uuid>,
    Json(body): Json<Restore>,
) -> Result<impl IntoResponse, Error> {
    let reason = parse_reason(&body.reason)?;
    let account = commands::restore_account(&accounts, &current, operator.actor, AccountId(id), reason).await?;
    Ok((NO_STORE, Json(StandingView::of(account))))
}

/// Lists the sanctions of an account, newest first.
///
/// The history keeps those that were lifted, with who decided and why. It is erased with the account.
#[utoipa::path(
    get,
    path = "/v1/admin/accounts/{id}/sanctions",
    operation_id = "list_sanctions",
    tag = "operators",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of sanctions",
            body = List<SanctionView>,
        ),
    ),
    extensions(
        ("x-admin-role" = json!("moderator")),
        ("x-codes" = json!(["accounts.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn list(
    _: Operator<Moderator>,
    State(accounts): State<Accounts>,
    Path(id): Path<Uuid>,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Error> {
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (rows, next) = queries::sanctions_page(&accounts, AccountId(id), after, page.size()).await?;
    let items = rows.into_iter().map(SanctionView::from).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|id| id.to_string()) })))
}
