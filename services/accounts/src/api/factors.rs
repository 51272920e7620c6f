//! `/v1/me/factors`, `/v1/me/recovery-codes` and `/v1/me/proof`: second factors of the caller's own account.
//!
//! Adding takes two steps: begin, which returns a secret or a challenge, and confirm, which puts the factor to use.
//! Invariant: a secret and a recovery code are in the response that made them, and in no later one.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http_server::{Json, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authenticated::Authenticated;
use super::factor_body::{FactorBody, missing_field};
use super::views::NO_STORE;
use crate::commands::{self, FactorConfirmation, FactorSetup};
use crate::error::Error;
use crate::model::{Factor, FactorKind, Password, factor_name};
use crate::queries;
use crate::state::Accounts;

/// A second factor that is in use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Factor, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
    "kind": "passkey",
    "name": "Ada's phone",
    "created_at": "2026-05-17T09:30:00Z",
    "last_used_at": "2026-05-20T18:05:12Z",
}))]
pub(super) struct FactorView {
    id: Uuid,
    kind: FactorKind,
    name: String,
    created_at: DateTime<Utc>,
    /// When it was last accepted.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Factor> for FactorView {
    fn from(factor: Factor) -> Self {
        let Factor { id, kind, name, created_at, last_used_at } = factor;
        Self { id, kind, name, created_at, last_used_at }
    }
}

/// The second factors of an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Factors, example = json!({
    "items": [
        {
            "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
            "kind": "totp",
            "name": "Authenticator app",
            "created_at": "2026-05-17T09:30:00Z",
            "last_used_at": null,
        },
    ],
    "recovery_codes": 10,
}))]
pub(super) struct FactorsView {
    items: Vec<FactorView>,
    /// How many recovery codes are unused.
    recovery_codes: i64,
}

/// The kind and the name of a new factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "totp", "name": "Ada's phone"}))]
pub(super) struct BeginFactor {
    kind: FactorKind,
    /// The name in the list of factors.
    #[schema(max_length = 60)]
    name: Option<String>,
}

/// A factor that was begun, with what confirms it.
#[derive(Serialize, ToSchema)]
#[schema(as = FactorSetup, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
    "kind": "totp",
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "uri": "otpauth://totp/Tutti:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tutti",
}))]
pub(super) struct FactorSetupView {
    id: Uuid,
    kind: FactorKind,
    /// The secret of an authenticator app in base 32, to be typed. For `totp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The `otpauth:` URI of the secret, to be shown as a QR code. For `totp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    /// The options for `navigator.credentials.create()`, valid for five minutes. For `passkey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    options: Option<Value>,
}

/// What confirms a factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "287082"}))]
pub(super) struct ConfirmFactor {
    /// A code of the authenticator app. For `totp`.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// The new passkey, as `PublicKeyCredential.toJSON()` returns it. For `passkey`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

/// New recovery codes.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes, example = json!({
    "codes": ["k7wd-m2xe-9pqa-rt4c", "b3hn-6yvz-u8fj-s5gd"],
}))]
pub(super) struct RecoveryCodesView {
    /// Ten codes. Each can be used once, in place of another second factor.
    codes: Vec<String>,
}

/// A proof of who the caller is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "correct horse battery"}))]
pub(super) struct Proof {
    password: Option<Password>,
    factor: Option<FactorBody>,
}

/// Lists the second factors.
///
/// An account with a factor needs one at each sign-in with a password. There is at most one authenticator app, and at
/// most ten passkeys.
#[utoipa::path(
    get,
    path = "/v1/me/factors",
    operation_id = "list_factors",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The factors that are in use, and the number of unused recovery codes",
            body = FactorsView,
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
    let (factors, recovery_codes) = queries::factors(&accounts, &current).await?;
    let items = factors.into_iter().map(FactorView::from).collect();
    Ok((NO_STORE, Json(FactorsView { items, recovery_codes })))
}

/// Begins to add a second factor.
///
/// Returns the secret for an authenticator app, or the options for a new passkey. The factor is in use after it is
/// confirmed: an app within 15 minutes, a passkey within 5. Needs a recent proof (`/v1/me/proof`); an account that has
/// a factor needs one by a factor. A site that is an IP address, or has no https, has no passkeys.
#[utoipa::path(
    post,
    path = "/v1/me/factors",
    operation_id = "begin_factor",
    tag = "accounts",
    security(("token" = [])),
    request_body = BeginFactor,
    responses(
        (
            status = 201,
            description = "What confirms the factor",
            body = FactorSetupView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.passkeys_off",
            "accounts.too_many_factors",
            "auth.proof_required",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn begin(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Json(body): Json<BeginFactor>,
) -> Result<impl IntoResponse, Error> {
    let (kind, name) = (body.kind, factor_name(body.name.as_deref(), body.kind));
    let (id, setup) = commands::begin_factor(&accounts, &current, kind, name).await?;
    let view = match setup {
        FactorSetup::Totp { secret, uri } => {
            FactorSetupView { id, kind, secret: Some(secret), uri: Some(uri), options: None }
        }
        FactorSetup::Passkey(options) => FactorSetupView { id, kind, secret: None, uri: None, options: Some(options) },
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(view)))
}

/// Confirms a second factor, which is in use from then on.
///
/// Send a code of the app, or the passkey that the browser made. Other sessions stay signed in.
#[utoipa::path(
    post,
    path = "/v1/me/factors/{id}/confirm",
    operation_id = "confirm_factor",
    tag = "accounts",
    security(("token" = [])),
    request_body = ConfirmFactor,
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of a factor that was begun",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The factor",
            body = FactorView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.factor_not_found",
            "accounts.passkeys_off",
            "accounts.too_many_factors",
            "auth.factor_refused",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn confirm(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<ConfirmFactor>,
) -> Result<impl IntoResponse, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchFactor)?;
    let confirmation = match (body.code, body.credential) {
        (Some(code), _) => FactorConfirmation::Code(code),
        (None, Some(credential)) => FactorConfirmation::Credential(credential),
        (None, None) => return Err(missing_field("code")),
    };
    let factor = commands::confirm_factor(&accounts, &current, id, confirmation).await?;
    Ok((NO_STORE, Json(FactorView::from(factor))))
}

/// Removes a second factor.
///
/// With the last one the recovery codes are removed as well; an account with a role keeps at least one. Needs a recent
/// proof by a second factor (`/v1/me/proof`).
#[utoipa::path(
    delete,
    path = "/v1/me/factors/{id}",
    operation_id = "remove_factor",
    tag = "accounts",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of one of your factors",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.factor_not_found",
            "accounts.last_factor",
            "auth.proof_required",
        ])),
    ),
)]
pub(super) async fn remove(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchFactor)?;
    commands::remove_factor(&accounts, &current, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes ten new recovery codes, in place of the old ones.
///
/// They are shown once. Each can be used once, as a second factor of kind `recovery`. Needs a second factor and a
/// recent proof by one (`/v1/me/proof`).
#[utoipa::path(
    post,
    path = "/v1/me/recovery-codes",
    operation_id = "replace_recovery_codes",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 201,
            description = "The new codes",
            body = RecoveryCodesView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.no_factor",
            "auth.proof_required",
        ])),
    ),
)]
pub(super) async fn replace_recovery_codes(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
) -> Result<impl IntoResponse, Error> {
    let codes = commands::replace_recovery_codes(&accounts, &current).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(RecoveryCodesView { codes })))
}

/// Proves again who the caller is, for what is dangerous.
///
/// Send the password, a second factor, or both. The proof counts for ten minutes in this session; the claims `amr` and
/// `auth_time` are in the next access token. With neither, the problem says what is possible: `proofs` has the kinds,
/// and `passkey` the options for `navigator.credentials.get()`.
#[utoipa::path(
    post,
    path = "/v1/me/proof",
    operation_id = "prove",
    tag = "accounts",
    security(("token" = [])),
    request_body = Proof,
    responses(
        (
            status = 204,
            description = "Proven",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "auth.factor_refused",
            "auth.proof_required",
            "auth.too_many_attempts",
            "auth.wrong_password",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-sign-in" = json!(true)),
    ),
)]
pub(super) async fn prove(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Json(body): Json<Proof>,
) -> Result<StatusCode, Error> {
    let factor = body.factor.map(FactorBody::into_answer).transpose()?;
    commands::prove(&accounts, &current, body.password.as_ref(), factor.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
