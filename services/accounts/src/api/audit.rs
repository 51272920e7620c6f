//! `/v1/admin/audit`: the audit trail of operators' acts.
//!
//! Invariant: it is read only; no operation changes or removes an entry.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http_server::operators::{Operator, Superuser};
use http_server::{Json, List, Query};
use serde::Deserialize;

use super::operators_views::AuditEntryView;
use super::views::NO_STORE;
use crate::error::Error;
use crate::model::AuditFilter;
use crate::queries;
use crate::state::Accounts;

/// The query of a page of the audit trail.
// Not imported: the macro of the operation writes the whole path, which would be needless beside an import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Who acted: a handle, an account's id, or `machine:` and a local user.
    who: Option<String>,
    /// What was done, such as `accounts.roles_changed`.
    action: Option<String>,
    /// The id of what it was done to.
    on: Option<String>,
    /// Not before this time.
    since: Option<DateTime<Utc>>,
    /// Before this time.
    until: Option<DateTime<Utc>>,
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Lists the acts of operators, newest first.
///
/// Each entry has the hash of all before it. `tutti audit verify` checks that none was changed or removed.
#[utoipa::path(
    get,
    path = "/v1/admin/audit",
    operation_id = "list_audit",
    tag = "operators",
    params(AuditParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of the audit trail",
            body = List<AuditEntryView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Superuser>,
    State(accounts): State<Accounts>,
    Query(params): Query<AuditParams>,
) -> Result<impl IntoResponse, Error> {
    let AuditParams { who, action, on, since, until, limit, after } = params;
    let before = after.as_deref().map(str::parse::<i64>).transpose().map_err(|_| Error::BadCursor)?;
    let filter = AuditFilter { who, action, on, since, until };
    let limit = usize::from(limit.unwrap_or(50).clamp(1, 100));
    let (entries, next) = queries::audit_page(&accounts, &filter, before, limit).await?;
    let items = entries.into_iter().map(AuditEntryView::from).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|number| number.to_string()) })))
}
