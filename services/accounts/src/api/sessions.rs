//! `/v1/sessions`: sign-in, refresh, the list of sessions, and sign-out.
//!
//! Invariant: a member sees and ends only their own sessions; another member's session is a 404.

use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authenticated::{Authenticated, AuthenticatedOrSuspended};
use super::client_info::is_of_operators;
use super::factor_body::{FactorBody, missing_field};
use super::optional_json;
use super::token_transport::TokenTransport;
use super::views::{NO_STORE, SessionView, SignedInView};
use crate::commands::{self, SignInRequest};
use crate::error::Error;
use crate::model::{ClientInfo, FactorAnswer, Password, device_name};
use crate::queries;
use crate::state::Accounts;

/// The body of a sign-in.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "login": "ada",
    "password": "correct horse battery",
    "device": "Firefox on Linux",
}))]
pub(super) struct SignIn {
    /// A handle or an e-mail address; case doesn't matter. Left out, with the password, to sign in by passkey alone.
    login: Option<String>,
    password: Option<Password>,
    /// The second factor, for an account that has one.
    factor: Option<FactorBody>,
    /// The name of this device in the list of sessions.
    #[schema(max_length = 80)]
    device: Option<String>,
    /// Whether a member who is suspended or banned signs in all the same: to read why, to appeal, and to export their
    /// data. Their access token is for nothing else. It changes nothing for other members.
    #[serde(default)]
    for_appeals: bool,
}

/// The body of a refresh.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "refresh_token": "q83vEjRWeJCrze8SNFZ4kAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
}))]
pub(super) struct Refresh {
    refresh_token: String,
}

/// Signs in.
///
/// The response has an access token, which is valid for 15 minutes, and a refresh token for the next one. An unknown
/// login and a wrong password are refused alike, and repeated attempts have to wait. An account with a second factor
/// gets `auth.second_factor` after the right password: `factors` names what is possible (`totp`, `passkey`,
/// `recovery`), and `passkey` has the options for `navigator.credentials.get()`. Send the same again with a `factor`. A
/// passkey alone signs in as well, with a challenge of `/v1/sessions/passkey-challenges`. After all of this, a
/// suspended account is refused with the reason and the end of the suspension; with `for_appeals` it gets an access
/// token for the operations that say `x-suspended`, and for no other. That token is not refreshed: sign in again.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    operation_id = "sign_in",
    tag = "accounts",
    request_body = SignIn,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day replaces the session that the first one opened",
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
    ),
    responses(
        (
            status = 201,
            description = "The account, and tokens for it",
            body = SignedInView,
            headers(
                ("Set-Cookie" = Option<String>, description = "The refresh token, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "auth.cross_site",
            "auth.second_factor",
            "auth.suspended",
            "auth.too_many_attempts",
            "auth.unknown_token_transport",
            "auth.wrong_factor",
            "auth.wrong_login",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-sign-in" = json!(true)),
        ("x-cookies" = json!(true)),
    ),
)]
pub(super) async fn sign_in(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    client: ClientInfo,
    Json(body): Json<SignIn>,
) -> Result<impl IntoResponse, Error> {
    let device = device_name(body.device.as_deref());
    let idle = accounts.config.session_limits(client.operators).idle;
    let factor = body.factor.map(FactorBody::into_answer).transpose()?;
    let signed_in = match (body.login, body.password, factor) {
        (None, None, Some(FactorAnswer::Passkey(assertion))) => {
            commands::sign_in_with_passkey(&accounts, &assertion, device, body.for_appeals, client).await?
        }
        (Some(login), Some(password), factor) => {
            let request = SignInRequest { login, password, factor, device, for_appeals: body.for_appeals };
            commands::sign_in(&accounts, request, client).await?
        }
        (None, ..) => return Err(missing_field("login")),
        (_, None, _) => return Err(missing_field("password")),
    };
    let (headers, view) = transport.sign_in_response(signed_in, idle);
    Ok((StatusCode::CREATED, headers, Json(view)))
}

/// Exchanges a refresh token for a new pair.
///
/// Each refresh token can be used once; a second use ends its session. Only if the first response was lost, and the
/// request is repeated within 30 seconds, is the same refresh token returned again. With `Tutti-Session: cookie` the
/// token is read from the cookie, unless the body has one, which is then exchanged for a cookie.
#[utoipa::path(
    post,
    path = "/v1/sessions/refresh",
    operation_id = "refresh_session",
    tag = "accounts",
    request_body = Option<Refresh>,
    params(
        (
            "Tutti-Session" = Option<String>,
            Header,
            description = "`cookie`: reads and returns the refresh token in a cookie; only for pages of this origin",
            example = "cookie",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The account, and tokens for it",
            body = SignedInView,
            headers(
                ("Set-Cookie" = Option<String>, description = "The refresh token, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "auth.cross_site",
            "auth.invalid_refresh",
            "auth.no_session",
            "auth.refresh_reused",
            "auth.suspended",
            "auth.unknown_token_transport",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-sign-in" = json!(true)),
        ("x-cookies" = json!(true)),
    ),
)]
pub(super) async fn refresh(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    request: Request,
) -> Result<impl IntoResponse, Error> {
    let operators = is_of_operators(request.headers());
    let token = match &transport {
        TokenTransport::Body => Json::<Refresh>::from_request(request, &()).await?.0.refresh_token,
        TokenTransport::Cookie(_, cookie) => match optional_json::<Refresh>(request).await? {
            Some(body) => body.refresh_token,
            None => cookie.clone().ok_or(Error::NoSession)?,
        },
    };
    let signed_in = commands::refresh_session(&accounts, &token, operators).await?;
    let (headers, view) = transport.sign_in_response(signed_in, accounts.config.session_limits(operators).idle);
    Ok((headers, Json(view)))
}

/// Lists the devices that are signed in, newest first.
///
/// Each sign-in is a session with the name of its device. The session of the request has `current: true`.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    operation_id = "list_sessions",
    tag = "accounts",
    params(Page),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of sessions",
            body = List<SessionView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Error> {
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (sessions, next) = queries::sessions_page(&accounts, &current, after, page.size()).await?;
    let items = sessions.into_iter().map(|session| SessionView::new(session, current.session.id)).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|id| id.to_string()) })))
}

/// Signs out this device.
///
/// With `Tutti-Session: cookie` the cookie's session ends, with or without an access token, and the cookie is cleared.
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    operation_id = "end_current_session",
    tag = "accounts",
    security((), ("token" = [])),
    params(
        (
            "Tutti-Session" = Option<String>,
            Header,
            description = "`cookie`: ends the cookie's session and clears the cookie; only for pages of this origin",
            example = "cookie",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Signed out",
            headers(
                ("Set-Cookie" = Option<String>, description = "Clears the cookie, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.session_not_found",
            "auth.cross_site",
            "auth.unknown_token_transport",
        ])),
        ("x-admin-sign-in" = json!(true)),
        ("x-cookies" = json!(true)),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn end_current(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    authenticated: Result<AuthenticatedOrSuspended, Error>,
) -> Response {
    let result = match (&transport, authenticated) {
        (TokenTransport::Body, Err(error)) => Err(error),
        (TokenTransport::Body, Ok(AuthenticatedOrSuspended(current))) => {
            commands::end_session(&accounts, &current, current.session.id).await
        }
        (TokenTransport::Cookie(_, cookie), authenticated) => {
            let current = authenticated.ok().map(|AuthenticatedOrSuspended(current)| current);
            commands::sign_out(&accounts, cookie.as_deref(), current).await
        }
    };
    // The cookie is cleared on failure as well, so that a sign-out on a shared machine leaves no token behind.
    (transport.clear_cookie(), result.map(|()| StatusCode::NO_CONTENT)).into_response()
}

/// Signs out all devices, this one included.
///
/// No refresh token of the account can be used any more. Sign in again to continue.
#[utoipa::path(
    delete,
    path = "/v1/sessions",
    operation_id = "end_all_sessions",
    tag = "accounts",
    security(("token" = [])),
    params(
        (
            "Tutti-Session" = Option<String>,
            Header,
            description = "`cookie`: clears the cookie; only for pages of this origin",
            example = "cookie",
        ),
    ),
    responses(
        (
            status = 204,
            description = "All devices are signed out",
            headers(
                ("Set-Cookie" = Option<String>, description = "Clears the cookie, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "auth.cross_site",
            "auth.unknown_token_transport",
        ])),
        ("x-cookies" = json!(true)),
    ),
)]
pub(super) async fn end_all(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    Authenticated(current): Authenticated,
) -> Result<impl IntoResponse, Error> {
    commands::end_all_sessions(&accounts, &current).await?;
    Ok((transport.clear_cookie(), StatusCode::NO_CONTENT))
}

/// Signs out a device.
///
/// Its access token stays valid for at most 15 minutes for media. It can no longer be used for the account.
#[utoipa::path(
    delete,
    path = "/v1/sessions/{id}",
    operation_id = "end_session",
    tag = "accounts",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of one of your sessions",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Signed out",
        ),
    ),
    extensions(
        ("x-codes" = json!(["accounts.session_not_found"])),
    ),
)]
pub(super) async fn end(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchSession)?;
    commands::end_session(&accounts, &current, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
