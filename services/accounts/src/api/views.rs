//! The response bodies.
//!
//! Invariant: an e-mail address, a locale, a time zone and a country are returned to their owner only, and so is what a
//! private profile hides.

use chrono::{DateTime, Utc};
use contract::MediaId;
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{About, Account, Country, Link, ProfileKind, Session, SignIn};
use crate::tokens::SignedIn;

/// The header of responses that must not be cached.
pub(super) const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A profile.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "handle": "ada",
    "email": "ada@example.org",
    "email_confirmed": true,
    "display_name": "Ada Lovelace",
    "bio": "Numbers and music.",
    "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "roles": ["member"],
    "kind": "artist",
    "place": "London",
    "links": ["https://ada.example.org/"],
    "is_private": false,
    "locale": "en-GB",
    "time_zone": "Europe/London",
    "country": "GB",
    "created_at": "2026-05-17T09:30:00Z",
}))]
pub(super) struct AccountView {
    id: Uuid,
    /// The unique name, lower-case.
    handle: String,
    /// Returned to the owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Whether the e-mail address is confirmed. Returned to the owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmed: Option<bool>,
    /// The name to show. It is the handle until the member chooses a name.
    display_name: String,
    bio: String,
    /// The id of a photo, whose image is at `/v1/media/{id}/image`.
    #[schema(required)]
    avatar: Option<MediaId>,
    /// `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`.
    roles: Vec<String>,
    /// What the member is here for, as they say.
    kind: ProfileKind,
    /// Where the member is, in their own words. Null if they don't say.
    #[schema(required)]
    place: Option<String>,
    /// Up to five links of the member, as URLs.
    #[schema(value_type = Vec<String>)]
    links: Vec<Link>,
    /// Whether others see no more than handle, display name, avatar, kind and roles. Bio, place, links and the list of
    /// the member's public items are then empty for them.
    is_private: bool,
    /// The language that the member reads, as a BCP 47 tag. Returned to the owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// The time zone (IANA). Returned to the owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// The country (ISO 3166-1 alpha-2). Returned to the owner only; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    created_at: DateTime<Utc>,
}

impl AccountView {
    /// Returns the profile as others see it.
    pub(super) fn public(account: Account) -> Self {
        let is_private = account.about.is_private;
        let shown = Self::without_owner_only(account);
        if !is_private {
            return shown;
        }
        Self { bio: String::new(), place: None, links: Vec::new(), ..shown }
    }

    /// Returns the account as its owner sees it.
    pub(super) fn for_owner(account: Account) -> Self {
        let (email, region) = (account.email.clone(), account.region.clone());
        Self {
            email: Some(email),
            email_confirmed: Some(account.email_confirmed_at.is_some()),
            locale: Some(region.locale.as_str().to_owned()),
            time_zone: Some(region.time_zone.as_str().to_owned()),
            country: region.country.map(Country::as_str).map(str::to_owned),
            ..Self::without_owner_only(account)
        }
    }

    fn without_owner_only(account: Account) -> Self {
        let About { kind, place, links, is_private } = account.about;
        Self {
            id: account.id.0,
            handle: account.handle,
            email: None,
            email_confirmed: None,
            display_name: account.display_name,
            bio: account.bio,
            avatar: account.avatar,
            roles: account.roles.names(),
            kind,
            place: place.map(|place| place.0),
            links,
            is_private,
            locale: None,
            time_zone: None,
            country: None,
            created_at: account.created_at,
        }
    }
}

/// The account and tokens of a new or refreshed session.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn, example = json!({
    "account": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "email": "ada@example.org",
        "email_confirmed": true,
        "display_name": "Ada Lovelace",
        "bio": "Numbers and music.",
        "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
        "roles": ["member"],
        "kind": "artist",
        "place": "London",
        "links": ["https://ada.example.org/"],
        "is_private": false,
        "locale": "en-GB",
        "time_zone": "Europe/London",
        "country": "GB",
        "created_at": "2026-05-17T09:30:00Z",
    },
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTk4YjJhNCJ9.c2lnbmF0dXJl",
    "refresh_token": "q83vEjRWeJCrze8SNFZ4kAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    "expires_in": 900,
}))]
pub(super) struct SignedInView {
    account: AccountView,
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Send it to `/v1/sessions/refresh`, once, for the next pair. Absent if the request asked for the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The lifetime of the access token in seconds.
    expires_in: i64,
}

impl From<SignedIn> for SignedInView {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { account, access_token, expires_in, refresh_token } = signed_in;
        Self { account: AccountView::for_owner(account), access_token, refresh_token: Some(refresh_token), expires_in }
    }
}

impl SignedInView {
    /// Removes the refresh token from the body and returns it, to be sent in a cookie.
    pub(super) fn take_refresh_token(&mut self) -> Option<String> {
        self.refresh_token.take()
    }

    /// Returns the member's handle.
    pub(super) fn handle(&self) -> &str {
        &self.account.handle
    }
}

/// A device that is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
    "device": "Firefox on Linux",
    "created_at": "2026-05-17T09:30:00Z",
    "last_seen_at": "2026-05-20T18:05:12Z",
    "current": true,
}))]
pub(super) struct SessionView {
    id: Uuid,
    /// The name of the device, as given at sign-in.
    device: String,
    created_at: DateTime<Utc>,
    /// When it last requested a new access token.
    last_seen_at: DateTime<Utc>,
    /// Whether this is the session of the request.
    current: bool,
}

impl SessionView {
    /// Creates the view of a session, for a request of the session `current_session`.
    pub(super) fn new(session: Session, current_session: Uuid) -> Self {
        Self {
            current: session.id == current_session,
            id: session.id,
            device: session.device,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// A sign-in, or attempts that failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignInRecord, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
    "at": "2026-05-17T09:30:00Z",
    "device": "Firefox on Linux",
    "network": "203.0.113.0/24",
    "outcome": "succeeded",
    "attempts": 1,
}))]
pub(super) struct SignInView {
    id: Uuid,
    /// When it was; of several attempts, the last one.
    at: DateTime<Utc>,
    /// The name of the device, as given at sign-in.
    device: String,
    /// The network: the client's IPv4 /24 or IPv6 /48, or `unknown`.
    network: String,
    /// `succeeded`, or `failed` if the password or the second factor was wrong.
    outcome: &'static str,
    /// How many attempts failed from there within an hour; 1 for a sign-in.
    attempts: i64,
}

impl From<SignIn> for SignInView {
    fn from(sign_in: SignIn) -> Self {
        Self {
            id: sign_in.id,
            at: sign_in.last_at,
            device: sign_in.device,
            network: sign_in.network,
            outcome: if sign_in.succeeded { "succeeded" } else { "failed" },
            attempts: sign_in.attempts,
        }
    }
}
