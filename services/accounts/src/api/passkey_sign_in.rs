//! `/v1/sessions/passkey-challenges`: the first step of a sign-in by passkey alone.
//!
//! Invariant: the response is the same for every caller but for its random challenge.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http_server::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::ClientInfo;
use crate::state::Accounts;

/// A challenge for the passkeys of this site.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyChallenge, example = json!({
    "options": {
        "publicKey": {
            "challenge": "q83vEjRWeJCrze8SNFZ4kAECAwQFBgcICQoLDA0ODxA",
            "timeout": 300_000,
            "rpId": "tutti.example",
            "allowCredentials": [],
            "userVerification": "required",
        },
    },
}))]
pub(super) struct PasskeyChallengeView {
    /// The options for `navigator.credentials.get()`, valid for five minutes.
    #[schema(value_type = Object)]
    options: Value,
}

/// Begins a sign-in by passkey, without a name and a password.
///
/// Send the passkey's response to `/v1/sessions` as `{"factor": {"kind": "passkey", "assertion": …}}`. Each challenge
/// can be used once.
#[utoipa::path(
    post,
    path = "/v1/sessions/passkey-challenges",
    operation_id = "begin_passkey_sign_in",
    tag = "accounts",
    responses(
        (
            status = 201,
            description = "The challenge",
            body = PasskeyChallengeView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.passkeys_off",
            "auth.too_many_attempts",
            "request.bad_idempotency_key",
        ])),
        ("x-admin-sign-in" = json!(true)),
    ),
)]
pub(super) async fn begin(State(accounts): State<Accounts>, client: ClientInfo) -> Result<impl IntoResponse, Error> {
    let options = commands::begin_passkey_sign_in(&accounts, &client).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(PasskeyChallengeView { options })))
}
