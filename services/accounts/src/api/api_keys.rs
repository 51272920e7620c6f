//! `/v1/me/api-keys`: keys with which a member's own servers act for them.
//!
//! Invariant: the secret of a key is in the response that makes it, and in no other.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http_server::{Json, List, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::authenticated::Authenticated;
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::{ApiKey, ApiKeyRequest, ClientInfo, MAX_API_KEYS, Password, operation_scopes};
use crate::state::Accounts;
use crate::store;

/// The body of a new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Karaoke server",
    "scopes": ["media:read", "media:write"],
    "expires_at": "2027-05-17T00:00:00Z",
}))]
pub(super) struct NewApiKey {
    /// What the key is for, on one line.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// A tag of operations and `read` (GET) or `write` (all other methods), such as `media:read`. No scope is for the
    /// operations of `accounts`.
    scopes: Vec<String>,
    /// When the key ends by itself; without it, it is valid until it is revoked.
    expires_at: Option<DateTime<Utc>>,
    /// The password, unless there is a recent proof (`/v1/me/proof`).
    password: Option<Password>,
}

/// An API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c14",
    "name": "Karaoke server",
    "scopes": ["media:read", "media:write"],
    "created_at": "2026-05-17T09:30:00Z",
    "expires_at": "2027-05-17T00:00:00Z",
    "last_used_at": null,
}))]
pub(super) struct ApiKeyView {
    id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
    /// The secret, in the response that makes the key only. Send it as `Authorization: Bearer tutti_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl ApiKeyView {
    fn new(key: ApiKey, secret: Option<String>) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            key: secret,
        }
    }
}

/// Lists the API keys of the caller's account, newest first.
///
/// There are at most 50, all on one page. Keys that have expired stay in the list until they are revoked.
#[utoipa::path(
    get,
    path = "/v1/me/api-keys",
    operation_id = "list_api_keys",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The keys, without their secrets",
            body = List<ApiKeyView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
) -> Result<impl IntoResponse, Error> {
    let keys = store::api_keys::list(accounts.context.db.read(), current.account.id, MAX_API_KEYS).await?;
    let items = keys.into_iter().map(|key| ApiKeyView::new(key, None)).collect();
    Ok((NO_STORE, Json(List { items, next: None })))
}

/// Makes an API key.
///
/// The secret is shown once. Needs the password in the body, or a recent proof (`/v1/me/proof`). A key acts for the
/// member within its scopes, and never changes the account.
#[utoipa::path(
    post,
    path = "/v1/me/api-keys",
    operation_id = "create_api_key",
    tag = "accounts",
    security(("token" = [])),
    request_body = NewApiKey,
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
            body = ApiKeyView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "accounts.invalid_api_key",
            "accounts.too_many_api_keys",
            "auth.proof_required",
            "auth.too_many_attempts",
            "auth.wrong_password",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.idempotency_key_reused",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn create(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    client: ClientInfo,
    Json(body): Json<NewApiKey>,
) -> Result<impl IntoResponse, Error> {
    let (scopes, now) = (known_scopes(&accounts), accounts.context.clock.now());
    let request = ApiKeyRequest::parse(&body.name, &body.scopes, body.expires_at, &scopes, now)?;
    let (password, request_key) = (body.password.as_ref(), client.request_key);
    let (key, secret) = commands::create_api_key(&accounts, &current, request, password, request_key).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(ApiKeyView::new(key, Some(secret)))))
}

/// Returns the scopes for all public operations of the product.
pub(super) fn known_scopes(accounts: &Accounts) -> Vec<String> {
    let items = accounts.context.roles.iter().flat_map(|role| &role.openapi.paths.paths);
    let items = items.filter(|(path, _)| !path.starts_with("/v1/admin/")).map(|(_, item)| item);
    let operations = items.flat_map(|item| [&item.get, &item.post, &item.put, &item.patch, &item.delete, &item.head]);
    let tags: BTreeSet<String> =
        operations.flatten().filter_map(|operation| operation.tags.as_ref()).flatten().cloned().collect();
    operation_scopes(&tags)
}

/// Revokes an API key.
///
/// Every role refuses it within seconds.
#[utoipa::path(
    delete,
    path = "/v1/me/api-keys/{id}",
    operation_id = "revoke_api_key",
    tag = "accounts",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the key",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c14",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Revoked",
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.api_key_not_found"])),
    ),
)]
pub(super) async fn remove(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchApiKey)?;
    commands::remove_api_key(&accounts, &current, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
