//! What the standing of a member means for their items.
//!
//! Invariant: a standing whose end has passed counts as active.

use chrono::{DateTime, Utc};
use contract::accounts::AccountState;
use contract::media::Visibility;

/// The standing of a member, as the accounts role has published it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MemberStanding {
    pub state: AccountState,
    /// When the state ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl MemberStanding {
    fn state_at(self, now: DateTime<Utc>) -> AccountState {
        if self.until.is_some_and(|until| until <= now) { AccountState::Active } else { self.state }
    }

    /// Whether nothing of the member is shown to others.
    pub(crate) fn hides_items(self, now: DateTime<Utc>) -> bool {
        matches!(self.state_at(now), AccountState::Suspended | AccountState::Banned)
    }

    /// Whether the member may show more to others than before.
    pub(crate) fn may_publish(self, now: DateTime<Utc>) -> bool {
        self.state_at(now) == AccountState::Active
    }
}

/// Whether a change of visibility shows something to clients who did not see it before.
pub(crate) fn publishes(before: Visibility, after: Visibility) -> bool {
    use Visibility::{Private, Public, Unlisted};
    matches!((before, after), (Private, Unlisted | Public) | (Unlisted, Public))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use AccountState::{Active, Banned, Limited, Suspended};

    #[test]
    fn a_state_hides_or_limits_until_its_end() {
        let now = Utc::now();
        let until = Some(now + TimeDelta::hours(1));
        for (state, hides, may_publish) in
            [(Active, false, true), (Limited, false, false), (Suspended, true, false), (Banned, true, false)]
        {
            let standing = MemberStanding { state, until };
            assert_eq!((standing.hides_items(now), standing.may_publish(now)), (hides, may_publish), "{state:?}");
            let later = now + TimeDelta::hours(1);
            assert_eq!((standing.hides_items(later), standing.may_publish(later)), (false, true), "{state:?}");
        }
    }

    #[test]
    fn only_a_wider_visibility_publishes() {
        use Visibility::{Private, Public, Unlisted};
        for (before, after) in [(Private, Unlisted), (Private, Public), (Unlisted, Public)] {
            assert!(publishes(before, after) && !publishes(after, before) && !publishes(before, before));
        }
    }
}
