//! Sessions, and what follows from presenting a refresh token.
//!
//! Each refresh token can be used once. Invariant: a token that is used twice ends its session, unless the second use
//! comes within [`REUSE_GRACE`] (30 s) and the successor has not been used. Then the response was lost, and the same
//! successor is returned again.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Account;
use super::authentication::Authentication;

/// The lifetime of an access token.
pub(crate) const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long after its rotation a token may be sent again by a client that missed the response. Long enough for a
/// database that responds slowly.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(30);

/// A session: one device that is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The session's id, `sid` in access tokens.
    pub id: Uuid,
    /// The name of the device.
    pub device: String,
    /// When the member signed in.
    pub created_at: DateTime<Utc>,
    /// When its refresh token was last used.
    pub last_seen_at: DateTime<Utc>,
    /// Whether the member signed in at the operators' listener.
    pub operators: bool,
}

/// How long a session may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionLimits {
    /// How long it may go without use.
    pub idle: TimeDelta,
    /// How long it may be used at all; `None` for no limit.
    pub total: Option<TimeDelta>,
}

impl SessionLimits {
    /// Returns when a session that was opened at `opened_at` ends at the latest.
    pub(crate) fn end(&self, opened_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.total.map(|total| opened_at + total)
    }

    /// Whether a session may go on.
    pub(crate) fn allow(&self, opened_at: DateTime<Utc>, last_seen_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - last_seen_at < self.idle && self.end(opened_at).is_none_or(|end| now < end)
    }
}

/// The account and session of a request's caller.
#[derive(Debug, Clone)]
pub(crate) struct CurrentSession {
    /// The account.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// What its member has proven, and when.
    pub authentication: Authentication,
}

/// The token that a session's current token replaced.
#[derive(Debug, Clone)]
pub(crate) struct ReplacedToken {
    /// The hash of its secret; `None` if the session's first token is still current.
    pub hash: Option<Vec<u8>>,
    /// When it was replaced.
    pub at: Option<DateTime<Utc>>,
}

/// The result of presenting a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It was the current token, and its successor is current now.
    Rotated,
    /// It was replaced within [`REUSE_GRACE`], and its successor was never used: the response was lost.
    Repeated,
    /// It was used before. The session ends.
    Reused,
    /// The session has ended meanwhile.
    Gone,
}

impl Rotation {
    /// Returns the result for a token that is not the current one of its session. `secret_hash` is the hash of its
    /// secret; `replaced` is the token before the current one, or `None` if the session has ended.
    pub(crate) fn without_current(replaced: Option<&ReplacedToken>, secret_hash: &[u8], now: DateTime<Utc>) -> Self {
        let Some(replaced) = replaced else { return Self::Gone };
        let is_predecessor = replaced.hash.as_deref() == Some(secret_hash);
        let is_recent = replaced.at.is_some_and(|at| now - at <= REUSE_GRACE);
        if is_predecessor && is_recent { Self::Repeated } else { Self::Reused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_was_idle_or_used_for_too_long() {
        let limits = SessionLimits { idle: TimeDelta::minutes(30), total: Some(TimeDelta::hours(8)) };
        let opened = Utc::now();
        let at = |minutes| opened + TimeDelta::minutes(minutes);
        assert!(limits.allow(opened, opened, at(29)) && !limits.allow(opened, opened, at(30)));
        assert!(limits.allow(opened, at(470), at(479)) && !limits.allow(opened, at(479), at(480)));
        assert!(SessionLimits { total: None, ..limits }.allow(opened, at(100_000), at(100_001)));
    }

    #[test]
    fn only_the_predecessor_may_come_again_and_only_for_half_a_minute() {
        let at = Utc::now();
        let replaced = ReplacedToken { hash: Some(vec![1]), at: Some(at) };
        let present =
            |hash: &[u8], seconds| Rotation::without_current(Some(&replaced), hash, at + TimeDelta::seconds(seconds));
        assert_eq!((present(&[1], 0), present(&[1], 30)), (Rotation::Repeated, Rotation::Repeated));
        assert_eq!(present(&[1], 31), Rotation::Reused);
        assert_eq!(present(&[2], 0), Rotation::Reused);
        let first = ReplacedToken { hash: None, at: None };
        assert_eq!(Rotation::without_current(Some(&first), &[1], at), Rotation::Reused);
        assert_eq!(Rotation::without_current(None, &[1], at), Rotation::Gone);
    }
}
