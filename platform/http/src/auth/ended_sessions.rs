//! Sessions that have ended while access tokens of theirs are still valid by their times.
//!
//! Every process asks the accounts role for them. Owns the list in this process; accounts owns sessions. Invariant: a
//! list that cannot be read refuses no token, and it has at most [`MAX_SESSIONS`] entries: a token ends by itself after
//! a quarter of an hour.

use std::collections::HashMap;

use base::Query;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CLOCK_SKEW_SECONDS;

/// How long a session stays in the list: longer than a token is valid, with an allowance for clocks that differ.
pub const KEPT: TimeDelta = TimeDelta::minutes(20);
/// The most sessions of one response, newest first.
pub const MAX_SESSIONS_PER_RESPONSE: usize = 10_000;
/// The most sessions that are remembered.
const MAX_SESSIONS: usize = 200_000;
/// Each request reaches so far back before the last one, for transactions that were committed late,
/// and because this clock may be ahead of that of accounts as far as tokens allow it.
const OVERLAP: TimeDelta = TimeDelta::seconds(CLOCK_SKEW_SECONDS + 90);

/// Asks accounts for the sessions that ended since this time, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindEndedSessions {
    /// The time.
    pub since: i64,
}

/// A session that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSession {
    /// The session.
    pub id: Uuid,
    /// When it ended, in seconds since 1970.
    pub at: i64,
}

impl Query for FindEndedSessions {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/ended-sessions/{since}";
    type Response = Vec<EndedSession>;

    fn path(&self) -> String {
        format!("/internal/ended-sessions/{}", self.since)
    }
}

/// The list of this process.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    list: RwLock<List>,
}

#[derive(Debug, Default)]
struct List {
    sessions: HashMap<Uuid, i64>,
    /// When the last response arrived.
    read_at: Option<DateTime<Utc>>,
}

impl EndedSessions {
    pub fn contains(&self, session: &Uuid) -> bool {
        self.list.read().sessions.contains_key(session)
    }

    /// Returns what to ask for next.
    pub fn query(&self, now: DateTime<Utc>) -> FindEndedSessions {
        let since = self.list.read().read_at.map_or(now - KEPT, |read_at| read_at - OVERLAP).max(now - KEPT);
        FindEndedSessions { since: since.timestamp() }
    }

    /// Adds a response to a query of `now`, and forgets sessions whose tokens have ended by themselves.
    pub fn add(&self, ended: &[EndedSession], now: DateTime<Utc>) {
        let mut list = self.list.write();
        let oldest = (now - KEPT).timestamp();
        list.sessions.retain(|_, at| *at >= oldest);
        let room = MAX_SESSIONS.saturating_sub(list.sessions.len());
        list.sessions.extend(ended.iter().take(room).map(|session| (session.id, session.at)));
        list.read_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_asked_for_with_an_overlap_and_forgotten_with_their_tokens() {
        let (list, now) = (EndedSessions::default(), Utc::now());
        assert_eq!(list.query(now).since, (now - KEPT).timestamp());
        let (id, at) = (Uuid::from_u128(1), now.timestamp());
        list.add(&[EndedSession { id, at }], now);
        assert!(list.contains(&id) && !list.contains(&Uuid::nil()));
        assert_eq!(list.query(now + TimeDelta::seconds(20)).since, (now - OVERLAP).timestamp());
        list.add(&[], now + KEPT);
        assert!(list.contains(&id));
        list.add(&[], now + KEPT + TimeDelta::seconds(1));
        assert!(!list.contains(&id));
        assert_eq!(FindEndedSessions { since: 7 }.path(), FindEndedSessions::PATH.replace("{since}", "7"));
    }

    #[test]
    fn a_clock_that_is_ahead_as_far_as_tokens_allow_misses_no_session() {
        let (list, now) = (EndedSessions::default(), Utc::now());
        let ahead = now + TimeDelta::seconds(CLOCK_SKEW_SECONDS);
        list.add(&[], ahead);
        assert!(list.query(ahead + TimeDelta::seconds(5)).since <= now.timestamp());
    }

    #[test]
    fn the_list_is_bounded() {
        let (list, now) = (EndedSessions::default(), Utc::now());
        for start in (0..MAX_SESSIONS as u128 + 10).step_by(MAX_SESSIONS_PER_RESPONSE) {
            let ended: Vec<EndedSession> = (start..start + MAX_SESSIONS_PER_RESPONSE as u128)
                .map(|number| EndedSession { id: Uuid::from_u128(number), at: now.timestamp() })
                .collect();
            list.add(&ended, now);
        }
        assert_eq!(list.list.read().sessions.len(), MAX_SESSIONS);
    }
}
