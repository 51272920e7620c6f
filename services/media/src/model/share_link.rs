//! Links that expire: every client that has one sees one item, although it is private, until it expires or is revoked.
//!
//! Invariant: the URLs that a link opens expire with it or before. The token of a link is stored nowhere, only its
//! SHA-256.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contract::{AccountId, MediaId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The most links of an item that have not expired.
pub(crate) const MAX_LINKS: usize = 50;
/// The shortest and the longest life of a link.
const MIN_LIFETIME: TimeDelta = TimeDelta::minutes(1);
const MAX_LIFETIME: TimeDelta = TimeDelta::days(366);
/// How long the signed URLs last that a link opens: they outlive a revoked link by this much at most.
const URL_TTL: TimeDelta = TimeDelta::hours(1);
/// They expire at a multiple of this, so that a URL stays the same (and cached) for a while.
const URL_STEP_SECONDS: i64 = 600;

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareLink {
    pub id: Uuid,
    pub item: MediaId,
    pub owner: AccountId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl ShareLink {
    /// Returns when a new link expires, from the two ways to say it, or a sentence that says why it can't.
    pub(crate) fn expiry(
        expires_at: Option<&str>,
        expires_in_seconds: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, String> {
        let expires_at = match (expires_at, expires_in_seconds) {
            (Some(text), None) => DateTime::parse_from_rfc3339(text)
                .map_err(|_| "`expires_at` must be a time such as 2026-06-20T15:04:05Z.")?
                .with_timezone(&Utc),
            (None, Some(seconds)) => now + TimeDelta::seconds(seconds.into()),
            _ => return Err("Send either `expires_in`, in seconds, or `expires_at`.".to_owned()),
        };
        if expires_at < now + MIN_LIFETIME || expires_at > now + MAX_LIFETIME {
            return Err("A link lasts at least a minute and at most 366 days.".to_owned());
        }
        // Signatures know whole seconds.
        Ok(expires_at.trunc_subsecs(0))
    }

    /// Returns when the URLs expire that the link opens now.
    pub(crate) fn urls_end_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let end = (now + URL_TTL).timestamp();
        let stepped = DateTime::from_timestamp(end - end.rem_euclid(URL_STEP_SECONDS), 0);
        stepped.map_or(self.expires_at, |stepped| stepped.min(self.expires_at))
    }
}

/// The token of a link: 128 random bits, in base 62.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ShareToken(String);

impl std::fmt::Debug for ShareToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShareToken")
    }
}

impl ShareToken {
    /// Returns a token made of a random id.
    pub(crate) fn new(random_id: String) -> Self {
        Self(random_id)
    }

    /// Returns the token if the text has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == base::random::ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what is stored of it: its SHA-256, hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_said_in_one_of_two_ways_and_has_limits() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let day = now + TimeDelta::days(1);
        assert_eq!(ShareLink::expiry(None, Some(86_400), now), Ok(day));
        assert_eq!(ShareLink::expiry(Some(&day.to_rfc3339()), None, now), Ok(day));
        let refused = |expires_at: Option<&str>, seconds| ShareLink::expiry(expires_at, seconds, now).unwrap_err();
        assert!(refused(None, None).contains("either"));
        assert!(refused(Some("2027-02-01T00:00:00Z"), Some(86_400)).contains("either"));
        assert!(refused(Some("tomorrow"), None).contains("such as"));
        for outside in [59, 366 * 86_400 + 1, u32::MAX] {
            assert!(refused(None, Some(outside)).contains("at most 366 days"), "{outside}");
        }
        assert!(refused(Some("2001-01-01T00:00:00Z"), None).contains("at least"));
    }

    #[test]
    fn urls_expire_within_an_hour_and_never_after_their_link() {
        let now = DateTime::from_timestamp(1_800_000_123, 0).unwrap();
        let link = |lifetime| ShareLink {
            id: Uuid::nil(),
            item: MediaId::random(),
            owner: AccountId(Uuid::nil()),
            created_at: now,
            expires_at: now + lifetime,
        };
        let end = link(TimeDelta::days(1)).urls_end_at(now);
        assert!((TimeDelta::minutes(50)..=TimeDelta::hours(1)).contains(&(end - now)));
        assert_eq!(end.timestamp() % URL_STEP_SECONDS, 0);
        let short = link(TimeDelta::minutes(2));
        assert_eq!(short.urls_end_at(now), short.expires_at);
    }

    #[test]
    fn a_token_has_one_form_and_its_hash_does_not_show_it() {
        let token = ShareToken::new(base::Random::system().id());
        assert_eq!(ShareToken::parse(token.as_str()), Some(token.clone()));
        assert!(!token.hash().contains(token.as_str()) && !format!("{token:?}").contains(token.as_str()));
        for bad in ["", "short", "5kT0vYq8Zb3mXw1RcHs9G-", "5kT0vYq8Zb3mXw1RcHs9Gaa"] {
            assert_eq!(ShareToken::parse(bad), None, "{bad}");
        }
    }
}
