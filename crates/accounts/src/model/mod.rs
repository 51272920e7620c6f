//! The types of accounts and their rules, without I/O.
//!
//! Invariant: every [`Handle`], [`Email`] and [`NewPassword`] meets its rules.

mod common_passwords;
mod display_text;
mod email;
mod handle;
mod password;
mod profile;
mod role;

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use uuid::Uuid;

pub(crate) use email::Email;
pub(crate) use handle::Handle;
pub(crate) use password::{NewPassword, Password};
pub(crate) use profile::{Bio, DisplayName, Patch, device_name};
pub(crate) use role::{Role, Roles};

/// An account as it is stored, without its password.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The account's id.
    pub id: AccountId,
    /// The unique handle, lower-case.
    pub handle: String,
    /// The e-mail address, lower-case. Only the owner may see it.
    pub email: String,
    /// The name to show.
    pub display_name: String,
    /// The text about the member.
    pub bio: String,
    /// The photo of the profile.
    pub avatar: Option<MediaId>,
    /// The roles.
    pub roles: Roles,
    /// When the account was created.
    pub created_at: DateTime<Utc>,
}

/// A session: one device that is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The session's id, `sid` in access tokens.
    pub id: Uuid,
    /// The name of the device.
    pub device: String,
    /// When the member signed in.
    pub created_at: DateTime<Utc>,
    /// When its refresh token was last used.
    pub last_seen_at: DateTime<Utc>,
}

/// The account and session of a request's caller.
#[derive(Debug, Clone)]
pub(crate) struct CurrentSession {
    /// The account.
    pub account: Account,
    /// The session.
    pub session: Session,
}
