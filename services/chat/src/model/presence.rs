//! Whether a member is online, who sees that, and how exactly.
//!
//! Invariant: two members see each other, or neither sees the other, so hiding one's own presence hides that of others.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who sees whether a member is online, of those with whom the member shares a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "everyone")]
pub(crate) enum PresenceAudience {
    /// Everyone who takes part in a conversation with the member.
    #[default]
    Everyone,
    /// Those whom the member follows.
    Followed,
    /// No one.
    Nobody,
}

contract::string_enum!(PresenceAudience: Everyone => "everyone", Followed => "followed", Nobody => "nobody");

impl PresenceAudience {
    /// Whether a member with this setting is seen by another one, whom the member follows or not.
    fn admits(self, is_followed: bool) -> bool {
        match self {
            Self::Everyone => true,
            Self::Followed => is_followed,
            Self::Nobody => false,
        }
    }
}

/// What two members want, one of whom would see the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PresencePair {
    /// The setting of the one.
    pub own: PresenceAudience,
    /// The setting of the other.
    pub other: PresenceAudience,
}

impl PresencePair {
    /// Whether it matters who of the two follows the other.
    pub(crate) fn depends_on_follows(self) -> bool {
        let is_hidden = self.own == PresenceAudience::Nobody || self.other == PresenceAudience::Nobody;
        !is_hidden && (self.own == PresenceAudience::Followed || self.other == PresenceAudience::Followed)
    }

    /// Whether the two see each other, by whether the one follows the other and the other the one.
    pub(crate) fn is_seen(self, follows: bool, is_followed: bool) -> bool {
        self.own.admits(follows) && self.other.admits(is_followed)
    }
}

/// Whether a member is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "online")]
pub(crate) enum PresenceState {
    /// A device of theirs is connected and in use.
    Online,
    /// None is.
    Away,
}

/// The presence of a member, as another one sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChatPresence, example = json!({"state": "away", "last_seen_at": "2026-05-04T18:30:00Z"}))]
pub(crate) struct Presence {
    /// Whether they are connected.
    state: PresenceState,
    /// When they were online last: to five minutes within the last hour, to an hour within a day, else to a day (UTC).
    /// Null while they are online, and where it is not known.
    #[schema(required)]
    last_seen_at: Option<DateTime<Utc>>,
}

impl Presence {
    /// A member who is connected.
    pub(crate) const ONLINE: Self = Self { state: PresenceState::Online, last_seen_at: None };

    /// Returns the presence of a member who was online last at a time, if it is known.
    pub(crate) fn away(last_seen_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self { state: PresenceState::Away, last_seen_at: last_seen_at.map(|at| coarse(at, now)) }
    }
}

/// Returns a time as exactly as others learn it.
fn coarse(at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let age = now - at;
    let step = if age < TimeDelta::hours(1) {
        TimeDelta::minutes(5)
    } else if age < TimeDelta::days(1) {
        TimeDelta::hours(1)
    } else {
        TimeDelta::days(1)
    };
    at.duration_trunc(step).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_see_each_other_or_neither_does() {
        use PresenceAudience::{Everyone, Followed, Nobody};
        for own in [Everyone, Followed, Nobody] {
            for other in [Everyone, Followed, Nobody] {
                for (follows, is_followed) in [(false, false), (false, true), (true, false), (true, true)] {
                    let (pair, back) = (PresencePair { own, other }, PresencePair { own: other, other: own });
                    let is_seen = pair.is_seen(follows, is_followed);
                    assert_eq!(is_seen, back.is_seen(is_followed, follows), "{pair:?}");
                    assert!(!is_seen || (own != Nobody && other != Nobody), "{pair:?}");
                    assert!(!is_seen || own != Followed || follows, "{pair:?}");
                    assert!(pair.depends_on_follows() || is_seen == pair.is_seen(true, true), "{pair:?}");
                }
            }
        }
    }

    #[test]
    fn the_older_a_time_the_less_exactly_it_is_told() {
        let now: DateTime<Utc> = "2026-05-04T18:33:20Z".parse().unwrap();
        let told = |age| Presence::away(Some(now - age), now).last_seen_at.unwrap().to_rfc3339();
        assert_eq!(told(TimeDelta::minutes(1)), "2026-05-04T18:30:00+00:00");
        assert_eq!(told(TimeDelta::hours(2)), "2026-05-04T16:00:00+00:00");
        assert_eq!(told(TimeDelta::days(3)), "2026-05-01T00:00:00+00:00");
    }
}
