//! `/v1/me`: one's own account.
//!
//! Invariant: nothing here takes an id; it is always the account of whoever asks.

use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::IntoResponse;
use contract::MediaId;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use kit::http::Json;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::seat::Seated;
use super::views::{AccountView, NO_STORE};
use crate::accounts::{Accounts, Asker};
use crate::error::Error;
use crate::model::{Bio, DisplayName, Password, Seat};
use crate::store::accounts::Change;

const MOST_BODY: usize = 64 * 1024;

/// What to change of the profile; what is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditProfile {
    /// 1–60 characters; `null` goes back to the handle.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60)]
    display_name: Option<Option<String>>,
    /// At most 500 characters; `null` empties it.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, max_length = 500)]
    bio: Option<Option<String>>,
    /// The id of one's own picture, unlisted or public; `null` takes it off.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<MediaId>)]
    avatar: Option<Option<String>>,
}

/// Tells `null` from nothing.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl EditProfile {
    fn check(self, seat: &Seat) -> Result<Change, Error> {
        let name = self.display_name.map(|name| name.map_or_else(|| Ok(seat.account.handle.clone()), |name| DisplayName::parse(&name).map(|name| name.0)));
        let bio = self.bio.map(|bio| Bio::parse(&bio.unwrap_or_default()).map(|bio| bio.0));
        let avatar = self.avatar.map(|id| id.map(|id| id.parse().map_err(|_| Error::InvalidAvatar("avatar is the id of a picture: 22 letters and digits."))).transpose());
        Ok(Change { display_name: name.transpose()?, bio: bio.transpose()?, avatar: avatar.transpose()? })
    }
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChangePassword {
    current: Password,
    /// At least 10 characters, at most 1,000 bytes.
    new: Password,
}

/// Confirms that the account shall be erased.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Erase {
    password: Password,
}

/// One's own account.
#[utoipa::path(get, path = "/v1/me", tag = "accounts", security(("token" = [])), responses((status = 200, description = "The account", body = AccountView)))]
pub(super) async fn show(Seated(seat): Seated) -> impl IntoResponse {
    (NO_STORE, Json(AccountView::own(seat.account)))
}

/// Changes the profile.
#[utoipa::path(patch, path = "/v1/me", tag = "accounts", security(("token" = [])), request_body = EditProfile,
    responses((status = 200, description = "The account as it is now", body = AccountView)))]
pub(super) async fn edit(State(accounts): State<Accounts>, Seated(seat): Seated, Json(body): Json<EditProfile>) -> Result<impl IntoResponse, Error> {
    let change = body.check(&seat)?;
    let account = accounts.edit(seat, change).await?;
    Ok((NO_STORE, Json(AccountView::own(account))))
}

/// Erases the account, its library and every link to it. There is no way back.
///
/// Needs the password in the body, or a session that was opened with it in the last ten minutes (then without a body).
#[utoipa::path(delete, path = "/v1/me", tag = "accounts", security(("token" = [])), request_body = Option<Erase>,
    responses((status = 204, description = "Erased; media follow within moments")))]
pub(super) async fn erase(State(accounts): State<Accounts>, Seated(seat): Seated, asker: Asker, request: Request) -> Result<StatusCode, Error> {
    let body = optional(request).await?;
    accounts.erase(seat, body.as_ref().map(|body| &body.password), &asker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Many clients and proxies send a DELETE without its body, so there may be none.
async fn optional(request: Request) -> Result<Option<Erase>, Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY).collect().await;
    let body = body.map_err(|_| kit::Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", "The JSON body is larger than 64 KB."))?.to_bytes();
    if body.is_empty() {
        return Ok(None);
    }
    let Json(body) = Json::from_request(Request::from_parts(parts, Body::from(body)), &()).await?;
    Ok(Some(body))
}

/// Changes the password and signs out every other device.
#[utoipa::path(post, path = "/v1/me/password", tag = "accounts", security(("token" = [])), request_body = ChangePassword,
    responses((status = 204, description = "Changed")))]
pub(super) async fn change_password(State(accounts): State<Accounts>, Seated(seat): Seated, asker: Asker, Json(body): Json<ChangePassword>) -> Result<StatusCode, Error> {
    accounts.change_password(&seat, &body.current, body.new, &asker).await?;
    Ok(StatusCode::NO_CONTENT)
}
