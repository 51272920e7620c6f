//! `/v1/me`: the caller's own account.
//!
//! Invariant: no operation here takes an account id; the account is always that of the access token.

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use contract::MediaId;
use http::StatusCode;
use http_server::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::authenticated::Authenticated;
use super::optional_json;
use super::token_transport::TokenTransport;
use super::views::{AccountView, NO_STORE};
use crate::commands;
use crate::error::Error;
use crate::model::{
    Bio, Country, CurrentSession, DisplayName, Link, Locale, Password, Patch, Place, ProfileKind, ProfilePatch,
    TimeZone,
};
use crate::state::Accounts;

/// Changes to the profile. Absent fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "display_name": "Ada Lovelace",
    "bio": "Numbers and music.",
    "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "locale": "en-GB",
    "time_zone": "Europe/London",
    "country": "GB",
    "kind": "artist",
    "place": "London",
    "links": ["https://ada.example.org/"],
    "is_private": false,
}))]
pub(super) struct EditProfile {
    /// 1–60 characters; `null` resets it to the handle.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60)]
    display_name: Patch<String>,
    /// At most 500 characters; `null` clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    bio: Patch<String>,
    /// The id of one of your own photos, unlisted or public; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<MediaId>)]
    avatar: Patch<String>,
    /// The language that you read, as a BCP 47 tag; `null` resets it to `en`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 35)]
    locale: Patch<String>,
    /// The time zone (IANA) in which times are shown; `null` resets it to `UTC`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 40)]
    time_zone: Patch<String>,
    /// The country where you live (ISO 3166-1 alpha-2); `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 2)]
    country: Patch<String>,
    /// What you are here for; `null` resets it to `member`.
    #[serde(default)]
    #[schema(value_type = Option<ProfileKind>)]
    kind: Patch<ProfileKind>,
    /// The place where you are, in your own words, at most 80 characters; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 80)]
    place: Patch<String>,
    /// Up to five links that begin with `https://` or `http://` and have no name or password in them, at most 300
    /// characters each; `null` removes all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    links: Patch<Vec<String>>,
    /// Whether others see no more of the profile than handle, display name, avatar, kind and roles; `null` resets
    /// it to `false`.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_private: Patch<bool>,
}

impl EditProfile {
    fn into_patch(self, current: &CurrentSession) -> Result<ProfilePatch, Error> {
        let display_name = self.display_name.parse(|name| Ok(DisplayName::parse(&name)?.0))?;
        let no_photo = Error::InvalidAvatar("avatar must be the id of a photo: 22 letters and digits.");
        Ok(ProfilePatch {
            display_name: display_name.or_reset(|| current.account.handle.clone()),
            bio: self.bio.parse(|bio| Ok(Bio::parse(&bio)?.0))?.or_reset(String::new),
            avatar: self.avatar.parse(|id| id.parse::<MediaId>().map_err(|_| no_photo))?,
            locale: self.locale.parse(|tag| Locale::parse(&tag))?.or_reset(Locale::default),
            time_zone: self.time_zone.parse(|name| TimeZone::parse(&name))?.or_reset(TimeZone::default),
            country: self.country.parse(|code| Country::parse(&code))?,
            kind: self.kind.or_reset(ProfileKind::default),
            place: self.place.parse(|place| Place::parse(&place))?,
            links: self.links.parse(|links| Link::parse_all(&links))?.or_reset(Vec::new),
            is_private: self.is_private.or_reset(bool::default),
        })
    }
}

/// The current and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "current": "correct horse battery",
    "new": "seven green umbrellas",
}))]
pub(super) struct ChangePassword {
    current: Password,
    /// At least 10 characters, at most 1,000 bytes.
    new: Password,
}

/// The confirmation of an erasure.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery"}))]
pub(super) struct Erase {
    password: Password,
}

/// Returns the caller's account.
///
/// It is the account of the access token, with its e-mail address, which no other operation returns to anyone else.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "show_me",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The account",
            body = AccountView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn show(Authenticated(current): Authenticated) -> impl IntoResponse {
    (NO_STORE, Json(AccountView::for_owner(current.account)))
}

/// Changes the profile.
///
/// Fields that are left out stay as they are; `null` resets a field. The avatar must be a photo of your own that is
/// public or unlisted. Locale, time zone and country are in no view but yours. A private profile shows others its
/// handle, display name, avatar, kind and roles only, and lists no public items; each of these can still be read by its
/// own URL.
///
/// A display name with a link, and a bio or link that hides where it leads or that many accounts have, is refused with
/// `accounts.profile_refused`: the problem has a `reason`, and a `verdict` that an appeal names.
#[utoipa::path(
    patch,
    path = "/v1/me",
    operation_id = "edit_me",
    tag = "accounts",
    security(("token" = [])),
    request_body = EditProfile,
    responses(
        (
            status = 200,
            description = "The account as it is now",
            body = AccountView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.invalid_avatar",
            "accounts.invalid_profile",
            "accounts.profile_refused",
            "accounts.slow_down",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn edit(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Json(body): Json<EditProfile>,
) -> Result<impl IntoResponse, Error> {
    let patch = body.into_patch(&current)?;
    let account = commands::update_profile(&accounts, &current, patch).await?;
    Ok((NO_STORE, Json(AccountView::for_owner(account))))
}

/// Erases the account, its library and every link to it. This can't be undone.
///
/// Needs the password in the body, or no body and a sign-in or a proof (`/v1/me/proof`) in the last ten minutes.
#[utoipa::path(
    delete,
    path = "/v1/me",
    operation_id = "erase_me",
    tag = "accounts",
    security(("token" = [])),
    request_body = Option<Erase>,
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
            description = "Erased; media are removed shortly afterwards",
            headers(
                ("Set-Cookie" = Option<String>, description = "Clears the cookie, with `Tutti-Session: cookie`"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "auth.cross_site",
            "auth.proof_required",
            "auth.too_many_attempts",
            "auth.unknown_token_transport",
            "auth.wrong_password",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-cookies" = json!(true)),
    ),
)]
pub(super) async fn erase(
    State(accounts): State<Accounts>,
    transport: TokenTransport,
    Authenticated(current): Authenticated,
    request: Request,
) -> Result<impl IntoResponse, Error> {
    let body = optional_json::<Erase>(request).await?;
    commands::erase_account(&accounts, current, body.as_ref().map(|body| &body.password)).await?;
    Ok((transport.clear_cookie(), StatusCode::NO_CONTENT))
}

/// Changes the password and signs out every other device.
///
/// Needs the current password. The session of the request stays; all others, and the account's API keys, end in the
/// same moment.
#[utoipa::path(
    post,
    path = "/v1/me/password",
    operation_id = "change_password",
    tag = "accounts",
    security(("token" = [])),
    request_body = ChangePassword,
    responses(
        (
            status = 204,
            description = "Changed",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.busy",
            "accounts.weak_password",
            "auth.too_many_attempts",
            "auth.wrong_password",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn change_password(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, Error> {
    commands::change_password(&accounts, &current, &body.current, body.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
