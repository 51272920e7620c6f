//! `/v1/admin/accounts`: what operators see of accounts, and the roles that they give.
//!
//! Invariant: every handler takes an [`Operator`], and one that changes something also the caller's session, and
//! records an act in the same transaction.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::accounts::AccountState;
use http_server::operators::{Operator, Superuser, Viewer};
use http_server::{Json, List, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;

use super::authenticated::Authenticated;
use super::operators_views::{AdminAccountDetailView, AdminAccountView};
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::RolesChange;
use crate::queries;
use crate::recent_proof::require_recent_proof;
use crate::state::Accounts;

/// The query of a search for accounts.
// Not imported: the macro of the operation writes the whole path, which would be needless beside an import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountsParams {
    /// The beginning of a handle, a whole e-mail address, or an id; without it, all accounts.
    query: Option<String>,
    /// Only accounts in this state. One that has ended by itself counts as `active`.
    #[param(example = "suspended")]
    state: Option<AccountState>,
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Searches accounts: by the beginning of the handle, or by the whole e-mail address or id.
///
/// The pages are sorted by handle. An e-mail address or an id finds one account at most.
#[utoipa::path(
    get,
    path = "/v1/admin/accounts",
    operation_id = "search_accounts",
    tag = "operators",
    params(AccountsParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of accounts",
            body = List<AdminAccountView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("viewer")),
    ),
)]
pub(super) async fn search(
    _: Operator<Viewer>,
    State(accounts): State<Accounts>,
    Query(params): Query<AccountsParams>,
) -> Result<impl IntoResponse, Error> {
    let (text, after) = (params.query.unwrap_or_default(), params.after.unwrap_or_default());
    let limit = usize::from(params.limit.unwrap_or(50).clamp(1, 100));
    let (found, next) = queries::search_accounts(&accounts, &text, params.state, &after, limit).await?;
    let now = accounts.context.clock.now();
    let items = found.into_iter().map(|account| AdminAccountView::new(account, now)).collect();
    Ok((NO_STORE, Json(List { items, next })))
}

/// Returns an account with its newest sessions.
///
/// With its e-mail address, which the public profile does not have.
#[utoipa::path(
    get,
    path = "/v1/admin/accounts/{id}",
    operation_id = "show_account_to_operator",
    tag = "operators",
    params(
        (
            "id" = String,
            Path,
            description = "The id of the account, or its handle",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The account and its sessions",
            body = AdminAccountDetailView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.not_found"])),
        ("x-admin-role" = json!("viewer")),
    ),
)]
pub(super) async fn show(
    _: Operator<Viewer>,
    State(accounts): State<Accounts>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let account = queries::account_by_handle_or_id(&accounts, &id).await?;
    let sessions = queries::newest_sessions(&accounts, account.id).await?;
    Ok((NO_STORE, Json(AdminAccountDetailView::new(account, sessions, accounts.context.clock.now()))))
}

/// The roles to give and to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "grant": ["moderator"],
    "revoke": [],
    "reason": "Ada helps with reports from today.",
}))]
pub(super) struct ChangeRoles {
    /// Roles to give: `curator`, `viewer`, `developer`, `moderator`, `operator`.
    #[serde(default)]
    grant: Vec<String>,
    /// Roles to take. `member` stays.
    #[serde(default)]
    revoke: Vec<String>,
    /// Why, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Gives an account roles, and takes roles from it.
///
/// New roles are in the next access token, at most 15 minutes later; tokens with a role that was taken are refused
/// within seconds, and who loses one is signed out at the operators' listener. A role is given only to an account that
/// has a second factor. Needs a recent proof (`/v1/me/proof`). The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/accounts/{id}/roles",
    operation_id = "change_roles",
    tag = "operators",
    request_body = ChangeRoles,
    params(
        (
            "id" = String,
            Path,
            description = "The id of the account, or its handle",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The account with its roles",
            body = AdminAccountView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.beyond_role",
            "accounts.not_found",
            "accounts.own_operator_role",
            "accounts.role_needs_factor",
            "accounts.unknown_role",
            "auth.proof_required",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn change_roles(
    operator: Operator<Superuser>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<ChangeRoles>,
) -> Result<impl IntoResponse, Error> {
    let change = RolesChange::parse(&body.grant, &body.revoke)?;
    require_recent_proof(&accounts, &current).await?;
    let id = queries::account_by_handle_or_id(&accounts, &id).await?.id;
    let (db, now) = (&accounts.context.db, accounts.context.clock.now());
    let account = commands::change_roles(db, id, change, operator.actor, &body.reason, now).await?;
    Ok((NO_STORE, Json(AdminAccountView::new(account, now))))
}
