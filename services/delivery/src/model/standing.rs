//! What the standing of a member means for reading their items.
//!
//! Invariant: a standing whose end has passed counts as active.

use chrono::{DateTime, Utc};
use contract::accounts::AccountState;

/// The standing of a member, as the accounts role has published it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MemberStanding {
    pub state: AccountState,
    /// When the state ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl MemberStanding {
    /// Whether no item of the member can be read.
    pub fn hides_items(self, now: DateTime<Utc>) -> bool {
        let has_ended = self.until.is_some_and(|until| until <= now);
        !has_ended && matches!(self.state, AccountState::Suspended | AccountState::Banned)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn only_a_suspension_that_has_not_ended_hides_items() {
        let now = Utc::now();
        let hides = |state, until| MemberStanding { state, until }.hides_items(now);
        assert!(hides(AccountState::Suspended, None) && hides(AccountState::Banned, None));
        assert!(hides(AccountState::Suspended, Some(now + TimeDelta::seconds(1))));
        assert!(!hides(AccountState::Suspended, Some(now)));
        assert!(!hides(AccountState::Active, None) && !hides(AccountState::Limited, None));
    }
}
