//! `/v1/passwords`: a new password for a member who has forgotten theirs.
//!
//! Invariant: a request for a link gets the same response whether the login exists or not.

use axum::extract::State;
use http::StatusCode;
use http_server::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::commands;
use crate::error::Error;
use crate::model::{ClientInfo, Password};
use crate::state::Accounts;

/// The login of a member who has forgotten the password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"login": "ada@example.org"}))]
pub(super) struct ForgottenPassword {
    /// A handle or an e-mail address; case doesn't matter.
    login: String,
}

/// A code of a mail, and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "login": "ada",
    "code": "K7RM-2XQD",
    "password": "seven green umbrellas",
}))]
pub(super) struct ResetPassword {
    /// The handle or e-mail address. Needed with a short code only.
    login: Option<String>,
    /// The `code` of the link, or the short code of the same mail.
    #[schema(max_length = 43)]
    code: String,
    /// At least 10 characters, at most 1,000 bytes.
    password: Password,
}

/// Mails a link to a new password.
///
/// The response is the same for a login that does not exist. An account gets three mails at once and then one in ten
/// minutes; the codes of all of them can be used for 30 minutes.
#[utoipa::path(
    post,
    path = "/v1/passwords/forgotten",
    operation_id = "forgot_password",
    tag = "accounts",
    request_body = ForgottenPassword,
    responses(
        (
            status = 202,
            description = "If there is such an account, a mail is on its way",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.too_many_mails",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn forgotten(
    State(accounts): State<Accounts>,
    client: ClientInfo,
    Json(body): Json<ForgottenPassword>,
) -> Result<StatusCode, Error> {
    commands::request_password_reset(&accounts, &body.login, &client).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password with the code of a mail, and signs out all devices.
///
/// The code works once. The code of a mail to a former address also makes that address the account's again. The API
/// keys of the account end as well.
#[utoipa::path(
    post,
    path = "/v1/passwords/reset",
    operation_id = "reset_password",
    tag = "accounts",
    request_body = ResetPassword,
    responses(
        (
            status = 204,
            description = "Set; sign in with it",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "accounts.code_needs_login",
            "accounts.email_taken",
            "accounts.invalid_code",
            "accounts.weak_password",
            "auth.too_many_attempts",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn reset(
    State(accounts): State<Accounts>,
    Json(body): Json<ResetPassword>,
) -> Result<StatusCode, Error> {
    commands::reset_password(&accounts, body.login.as_deref(), &body.code, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
