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
mod session;
mod signing_key;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};

pub(crate) use email::Email;
pub(crate) use handle::Handle;
pub(crate) use password::{NewPassword, Password};
pub(crate) use profile::{Bio, DisplayName, Patch, ProfilePatch, check_avatar, device_name};
pub(crate) use role::{Role, Roles};
pub(crate) use session::{ACCESS_TOKEN_LIFETIME, CurrentSession, ReplacedToken, Rotation, Session};
pub(crate) use signing_key::{next_start, retired_count};

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
    /// When the member showed that the e-mail address is theirs.
    pub email_confirmed_at: Option<DateTime<Utc>>,
    /// Language, time zone and country.
    pub region: Region,
    /// What the member says about themselves beyond name and bio.
    pub about: About,
    /// Whether the account may be used.
    pub standing: Standing,
}

/// Where a member lives and which language they read.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    /// A BCP 47 language tag.
    pub locale: String,
    /// An IANA time zone.
    pub time_zone: String,
    /// An ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
}

/// What a member says about themselves beyond name and bio.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// `member`, `artist`, `curator`, `provider` or `booth`.
    pub kind: String,
    /// The place, as the member writes it.
    pub place: Option<String>,
    /// At most five links.
    pub links: Vec<String>,
    /// Whether only followers see the profile.
    pub is_private: bool,
}

/// Whether an account may be used, and what it may do.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// `active`, `limited`, `suspended` or `banned`.
    pub state: String,
    /// Why, in words that the member reads.
    pub reason: Option<String>,
    /// When the state ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// What is known of a request's client.
#[derive(Debug, Clone)]
pub(crate) struct ClientInfo {
    /// The client's IP address, if it is known.
    pub address: Option<IpAddr>,
    /// The hash of the request's `Idempotency-Key`.
    pub request_key: Option<Vec<u8>>,
}
