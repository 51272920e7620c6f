//! A member, as social knows them: the copy of an account, and its small number in this database.
//!
//! Invariant: a number belongs to one account for good; the number of an erased account is not given to another on
//! purpose (it is random).

use chrono::{DateTime, Utc};
use contract::accounts::AccountState;
use contract::social::views::PersonView;
use contract::{AccountId, MediaId};

/// The longest name of an account: a UUID. A handle has at most 30 characters.
const MAX_NAME_BYTES: usize = 36;

/// The number of a person in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PersonNumber(pub i64);

impl PersonNumber {
    /// The number of a reader who has no person here: a visitor, or a member who has no relation to any other.
    pub(crate) const NONE: Self = Self(0);
    /// The largest number. SQLite stores one up to this in four bytes.
    pub(crate) const MAX: u64 = i32::MAX as u64;
}

/// The standing of an account, as the accounts role has published it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The state.
    pub state: AccountState,
    /// When the state ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl Standing {
    fn state_at(self, now: DateTime<Utc>) -> AccountState {
        if self.until.is_some_and(|until| until <= now) { AccountState::Active } else { self.state }
    }

    /// Whether nothing of the account is shown to others.
    pub(crate) fn is_hidden(self, now: DateTime<Utc>) -> bool {
        matches!(self.state_at(now), AccountState::Suspended | AccountState::Banned)
    }

    /// Whether the account may publish and send something to others.
    pub(crate) fn may_publish(self, now: DateTime<Utc>) -> bool {
        self.state_at(now) == AccountState::Active
    }
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The number in this database.
    pub number: PersonNumber,
    /// The account.
    pub account: AccountId,
    /// The unique name.
    pub handle: String,
    /// The name to show.
    pub display_name: String,
    /// The photo of the profile.
    pub avatar: Option<MediaId>,
    /// Whether the profile is private.
    pub is_private: bool,
    /// The standing.
    pub standing: Standing,
}

impl Person {
    /// Returns the person as others see them.
    pub(crate) fn view(&self) -> PersonView {
        PersonView {
            id: self.account,
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            avatar: self.avatar.clone(),
            is_private: self.is_private,
        }
    }
}

/// Whether a text can be the handle or the id of an account, so that it is safe in the path of a query.
pub(crate) fn is_account_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    // `.` and `..` would be other paths.
    !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && text.bytes().all(is_allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use AccountState::{Active, Banned, Limited, Suspended};

    #[test]
    fn a_standing_hides_or_limits_until_its_end() {
        let now = Utc::now();
        let later = now + TimeDelta::hours(1);
        for (state, is_hidden, may_publish) in
            [(Active, false, true), (Limited, false, false), (Suspended, true, false), (Banned, true, false)]
        {
            let standing = Standing { state, until: Some(later) };
            assert_eq!((standing.is_hidden(now), standing.may_publish(now)), (is_hidden, may_publish), "{state:?}");
            assert_eq!((standing.is_hidden(later), standing.may_publish(later)), (false, true), "{state:?}");
        }
    }

    #[test]
    fn names_that_could_be_another_path_are_none() {
        assert!(is_account_name("Ada.L-1") && is_account_name("0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"));
        for wrong in ["", ".", "..", "a/b", "a,b", "a b", "ä", "a%2f", &"a".repeat(37)] {
            assert!(!is_account_name(wrong), "{wrong:?}");
        }
    }
}
