//! `/v1/accounts`: sign-up and public profiles.
//!
//! Invariant: a public profile is the same for every caller.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use http_server::{Json, Path};
use serde::Deserialize;
use utoipa::ToSchema;

use super::token_transport::TokenTransport;
use super::views::{AccountView, SignedInView};
use crate::commands::{self, SignUpRequest};
use crate::error::Error;
use crate::model::{ClientInfo, Password, Region, device_name};
use crate::queries;
use crate::state::Accounts;

/// The body of a sign-up.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "handle": "ada",
    "email": "ada@example.org",
    "password": "correct horse battery",
    "device": "Firefox on Linux",
    "locale": "en-GB",
    "time_zone": "Europe/London",
}))]
pub(super) struct SignUp {
    /// 3–30 characters of `a-z 0-9 _ . -`; case doesn't matter. One that looks like the handle of another account is
    /// taken.
    #[schema(min_length = 3, max_length = 30)]
    handle: String,
    /// Case doesn't matter. A domain in another script is stored in its ASCII form.
    #[schema(max_length = 254)]
    email: String,
    /// At least 10 characters, at most 1,000 bytes.
    password: Password,
    /// The name of this device in the list of sessions.
    #[schema(max_length = 80)]
    device: Option<String>,
    /// The language that the member reads, as a BCP 47 tag, such as a browser's `navigator.language`. Without one that
    /// is known, the first of `Accept-Language` counts.
    locale: Option<String>,
    /// The member's time zone (IANA), such as a browser's `Intl.DateTimeFormat().resolvedOptions().timeZone`. One that
    /// is unknown is passed over.
    time_zone: Option<String>,
    /// The solution of a challenge, as ALTCHA's widget makes it: base64 of JSON. Needed only where a sign-up was
    /// refused with `accounts.work_required`.
    #[schema(max_length = 2048)]
    altcha: Option<String>,
}

impl SignUp {
    fn into_request(self, headers: &HeaderMap) -> SignUpRequest {
        let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        SignUpRequest {
            handle: self.handle,
            email: self.email,
            password: self.password,
            device: device_name(self.device.as_deref()),
            region: Region::guess(self.locale.as_deref(), self.time_zone.as_deref(), languages),
            altcha: self.altcha,
        }
    }
}

/// Creates an account and signs in to it.
///
/// A mail to the address asks to confirm it. An address that another account has confirmed is not refused here: the
/// response is the same, the address stays unconfirmed, and the mail tells its owner.
///
/// While unusually many accounts are made, a sign-up needs a proof of work: it is refused with
/// `accounts.work_required`, and the problem's `challenge` is what `/v1/sign-ups/challenge` returns.
///
/// With an `Idempotency-Key`, a repeated request within a day signs in to the account that the first one created. While
/// operators have turned sign-ups off, all are refused with `server.turned_off`.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "sign_up",
    tag = "accounts",
    request_body = SignUp,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Makes it safe to repeat this request",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
        (
            "Tutti-Session" = Option<String>,
            Header,
            description = "`cookie`: returns the refresh token in a cookie that no script can read; only for pages of \
                           this origin",
            example = "cookie",
        ),
        (
            "Accept-Language" = Option<String>,
            Header,
            description = "The languages that the member prefers, where `locale` has none",
            example = "en-GB, en;q=0.8",
        ),
    ),
    responses(
        (
            status = 201,
            description = "The account, and tokens for it",
            body = SignedInView,
            headers(
                ("Location" = String, description = "The public profile of the account"),
                ("Set-Cookie" = Option<String>, description = "The refresh token, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.invalid_handle",
            "accounts.invalid_email",
            "accounts.disposable_email",
            "accounts.weak_password",
            "accounts.handle_taken",
            "accounts.too_many_sign_ups",
            "accounts.work_required",
            "accounts.busy",
            "auth.cross_site",
            "auth.suspended",
            "auth.too_many_attempts",
            "auth.unknown_token_transport",
            "auth.wrong_login",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
            "server.turned_off",
        ])),
        ("x-cookies" = json!(true)),
    ),
)]
pub(super) async fn sign_up(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    client: ClientInfo,
    headers: HeaderMap,
    Json(body): Json<SignUp>,
) -> Result<impl IntoResponse, Error> {
    let signed_in = commands::sign_up(&accounts, body.into_request(&headers), client).await?;
    let (mut headers, view) = transport.sign_in_response(signed_in, accounts.config.session_idle_timeout());
    // A handle consists of characters that are valid in a header.
    if let Ok(location) = format!("/v1/accounts/{}", view.handle()).parse() {
        headers.insert(header::LOCATION, location);
    }
    Ok((StatusCode::CREATED, headers, Json(view)))
}

/// Returns a public profile.
///
/// Everyone may read it, signed in or not. A private profile (`is_private`) has no bio, place and links. An unknown
/// handle, and that of an erased or suspended account, is a 404.
#[utoipa::path(
    get,
    path = "/v1/accounts/{handle}",
    operation_id = "show_account",
    tag = "accounts",
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "ada",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The profile, without what only its owner sees",
            body = AccountView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.not_found"])),
    ),
)]
pub(super) async fn profile(
    State(accounts): State<Accounts>,
    Path(handle): Path<String>,
) -> Result<Json<AccountView>, Error> {
    Ok(Json(AccountView::public(queries::shown_account(&accounts, &handle).await?)))
}
