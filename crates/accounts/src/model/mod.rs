//! What an account is and the rules it must meet; no I/O.
//!
//! Invariant: a [`Handle`], an [`Email`] and a [`NewPassword`] exist only in a form that meets the rules.

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
    /// Its id.
    pub id: AccountId,
    /// Its unique name, lower-case.
    pub handle: String,
    /// Its address, lower-case; nobody else's to see.
    pub email: String,
    /// What it likes to be called.
    pub display_name: String,
    /// What it says about itself.
    pub bio: String,
    /// Its picture.
    pub avatar: Option<MediaId>,
    /// What it may do.
    pub roles: Roles,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
}

/// A session: one device that is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Its id, `sid` in access tokens.
    pub id: Uuid,
    /// What the device called itself.
    pub device: String,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When its refresh token was used last.
    pub last_seen_at: DateTime<Utc>,
}

/// Somebody who is signed in: an account and the session that asks.
#[derive(Debug, Clone)]
pub(crate) struct CurrentSession {
    /// Who.
    pub account: Account,
    /// From where.
    pub session: Session,
}
