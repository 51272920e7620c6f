//! `/v1/me/email`: confirming the address of the account, and changing it.
//!
//! Invariant: no response says whether another account has an address, except to a caller who has read a mail that was
//! sent to it.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http_server::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::authenticated::Authenticated;
use super::views::{AccountView, NO_STORE};
use crate::commands;
use crate::error::Error;
use crate::model::Password;
use crate::state::Accounts;

/// A new address, and the password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "email": "ada@example.net",
    "password": "correct horse battery",
}))]
pub(super) struct ChangeEmail {
    /// Case doesn't matter.
    #[schema(max_length = 254)]
    email: String,
    password: Password,
}

/// A code of a mail.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "K7RM-2XQD"}))]
pub(super) struct ConfirmEmail {
    /// The `code` of the link, or the short code of the same mail.
    #[schema(max_length = 43)]
    code: String,
}

/// Mails a code to a new e-mail address.
///
/// The address of the account changes when the code is sent to `/v1/me/email/confirm`, within 24 hours. The address
/// before it is then told. An account with a second factor also needs a recent proof by one (`/v1/me/proof`).
#[utoipa::path(
    post,
    path = "/v1/me/email",
    operation_id = "change_email",
    tag = "accounts",
    security(("token" = [])),
    request_body = ChangeEmail,
    responses(
        (
            status = 202,
            description = "A mail is on its way to the new address",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "accounts.disposable_email",
            "accounts.email_confirmed",
            "accounts.invalid_email",
            "accounts.too_many_mails",
            "auth.proof_required",
            "auth.too_many_attempts",
            "auth.wrong_password",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn change(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Json(body): Json<ChangeEmail>,
) -> Result<StatusCode, Error> {
    commands::request_email_change(&accounts, &current, &body.email, &body.password).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Mails another code that confirms the account's e-mail address.
///
/// Earlier codes can be used until they expire, 24 hours after they were mailed.
#[utoipa::path(
    post,
    path = "/v1/me/email/confirmation",
    operation_id = "send_confirmation",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "A mail is on its way",
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.email_confirmed", "accounts.too_many_mails"])),
    ),
)]
pub(super) async fn send_confirmation(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
) -> Result<StatusCode, Error> {
    commands::request_confirmation(&accounts, &current).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Confirms an e-mail address with the code of a mail.
///
/// The code works once, for the account that it was mailed for, and within 24 hours.
#[utoipa::path(
    post,
    path = "/v1/me/email/confirm",
    operation_id = "confirm_email",
    tag = "accounts",
    security(("token" = [])),
    request_body = ConfirmEmail,
    responses(
        (
            status = 200,
            description = "The account as it is now; access tokens say so from the next refresh on",
            body = AccountView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.email_taken",
            "accounts.invalid_code",
            "auth.too_many_attempts",
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
    Json(body): Json<ConfirmEmail>,
) -> Result<impl IntoResponse, Error> {
    let account = commands::confirm_email(&accounts, &current, &body.code).await?;
    Ok((NO_STORE, Json(AccountView::for_owner(account))))
}
