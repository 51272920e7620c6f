//! What answers look like.
//!
//! Invariant: an e-mail address is in an answer only to its owner.

use chrono::{DateTime, Utc};
use contract::MediaId;
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::SignedIn;
use crate::model::{Account, Session};
use crate::tokens::ACCESS_TOKEN_LIFETIME;

/// For answers that no cache may keep.
pub(super) const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// Somebody's profile.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    id: Uuid,
    /// The unique name, lower-case.
    #[schema(example = "ada")]
    handle: String,
    /// Only in answers to its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The handle, until the member chooses a name.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    bio: String,
    /// A media id; its picture is at `/v1/media/{id}/image`.
    #[schema(required)]
    avatar: Option<MediaId>,
    /// `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`.
    roles: Vec<String>,
    created_at: DateTime<Utc>,
}

impl AccountView {
    /// For everybody.
    pub(super) fn public(account: Account) -> Self {
        Self {
            id: account.id.0,
            handle: account.handle,
            email: None,
            display_name: account.display_name,
            bio: account.bio,
            avatar: account.avatar,
            roles: account.roles.names(),
            created_at: account.created_at,
        }
    }

    /// For its owner.
    pub(super) fn for_owner(account: Account) -> Self {
        let email = Some(account.email.clone());
        Self { email, ..Self::public(account) }
    }
}

/// Somebody who is signed in now.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct SignedInView {
    account: AccountView,
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Send it to `/v1/sessions/refresh`, once, for the next pair. Absent where the caller asked for the cookie form.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// For how many seconds the access token holds.
    #[schema(example = 900)]
    expires_in: i64,
}

impl From<SignedIn> for SignedInView {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { account, access_token, refresh_token } = signed_in;
        Self { account: AccountView::for_owner(account), access_token, refresh_token: Some(refresh_token), expires_in: ACCESS_TOKEN_LIFETIME.num_seconds() }
    }
}

impl SignedInView {
    /// Takes the refresh token out, for a caller that gets it in another way.
    pub(super) fn take_refresh_token(&mut self) -> Option<String> {
        self.refresh_token.take()
    }

    /// The member's handle.
    pub(super) fn handle(&self) -> &str {
        &self.account.handle
    }
}

/// A device that is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    id: Uuid,
    /// What it called itself when it signed in.
    #[schema(example = "Firefox on Linux")]
    device: String,
    created_at: DateTime<Utc>,
    /// When it asked for a new access token last.
    last_seen_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    /// A session as the session `current_session` sees it.
    pub(super) fn new(session: Session, current_session: Uuid) -> Self {
        Self { current: session.id == current_session, id: session.id, device: session.device, created_at: session.created_at, last_seen_at: session.last_seen_at }
    }
}
