//! The standing of an account: what it may do, who may change that, and for how long.
//!
//! | state | signs in | tokens | what it published |
//! |---|---|---|---|
//! | active | yes | accepted | is shown |
//! | limited | yes | accepted; it publishes nothing and sends nothing | is shown |
//! | suspended, banned | no | refused by every role | is not shown |
//!
//! Invariant: a standing whose end has passed counts as active, whether or not its row has been changed.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};

use super::display_text;
use super::role::{Role, Roles};
use crate::error::Error;

const MAX_REASON_CHARS: usize = 300;
/// The last year of a time that is stored. SQLite compares times as texts, in which later years come first.
pub(super) const MAX_YEAR: i32 = 9999;
/// The longest that a moderator may limit or suspend an account. An operator has no such bound.
const MODERATOR_MAX: TimeDelta = TimeDelta::days(7);

/// Whether an account may be used, and what it may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// The state. It counts until `until`: see [`Standing::state_at`].
    pub state: AccountState,
    /// Why, in words that the member reads.
    pub reason: Option<String>,
    /// When the state ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// Grows with every change, and when a role is revoked.
    pub version: u64,
}

impl Standing {
    /// Returns the state that counts at a time.
    pub(crate) fn state_at(&self, now: DateTime<Utc>) -> AccountState {
        if self.until.is_some_and(|until| until <= now) { AccountState::Active } else { self.state }
    }

    /// Whether sign-ins and tokens of the account are refused, and nothing of it is shown.
    pub(crate) fn is_denied(&self, now: DateTime<Utc>) -> bool {
        matches!(self.state_at(now), AccountState::Suspended | AccountState::Banned)
    }

    /// Refuses to go on for an account that is suspended or banned.
    pub(crate) fn check_usable(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if self.is_denied(now) {
            return Err(Error::Suspended { reason: self.reason.clone().unwrap_or_default(), until: self.until });
        }
        Ok(())
    }

    /// Returns the event of this standing.
    pub(crate) fn changed(&self, account: AccountId) -> StandingChanged {
        StandingChanged { account, state: self.state, until: self.until, version: self.version }
    }
}

/// A decision about an account that is not active any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sanction {
    /// The new state.
    pub state: AccountState,
    /// The reason, which the member reads.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl Sanction {
    /// Checks a decision that takes effect at `now`.
    pub(crate) fn parse(
        state: AccountState,
        reason: &str,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        if state == AccountState::Active {
            return Err(Error::InvalidSanction("`state` is limited, suspended or banned. To lift one, use `restore`."));
        }
        if until.is_some_and(|until| until <= now) {
            return Err(Error::InvalidSanction("`until` must be in the future."));
        }
        if until.is_some_and(|until| until.year() > MAX_YEAR) {
            return Err(Error::InvalidSanction("`until` must be before the year 10000. Leave it out for no end."));
        }
        if state == AccountState::Banned && until.is_some() {
            return Err(Error::InvalidSanction("A ban has no end. Leave `until` out, or suspend the account."));
        }
        // The databases keep microseconds.
        let until = until.and_then(|until| DateTime::from_timestamp_micros(until.timestamp_micros()));
        Ok(Self { state, reason: parse_reason(reason)?, until })
    }

    /// Whether an account has exactly this standing already.
    pub(crate) fn is_in_force(&self, standing: &Standing) -> bool {
        standing.state == self.state
            && standing.until == self.until
            && standing.reason.as_deref() == Some(self.reason.as_str())
    }
}

/// Checks a reason: one line of 1–300 characters.
pub(crate) fn parse_reason(text: &str) -> Result<String, Error> {
    let refused = Error::InvalidSanction("`reason` must have 1 to 300 characters on one line. The member reads it.");
    match display_text::single_line(text) {
        Ok(reason) if reason.chars().count() <= MAX_REASON_CHARS => Ok(reason),
        _ => Err(refused),
    }
}

/// An account whose standing is about to be changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Its id.
    pub id: AccountId,
    /// Its roles.
    pub roles: &'a Roles,
}

/// Checks that the account `by` with these roles may give the target this state, or lift it.
///
/// A moderator limits and suspends members for at most seven days; an operator decides about everybody but themselves.
pub(crate) fn check_authority(
    (by, roles): (AccountId, &Roles),
    target: Target<'_>,
    state: AccountState,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if by == target.id {
        return Err(Error::BeyondRole("You can't decide about your own account. Ask another operator."));
    }
    if roles.has(Role::Operator) {
        return Ok(());
    }
    if !roles.has(Role::Moderator) {
        return Err(Error::BeyondRole("This needs the role moderator or operator."));
    }
    if target.roles.is_staff() {
        return Err(Error::BeyondRole("Only an operator decides about an account with another role than member."));
    }
    let is_short = until.is_some_and(|until| until <= now + MODERATOR_MAX);
    if state == AccountState::Banned || !is_short {
        return Err(Error::BeyondRole("A moderator limits or suspends for at most seven days. Ask an operator."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountState::{Active, Banned, Limited, Suspended};

    fn standing(state: AccountState, until: Option<DateTime<Utc>>) -> Standing {
        Standing { state, reason: Some("Spam.".into()), until, version: 1 }
    }

    #[test]
    fn a_state_ends_by_itself_at_its_time() {
        let now = Utc::now();
        let suspended = standing(Suspended, Some(now + TimeDelta::hours(1)));
        assert!(matches!(
            suspended.check_usable(now),
            Err(Error::Suspended { reason, until: Some(_) }) if reason == "Spam."
        ));
        assert!(suspended.check_usable(now + TimeDelta::hours(1)).is_ok());
        assert_eq!(suspended.state_at(now + TimeDelta::hours(1)), Active);
        assert!(standing(Banned, None).is_denied(now + TimeDelta::days(10_000)));
        assert!(!standing(Limited, None).is_denied(now));
        assert!(!Standing::default().is_denied(now));
    }

    #[test]
    fn a_sanction_has_a_state_a_reason_and_a_possible_end() {
        let now = Utc::now();
        let later = Some(now + TimeDelta::hours(1));
        for (state, until) in [(Limited, None), (Limited, later), (Suspended, None), (Suspended, later), (Banned, None)]
        {
            assert!(Sanction::parse(state, " Spam. ", until, now).is_ok_and(|sanction| sanction.reason == "Spam."));
        }
        // In the year 10000.
        let too_late = DateTime::from_timestamp(253_402_300_800, 0);
        for (state, until) in [(Active, None), (Suspended, Some(now)), (Suspended, too_late), (Banned, later)] {
            assert!(Sanction::parse(state, "Spam.", until, now).is_err(), "{state:?} {until:?}");
        }
        for reason in ["", "  ", "a\nb", "a\u{202e}b", &"a".repeat(301)] {
            assert!(Sanction::parse(Suspended, reason, None, now).is_err(), "{reason:?}");
        }
    }

    #[test]
    fn who_may_decide_follows_from_the_roles() {
        let (now, by, other) = (Utc::now(), AccountId(uuid::Uuid::from_u128(1)), AccountId(uuid::Uuid::from_u128(2)));
        let roles = |role| Roles::for_new_account().with(role);
        let (member, moderator, operator) = (Roles::for_new_account(), roles(Role::Moderator), roles(Role::Operator));
        let (week, longer) = (Some(now + TimeDelta::days(7)), Some(now + TimeDelta::days(8)));
        let may = |roles: &Roles, id: AccountId, of: &Roles, state, until| {
            check_authority((by, roles), Target { id, roles: of }, state, until, now).is_ok()
        };
        assert!(may(&moderator, other, &member, Limited, week) && may(&moderator, other, &member, Suspended, week));
        for (state, until) in [(Suspended, longer), (Suspended, None), (Limited, None), (Banned, None)] {
            assert!(!may(&moderator, other, &member, state, until), "{state:?} {until:?}");
            assert!(may(&operator, other, &member, state, until), "{state:?} {until:?}");
        }
        assert!(!may(&moderator, other, &operator, Suspended, week) && may(&operator, other, &operator, Banned, None));
        assert!(!may(&operator, by, &operator, Limited, week), "not about oneself");
        assert!(
            !may(&member, other, &member, Limited, week) && !may(&roles(Role::Viewer), other, &member, Limited, week)
        );
    }
}
