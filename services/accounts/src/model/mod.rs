//! The types of accounts and their rules, without I/O.
//!
//! Invariant: every [`Handle`], [`Email`] and [`NewPassword`] meets its rules.

mod about;
mod api_key;
mod audit;
mod authentication;
mod common_passwords;
mod display_text;
mod disposable_domains;
mod email;
mod export;
mod factor;
mod handle;
mod mailed_code;
mod password;
mod profile;
mod proof_of_work;
mod region;
mod role;
mod session;
mod sign_in;
mod signing_key;
mod standing;
pub(crate) mod totp;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};

pub(crate) use about::{About, Link, Place, ProfileKind};
pub(crate) use api_key::{
    API_KEY_TOKEN_LIFETIME, ApiKey, ApiKeyRequest, LAST_USE_INTERVAL, MAX_API_KEYS, MAX_TEAM_KEYS, TeamKey,
    operation_scopes, parse_key_reason,
};
pub(crate) use audit::{AuditEntry, AuditFilter, ChainCheck, FIRST_PREVIOUS_HASH};
pub(crate) use authentication::{Authentication, Method};
pub(crate) use disposable_domains::DisposableDomains;
pub(crate) use email::{Email, normalize_login};
pub(crate) use export::{
    Archive, EXPORT_LIFETIME, EXPORT_ROW_LIFETIME, Export, ExportState, MAX_BUILD_TIME, MAX_EXPORTS_PER_DAY,
    MAX_SHOWN_EXPORTS, next_export_in,
};
pub(crate) use factor::{
    CHALLENGE_LIFETIME, Factor, FactorAnswer, FactorKind, RECOVERY_CODES, Spend, VerifiedFactor, factor_name,
    normalized_recovery_code, recovery_code,
};
pub(crate) use handle::{Handle, skeleton};
pub(crate) use mailed_code::{
    LINK_BYTES, MAIL_WINDOW, MAX_PROMPT_MAILS, MailedCode, PresentedCode, Purpose, SHORT_CODE_ALPHABET,
    SHORT_CODE_CHARS, encode_link, next_mail_in, show_short_code,
};
pub(crate) use password::{NewPassword, Password};
pub(crate) use profile::{Bio, DisplayName, Patch, ProfilePatch, check_avatar, device_name};
pub use proof_of_work::WorkProblem;
pub(crate) use proof_of_work::{WORK_LIFETIME, WorkRule};
pub(crate) use region::{Country, Locale, Region, TimeZone};
pub(crate) use role::{Role, Roles, RolesChange};
pub(crate) use session::{ACCESS_TOKEN_LIFETIME, CurrentSession, ReplacedToken, Rotation, Session, SessionLimits};
pub(crate) use sign_in::{FailedSignIns, Familiarity, SignIn, Whereabouts};
pub(crate) use signing_key::{next_start, retired_count};
pub(crate) use standing::{Sanction, Standing, Target, check_authority, parse_reason};

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

/// What is known of a request's client.
#[derive(Debug, Clone)]
pub(crate) struct ClientInfo {
    /// The client's IP address, if it is known.
    pub address: Option<IpAddr>,
    /// The hash of the request's `Idempotency-Key`.
    pub request_key: Option<Vec<u8>>,
    /// Whether the request came through the operators' listener.
    pub operators: bool,
}
