//! `/v1/admin/api-keys`: keys with which the installation's own servers act on behalf of the team.
//!
//! Invariant: the secret of a key is in the response that makes it, and in that to the same request with the same
//! `Idempotency-Key`; in no other. Every handler takes an [`Operator`], and one that changes something also the
//! caller's session.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http_server::auth::ACT_FOR_MEMBERS;
use http_server::operators::{Operator, Superuser};
use http_server::{Json, List, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::api_keys::known_scopes;
use super::authenticated::Authenticated;
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::{ApiKeyRequest, ClientInfo, MAX_TEAM_KEYS, TeamKey, parse_key_reason};
use crate::state::Accounts;
use crate::store;

/// The body of a new key of the team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Kiosk at the entrance",
    "scopes": ["media:read", "media:write", "members:act"],
    "expires_at": "2027-05-17T00:00:00Z",
    "reason": "The kiosk sends photos for guests.",
}))]
pub(super) struct NewTeamKey {
    /// What the key is for, on one line.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// A tag of operations and `read` (GET) or `write` (all other methods), such as `media:read`; `members:act` to act
    /// for members.
    scopes: Vec<String>,
    /// When the key ends by itself: within a year.
    expires_at: DateTime<Utc>,
    /// Why, on one line, for the audit trail.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Why a key is revoked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The kiosk was stolen."}))]
pub(super) struct RevokeTeamKey {
    /// On one line, for the audit trail.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// An API key of the team.
#[derive(Serialize, ToSchema)]
#[schema(as = TeamKey, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15",
    "name": "Kiosk at the entrance",
    "scopes": ["media:read", "media:write", "members:act"],
    "created_by": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "created_at": "2026-05-17T09:30:00Z",
    "expires_at": "2027-05-17T00:00:00Z",
    "last_used_at": null,
}))]
pub(super) struct TeamKeyView {
    id: Uuid,
    name: String,
    scopes: Vec<String>,
    /// The account of the operator who made it; `null` if it is erased.
    #[schema(required)]
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    /// When it ends by itself.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
    /// The secret, in the response that makes the key only. Send it as `Authorization: Bearer tutti-team_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl TeamKeyView {
    fn new(TeamKey { key, created_by }: TeamKey, secret: Option<String>) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            created_by: created_by.map(|account| account.0),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            key: secret,
        }
    }
}

/// Lists the API keys of the team, newest first.
///
/// There are at most 50, all on one page. Keys that have expired stay in the list until they are revoked.
#[utoipa::path(
    get,
    path = "/v1/admin/api-keys",
    operation_id = "list_team_keys",
    tag = "operators",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The keys, without their secrets",
            body = List<TeamKeyView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list(_: Operator<Superuser>, State(accounts): State<Accounts>) -> Result<impl IntoResponse, Error> {
    let keys = store::team_keys::list(accounts.context.db.read(), MAX_TEAM_KEYS).await?;
    let items = keys.into_iter().map(|key| TeamKeyView::new(key, None)).collect();
    Ok((NO_STORE, Json(List { items, next: None })))
}

/// Makes an API key of the team.
///
/// By itself such a key reads what everybody may read, within its scopes. With the scope `members:act` and the header
/// `Tutti-On-Behalf-Of`, which names a member by handle or id, it acts as that member within its other scopes. It never
/// changes an account, and never acts at the operators' listener. The secret is shown once. Needs a recent proof
/// (`/v1/me/proof`). The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/api-keys",
    operation_id = "create_team_key",
    tag = "operators",
    security(("token" = [])),
    request_body = NewTeamKey,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the key that the first one made, with its secret",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 201,
            description = "The key with its secret",
            body = TeamKeyView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.beyond_role",
            "accounts.invalid_api_key",
            "accounts.too_many_api_keys",
            "auth.proof_required",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.idempotency_key_reused",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn create(
    operator: Operator<Superuser>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    client: ClientInfo,
    Json(body): Json<NewTeamKey>,
) -> Result<impl IntoResponse, Error> {
    let (mut scopes, now) = (known_scopes(&accounts), accounts.context.clock.now());
    scopes.push(ACT_FOR_MEMBERS.to_owned());
    let request = ApiKeyRequest::parse_for_team(&body.name, &body.scopes, body.expires_at, &scopes, now)?;
    let (actor, reason) = (operator.actor, parse_key_reason(&body.reason)?);
    let (key, secret) =
        commands::create_team_key(&accounts, &current, actor, request, &reason, client.request_key).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(TeamKeyView::new(key, Some(secret)))))
}

/// Revokes an API key of the team.
///
/// Every role refuses it within seconds. The act is recorded in the audit trail.
#[utoipa::path(
    delete,
    path = "/v1/admin/api-keys/{id}",
    operation_id = "revoke_team_key",
    tag = "operators",
    security(("token" = [])),
    request_body = RevokeTeamKey,
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the key",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Revoked",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.api_key_not_found",
            "accounts.beyond_role",
            "accounts.invalid_api_key",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn remove(
    operator: Operator<Superuser>,
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<RevokeTeamKey>,
) -> Result<StatusCode, Error> {
    let (id, reason) = (id.parse().map_err(|_| Error::NoSuchApiKey)?, parse_key_reason(&body.reason)?);
    commands::remove_team_key(&accounts, &current, operator.actor, id, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
