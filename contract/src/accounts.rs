//! The events of `accounts`: an account was erased and all data about it must be removed; a profile changed, became
//! private or no longer is; an account was suspended, and why, or restored; sessions have ended. The internal queries
//! for what other services may know of accounts and for where mails to them go, and the subject of avatars.
//!
//! Invariant: [`Erased`] is published in the transaction that removes the account, so the event never concerns an
//! account that still exists, and the id is never used again. [`StandingChanged`] is published in the transaction that
//! changes the account.

use base::Query;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{AccountId, Event, MediaId};

/// The subject that clients claim the photo of an avatar for. Such items are in no library.
pub const AVATAR_SUBJECT: &str = "account:avatar";

/// `accounts.erased`: the account is gone; every service removes what it stores about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The id of the erased account.
    pub account: AccountId,
    /// The account's last handle, for copies stored by handle. Another account may take it later.
    pub handle: String,
    /// When the account was erased.
    pub at: DateTime<Utc>,
}

impl Event for Erased {
    const SUBJECT: &'static str = "accounts.erased";
}

/// `accounts.privacy_changed`: the member has made the profile private, or no longer private. What lists the member's
/// things for others lists nothing while it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyChanged {
    /// The account's id.
    pub account: AccountId,
    /// Whether the profile is private now.
    pub is_private: bool,
    /// When the member changed it. A subscriber discards an older event that arrives late.
    pub at: DateTime<Utc>,
}

impl Event for PrivacyChanged {
    const SUBJECT: &'static str = "accounts.privacy_changed";
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Everything.
    #[default]
    Active,
    /// It signs in and reads, but publishes nothing and sends nothing to others.
    Limited,
    /// It can't sign in, its tokens are refused, and what it has published is not shown.
    Suspended,
    /// As suspended, without an end.
    Banned,
}

crate::string_enum!(
    AccountState: Active => "active", Limited => "limited", Suspended => "suspended", Banned => "banned"
);

/// `accounts.standing_changed`: an account was limited, suspended, banned or restored.
///
/// A state that ends by itself ends at `until` for every role, whether or not the event about its end has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingChanged {
    /// The account.
    pub account: AccountId,
    /// Its state from now on.
    pub state: AccountState,
    /// When the state ends by itself; `None` for no end.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Increases with every change, so that a subscriber can discard an older event that arrives late.
    pub version: u64,
}

impl Event for StandingChanged {
    const SUBJECT: &'static str = "accounts.standing_changed";
}

/// `accounts.sanction_imposed`: a moderator or operator has limited, suspended or banned an account by themselves, and
/// not by a decision about a case. `moderation` keeps it as a decision, which the member reads and may appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SanctionImposed {
    /// The sanction's id, by which `moderation.overturned` ends it.
    pub id: Uuid,
    /// The account.
    pub account: AccountId,
    /// What it may do now.
    pub state: AccountState,
    /// Why, in words for the member.
    pub statement: String,
    /// When it ends by itself.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Who has imposed it.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for SanctionImposed {
    const SUBJECT: &'static str = "accounts.sanction_imposed";
}

/// `accounts.sanction_refused`: a decision of `moderation` about an account was not followed, because the moderator may
/// not decide so about it. One about an account that is gone publishes none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SanctionRefused {
    /// The decision, as `moderation.decided` names it.
    pub decision: Uuid,
    /// Why, as a sentence.
    pub why: String,
}

impl Event for SanctionRefused {
    const SUBJECT: &'static str = "accounts.sanction_refused";
}

/// `accounts.sessions_ended`: sessions or API keys of an account have ended, by their member, by a new password, by the
/// reuse of a token or because they were not used. What was set up in them for a device counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsEnded {
    /// The account.
    pub account: AccountId,
    /// The sessions, as `sid` of their access tokens. None of them comes back.
    pub sessions: Vec<Uuid>,
    /// When they ended.
    pub at: DateTime<Utc>,
}

impl Event for SessionsEnded {
    const SUBJECT: &'static str = "accounts.sessions_ended";
}

/// What other members see of an account beside what they do, and the copy of it that other services keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The account.
    pub account: AccountId,
    /// The unique name, lower-case. An account keeps it.
    pub handle: String,
    /// The name to show.
    pub display_name: String,
    /// The photo of the profile.
    pub avatar: Option<MediaId>,
    /// Whether the profile is private.
    pub is_private: bool,
    /// When it was like this. A subscriber discards an older profile that arrives late.
    pub at: DateTime<Utc>,
}

/// `accounts.profile_changed`: an account was created, or its profile has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// The profile as it is now.
    pub profile: Profile,
}

impl Event for ProfileChanged {
    const SUBJECT: &'static str = "accounts.profile_changed";
}

/// The largest number of names in a [`FindAccounts`].
pub const MAX_ACCOUNTS_PER_QUERY: usize = 50;

/// Asks accounts for accounts by name: a handle, or an id. At most [`MAX_ACCOUNTS_PER_QUERY`]. Names that no account
/// has are left out; suspended accounts are not. The caller has checked that a name has only letters, digits and
/// `_`, `.`, `-`, or has percent-encoded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindAccounts(pub Vec<String>);

impl Query for FindAccounts {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/accounts/{names}";
    type Response = Vec<FoundAccount>;

    fn path(&self) -> String {
        format!("/internal/accounts/{}", self.0.join(","))
    }
}

/// Asks accounts where mails to accounts go, at most [`MAX_ACCOUNTS_PER_QUERY`]. An account that has not confirmed its
/// address, or is suspended, is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindMailboxes(pub Vec<AccountId>);

impl Query for FindMailboxes {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/mailboxes/{accounts}";
    type Response = Vec<Mailbox>;

    fn path(&self) -> String {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        format!("/internal/mailboxes/{}", ids.join(","))
    }
}

/// Where mails to an account go, and how its member reads them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The account.
    pub account: AccountId,
    /// The confirmed address.
    pub email: String,
    /// The unique name.
    pub handle: String,
    /// The language (BCP 47).
    pub locale: String,
    /// The time zone (IANA).
    pub time_zone: String,
}

impl std::fmt::Debug for Mailbox {
    /// Without the address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").field("account", &self.account).finish_non_exhaustive()
    }
}

/// An account that [`FindAccounts`] has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAccount {
    /// The profile.
    pub profile: Profile,
    /// The standing.
    pub standing: StandingChanged,
}
